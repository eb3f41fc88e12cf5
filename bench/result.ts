/** What a run of the benchmark leaves behind: the JSON of bench/results, and what the tables and the chart are made of. */
import { type Mode, moreIsBetter, type Unit } from './rows.js';
import type { Summary } from './statistics.js';

/**
 * What is measured beside the value; of a row's runs the median. CPU seconds are of the endpoint's own processes
 * (`process…`), or of the whole machine with sender, receiver and peer (`machine…`): the kernel's device works on
 * other processes' time, so that the second is all that can be said of it.
 */
export const DETAILS = [
  'processSecondsPerGigabyte',
  'machineSecondsPerGigabyte',
  'processMicrosecondsPerPacket',
  /** TCP segments that the sender sent again. */
  'retransmits',
  /** Thousands of datagrams a second that the generator got rid of. */
  'offeredKpps',
  /** Round trips, in µs. */
  'p50',
  'p90',
  'p99',
  'max',
] as const;
export type Detail = (typeof DETAILS)[number];
export type Details = { readonly [name in Detail]?: number };

export interface Side extends Summary {
  readonly details: Details;
}

export interface RowResult {
  readonly id: string;
  readonly title: string;
  readonly mode: Mode;
  readonly unit: Unit;
  /** As in Row. */
  readonly target?: number;
  /** By the endpoint's name, values in `unit`. An endpoint that does not take part, or failed, is absent. */
  readonly sides: { readonly [name: string]: Side };
  /** Value to the base's value, round by round, by the endpoint's name; not of the base itself. */
  readonly ratios: { readonly [name: string]: Summary };
}

/** An endpoint that could not be measured. */
export interface RowFailure {
  readonly id: string;
  readonly title: string;
  readonly endpoint: string;
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
  readonly version: 2;
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: Machine;
  /** Rounds of runs a row: each endpoint runs once in each. */
  readonly runs: number;
  /** Of one TCP or UDP run. */
  readonly seconds: number;
  /** Names: what is compared with, what is under test, and who else stands beside them. */
  readonly base: string;
  readonly tested: string;
  readonly others: readonly string[];
  /** What some of them are exactly, by name. */
  readonly variants: { readonly [name: string]: string };
  readonly rows: readonly RowResult[];
  readonly failures: readonly RowFailure[];
}

/** Whether a row of `tested` reaches its target; undefined where there is none or nothing to hold against it. */
export function met({ target, unit, ratios, sides }: RowResult, tested: string): boolean | undefined {
  const value = unit === '%' ? sides[tested]?.median : ratios[tested]?.median;
  if (target === undefined || value === undefined) return undefined;
  if (unit === '%') return value < target;
  return moreIsBetter(unit) ? value >= target : value <= target;
}

/** JSON with lists of numbers, and short ones of words, on one line, as the formatter wants them. */
export function toJson(result: object): string {
  const rounded = JSON.stringify(
    result,
    (_, value) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value),
    2,
  );
  const lists = /\[\s+((?:[-+.\de]+|"[^"]{0,20}")(?:,\s+(?:[-+.\de]+|"[^"]{0,20}"))*)\s+\]/g;
  return `${rounded.replace(lists, (_, list: string) => `[${list.replace(/\s+/g, ' ')}]`)}\n`;
}
