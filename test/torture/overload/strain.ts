/** What is looked at while a vtep is under strain: its memory, and how soon it answers. */
import { readFileSync } from 'node:fs';
import { Connection } from '../../../src/control/client.js';
import type { Daemon } from '../../netns/daemon.js';
import { controlSocket } from '../../netns/update-rules.js';
import type { Figure } from '../scenario.js';

const MIB = 1024 * 1024;
/** Milliseconds between two looks, and two questions. */
const PACE = 50;
/** What an answer may take (issue: half a second), and the memory that may come on top of the first quarter's: MiB. */
const ANSWER_MS = 500;
const GROWTH = 48;

/** Resident memory of a process, in MiB. */
export function residentMib(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(line?.[1]) * 1024) / MIB;
}

export function pidOf({ process }: Daemon): number {
  if (process.child.pid === undefined) throw new Error('the daemon has no process');
  return process.child.pid;
}

const QUESTIONS: readonly (readonly string[])[] = [
  ['drops'],
  ['tc', '-s', 'filter', 'show', 'dev', 'vxlan0', 'ingress'],
];

/** What a daemon says to a command over its socket; rejects where the command fails. */
export async function ask({ host }: Daemon, argv: readonly string[]): Promise<string> {
  const connection = new Connection(controlSocket(host));
  let text = '';
  const exit = await connection.ask({ argv }, { out: (piece) => (text += piece), err: (piece) => (text += piece) });
  connection.close();
  if (exit !== 0) throw new Error(`vtep ${argv.join(' ')}: exit ${exit}: ${text}`);
  return text;
}

/** Asks and measures from its making until `end`. */
export class Strain {
  private readonly pid: number;
  private readonly connection: Connection;
  private readonly memory: number[] = [];
  private readonly answers: number[] = [];
  private readonly asking: Promise<void>;
  private readonly questions: readonly (readonly string[])[];
  private over = false;

  constructor(daemon: Daemon, questions = QUESTIONS) {
    this.questions = questions;
    this.pid = pidOf(daemon);
    this.connection = new Connection(controlSocket(daemon.host));
    this.asking = this.ask();
    this.asking.catch(() => undefined);
  }

  /** What was seen. Rejects where memory grew, or an answer was missing, or (unless `brief`) one came too late. */
  async end(brief: boolean): Promise<Figure[]> {
    this.over = true;
    await this.asking;
    this.connection.close();
    const { memory, answers } = this;
    if (answers.length < this.questions.length) throw new Error('nothing was answered under the strain');
    const settled = Math.max(...memory.slice(0, Math.ceil(memory.length / 4)));
    const most = Math.max(...memory);
    if (most > settled + GROWTH) throw new Error(`${settled.toFixed(0)} MiB became ${most.toFixed(0)}`);
    const slowest = percentile(answers, 0.99);
    if (!brief && slowest > ANSWER_MS) throw new Error(`an answer in a hundred took ${slowest.toFixed(0)} ms`);
    return [
      { value: `${settled.toFixed(0)}, then at most ${most.toFixed(0)}`, what: 'MiB resident' },
      { value: `${slowest.toFixed(0)} ms`, what: `for all but 1 % of ${answers.length} answers` },
    ];
  }

  private async ask(): Promise<void> {
    for (let n = 0; !this.over; n++) {
      this.memory.push(residentMib(this.pid));
      const argv = this.questions[n % this.questions.length] ?? [];
      const begin = performance.now();
      const exit = await this.connection.ask({ argv }, { out: () => undefined, err: () => undefined });
      this.answers.push(performance.now() - begin);
      if (exit !== 0) throw new Error(`vtep ${argv.join(' ')}: exit ${exit} under the strain`);
      await new Promise((resolve) => setTimeout(resolve, PACE));
    }
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
