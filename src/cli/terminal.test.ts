// On a terminal: script(1) makes one, and a control socket of the test's own answers.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { ControlServer, type Handler } from '../control/server.js';
import type { DropRow } from '../observe/drops.js';
import { OVERVIEW } from '../observe/overview.test.helper.js';

const BIN = fileURLToPath(new URL('../../../bin/vtep', import.meta.url));
const DEADLINE_MS = 20_000;
const ALTERNATE = '\u001b[?1049h';
const FORMER = '\u001b[?1049l';
const CTRL_Z = '\u001a';
const CTRL_C = '\u0003';

function hasScript(): boolean {
  try {
    return /util-linux/.test(execFileSync('script', ['--version'], { encoding: 'utf8' }));
  } catch {
    return false;
  }
}

const onTerminal = hasScript() ? test : test.skip;

const DROP: DropRow = { device: 'tap0', reason: 'tap-down', verdict: 'drop', count: 0, sentence: 'the TAP is down' };
let dropped = 0;

const answers: Handler = async ([verb], reply) => {
  if (verb === 'overview') reply({ out: JSON.stringify(OVERVIEW) });
  else if (verb === 'drops') reply({ out: JSON.stringify([{ ...DROP, count: ++dropped }]) });
  return 0;
};

/** A command of vtep's on a terminal of 60 columns. */
class Terminal {
  readonly child: ChildProcess;
  /** Everything that was printed. */
  text = '';
  private readonly ended: Promise<number | null>;
  private waiting: () => void = () => undefined;

  private constructor(line: string, env: NodeJS.ProcessEnv) {
    const shell = `stty cols 60 rows 14; exec ${process.execPath} ${BIN} ${line}`;
    this.child = spawn('script', ['-qec', shell, '/dev/null'], { env, stdio: 'pipe' });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
      this.waiting();
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', resolve);
    });
  }

  static async start(t: ExecutionContext, line: string, env: NodeJS.ProcessEnv = {}): Promise<Terminal> {
    const folder = mkdtempSync(join(tmpdir(), 'vtep-terminal-'));
    const control = join(folder, 'x.sock');
    const server = await ControlServer.listen(control, answers);
    const locale = { LC_ALL: '', LC_CTYPE: '', LANG: '', NO_COLOR: '' };
    const all = { ...process.env, ...locale, TERM: 'xterm', SHELL: '/bin/sh', VTEP_CONTROL: control, ...env };
    const terminal = new Terminal(line, all);
    t.teardown(async () => {
      // Its terminal goes with it, and that ends vtep, stopped or not.
      terminal.child.kill('SIGKILL');
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    });
    return terminal;
  }

  /** Until it has printed this, behind what was there at `from`. */
  async shows(what: string | RegExp, from = 0): Promise<void> {
    const isThere = (): boolean =>
      typeof what === 'string' ? this.text.includes(what, from) : what.test(this.text.slice(from));
    const end = Date.now() + DEADLINE_MS;
    while (!isThere()) {
      if (Date.now() > end) throw new Error(`${what} did not come: ${JSON.stringify(this.text.slice(from))}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, DEADLINE_MS);
        this.waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  type(keys: string): void {
    this.child.stdin?.write(keys);
  }

  /** The process of vtep, which stands in the place of the shell. */
  get vtep(): number {
    for (const entry of readdirSync('/proc')) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const [, parent] = /\) \S (\d+) /.exec(readFileSync(`/proc/${entry}/stat`, 'utf8')) ?? [];
        if (Number(parent) === this.child.pid) return Number(entry);
      } catch {
        // It has just ended.
      }
    }
    throw new Error('no process of vtep');
  }

  end(): Promise<number | null> {
    return this.ended;
  }
}

onTerminal('top has a screen of its own, which q and Ctrl-C give back', async (t) => {
  for (const key of ['q', CTRL_C]) {
    const terminal = await Terminal.start(t, 'top');
    await terminal.shows('every 1 s   h: help   q: end');
    terminal.type('f');
    await terminal.shows('[filters]');
    terminal.type(key);
    t.is(await terminal.end(), 0);
    t.is(terminal.text.split(ALTERNATE).length, 2);
    t.true(terminal.text.endsWith(FORMER));
  }
});

onTerminal('stopped by Ctrl-Z, top draws nothing on the shell’s screen, and goes on in its own', async (t) => {
  const terminal = await Terminal.start(t, 'top');
  await terminal.shows('q: end');
  const { vtep, child } = terminal;
  terminal.type(CTRL_Z);
  // Again and again: script(1) may stop with what it runs, and nobody knows when.
  const nudge = setInterval(() => {
    child.kill('SIGCONT');
    process.kill(vtep, 'SIGCONT');
  }, 100);
  t.teardown(() => clearInterval(nudge));
  await terminal.shows(FORMER);
  const back = terminal.text.indexOf(FORMER) + FORMER.length;
  await terminal.shows('q: end', back);
  t.is(terminal.text.indexOf(ALTERNATE, back), back);
  clearInterval(nudge);
  terminal.type('q');
  t.is(await terminal.end(), 0);
});

onTerminal('a locale of another encoding than UTF-8 gets ASCII alone', async (t) => {
  const isAscii = (text: string): boolean => [...text].every((character) => character < '\u0080');
  const top = await Terminal.start(t, 'top', { LC_ALL: 'C' });
  await top.shows('BPSv');
  top.type('h');
  await top.shows('^ v PgUp PgDn');
  top.type('q');
  t.is(await top.end(), 0);
  t.true(isAscii(top.text));
  const help = await Terminal.start(t, 'help flower', { LANG: 'POSIX' });
  t.is(await help.end(), 0);
  t.true(isAscii(help.text));
  t.regex(help.text, /^Usage: \. flower /);
  const other = await Terminal.start(t, 'help flower', { LANG: 'en_GB.UTF-8' });
  t.is(await other.end(), 0);
  t.regex(other.text, /^Usage: … flower /);
});

onTerminal('a dumb terminal is told without moving its cursor', async (t) => {
  const top = await Terminal.start(t, 'top --interval 0.1', { TERM: 'dumb' });
  t.is(await top.end(), 0);
  t.false(top.text.includes('\u001b'));
  const drops = await Terminal.start(t, 'drops -w', { TERM: 'dumb' });
  await drops.shows('tap0  tap-down  +');
  drops.type(CTRL_C);
  await drops.end();
  t.false(drops.text.includes('\u001b'));
});
