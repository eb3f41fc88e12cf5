/** What a run of the benchmark leaves behind: the JSON of bench/results, and what the table and the chart are made of. */
import type { Mode, Unit } from './rows.js';
import type { Summary } from './statistics.js';

export interface Side extends Summary {
  /** CPU seconds that the endpoint's process used per 10⁹ bytes of payload; absent for the kernel, which has none. */
  readonly cpuSecondsPerGigabyte?: Summary;
  /** TCP segments that the sender sent again, of each run. */
  readonly retransmits?: readonly number[];
}

export interface RowResult {
  readonly id: string;
  readonly title: string;
  readonly mode: Mode;
  readonly unit: Unit;
  /** The ratio to reach: at least (Gb/s) or at most (µs). */
  readonly target?: number;
  /** In `unit`. */
  readonly base: Side;
  readonly tested: Side;
  /** tested / base, pair by pair. */
  readonly ratio: Summary;
}

/** A row that could not be measured. */
export interface RowFailure {
  readonly id: string;
  readonly title: string;
  readonly failure: string;
}

export interface Machine {
  /** Release of the running kernel. */
  readonly kernel: string;
  readonly node: string;
  readonly cpu: string;
  readonly cpus: number;
  /** Share of the machine that other processes used, 0 to 1: the larger of a second before the rows and one after. */
  readonly otherWork: number;
}

export interface Result {
  /** Of this format. */
  readonly version: 1;
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: Machine;
  /** Pairs of runs a row. */
  readonly runs: number;
  /** Of one TCP run. */
  readonly seconds: number;
  /** Names for the two endpoints: what is compared with, and what is under test. */
  readonly base: string;
  readonly tested: string;
  readonly rows: readonly RowResult[];
  readonly failures: readonly RowFailure[];
}

/** Whether a ratio reaches the target; undefined where there is none. */
export function met({ target, unit, ratio }: RowResult): boolean | undefined {
  if (target === undefined) return undefined;
  return unit === 'Gb/s' ? ratio.median >= target : ratio.median <= target;
}

/** JSON with lists of numbers on one line. */
export function toJson(result: object): string {
  const rounded = JSON.stringify(
    result,
    (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value),
    2,
  );
  return `${rounded.replace(/\[\s+([-+.\de,\s]+?)\s+\]/g, (_, list: string) => `[${list.replace(/\s+/g, ' ')}]`)}\n`;
}
