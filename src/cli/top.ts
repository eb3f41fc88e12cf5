import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '../control/client.js';
import { CommandError } from '../iproute/commands.js';
import type { Overview } from '../observe/overview.js';
import { afterKey, type Choice, CTRL_Z, FIRST_CHOICE, keysOf } from '../observe/top/keys.js';
import { ratesBetween } from '../observe/top/rates.js';
import { draw, everyTable } from '../observe/top/screen.js';
import { firstOrder, tableOf, VIEWS, type View } from '../observe/top/tables.js';
import { overviewOf } from './overview-of.js';

export interface TopOptions {
  readonly once?: boolean;
  readonly json?: boolean;
  /** Seconds between two looks. */
  readonly interval: number;
}

/** Lines of the screen that are no rows. */
const AROUND = 5;
const ALTERNATE_SCREEN = '\u001b[?1049h\u001b[?25l';
const FORMER_SCREEN = '\u001b[?25h\u001b[?1049l';

/** `vtep top`: on a terminal a screen that follows, with keys; elsewhere, and with `--once`, tables of one interval. */
export async function top(view: string | undefined, options: TopOptions, control: string | undefined): Promise<void> {
  const only = viewOf(view);
  const connection = new Connection(control);
  try {
    const { stdin, stdout, env } = process;
    // A dumb terminal has no cursor to move.
    const isScreen =
      stdout.isTTY && stdin.isTTY && env.TERM !== 'dumb' && options.once !== true && options.json !== true;
    if (isScreen) await new Follower(connection, only ?? 'devices', options.interval).run();
    else await once(connection, only, options);
  } finally {
    connection.close();
  }
}

function viewOf(word: string | undefined): View | undefined {
  if (word === undefined) return undefined;
  const found = VIEWS.filter((view) => view.startsWith(word));
  if (found.length !== 1) throw new CommandError(`vtep: top shows ${VIEWS.join(', ')}; not "${word}"`, 1);
  return found[0];
}

async function once(connection: Connection, only: View | undefined, { interval, json }: TopOptions): Promise<void> {
  const before = await overviewOf(connection);
  await sleep(interval * 1000);
  const after = await overviewOf(connection);
  const rates = ratesBetween(before, after);
  if (json === true) process.stdout.write(`${JSON.stringify({ ...after, rates })}\n`);
  else for (const line of everyTable(after, rates, only)) process.stdout.write(`${line}\n`);
}

/** The screen, until somebody ends it. */
class Follower {
  private readonly connection: Connection;
  private choice: Choice;
  private before: Overview | undefined;
  private now: Overview | undefined;
  private hasEnded = false;
  /** Whether the screen is its own: not while it is stopped. */
  private hasScreen = false;
  /** Has the present wait end. */
  private hurry = new AbortController();

  constructor(connection: Connection, view: View, seconds: number) {
    this.connection = connection;
    this.choice = { ...FIRST_CHOICE, view, order: firstOrder(view), seconds };
  }

  async run(): Promise<void> {
    const { stdin, stdout } = process;
    const keys = (text: string): void => this.pressed(text);
    const size = (): void => this.draw();
    const end = (): void => this.end();
    const stop = (): void => this.suspend();
    const goOn = (): void => this.resume();
    stdin.setEncoding('utf8').on('data', keys).on('end', end);
    stdout.on('resize', size);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
    process.on('SIGTSTP', stop).on('SIGCONT', goOn);
    this.resume();
    try {
      while (!this.hasEnded) {
        if (!this.choice.isPaused || this.now === undefined) await this.look();
        this.draw();
        this.hurry = new AbortController();
        const wait = this.before === undefined ? Math.min(1, this.choice.seconds) : this.choice.seconds;
        await sleep(wait * 1000, undefined, { signal: this.hurry.signal }).catch(() => undefined);
      }
    } finally {
      process.off('SIGTSTP', stop).off('SIGCONT', goOn);
      stdout.off('resize', size);
      stdin.off('data', keys).off('end', end).pause();
      this.leaveScreen();
    }
  }

  /** Ctrl-Z: the shell has its terminal back as it was, until the process is told to go on. */
  private suspend(): void {
    this.leaveScreen();
    process.kill(process.pid, 'SIGSTOP');
  }

  private resume(): void {
    process.stdin.setRawMode(true);
    process.stdout.write(ALTERNATE_SCREEN);
    this.hasScreen = true;
    this.draw();
  }

  private leaveScreen(): void {
    this.hasScreen = false;
    process.stdout.write(FORMER_SCREEN);
    process.stdin.setRawMode(false);
  }

  private async look(): Promise<void> {
    const next = await overviewOf(this.connection);
    this.before = this.now;
    this.now = next;
  }

  private pressed(text: string): void {
    const { now, before } = this;
    const rates = now && ratesBetween(before ?? now, now);
    for (const key of keysOf(text)) {
      if (key === CTRL_Z) {
        this.suspend();
        continue;
      }
      const table = rates && tableOf(this.choice.view, rates);
      const size = { columns: table?.columns.length ?? 1, rows: table?.rows.length ?? 0, page: this.page };
      const choice = afterKey(this.choice, key, size);
      if (choice === undefined) {
        this.end();
        return;
      }
      const isOtherPace = choice.seconds !== this.choice.seconds || choice.isPaused !== this.choice.isPaused;
      this.choice = choice;
      if (isOtherPace) this.hurry.abort();
    }
    this.draw();
  }

  private end(): void {
    this.hasEnded = true;
    this.hurry.abort();
  }

  private get page(): number {
    return Math.max(1, (process.stdout.rows || 24) - AROUND);
  }

  private draw(): void {
    const { now, before } = this;
    if (now === undefined || this.hasEnded || !this.hasScreen) return;
    const { stdout } = process;
    const screen = {
      width: stdout.columns || 80,
      height: stdout.rows || 24,
      isPlain: (process.env.NO_COLOR ?? '') !== '',
    };
    const lines = draw(now, ratesBetween(before ?? now, now), this.choice, screen);
    stdout.write(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`);
  }
}
