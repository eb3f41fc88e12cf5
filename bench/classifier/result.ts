/** What `npm run bench -- classifier` leaves behind, and what it has to reach. */
import type { Machine } from '../result.js';
import type { Measured } from './measure.js';
import { KINDS } from './rule-sets.js';

export interface ClassifierResult {
  /** Of this format. */
  readonly version: 1;
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: Machine;
  /** Measurements of each figure. */
  readonly rounds: number;
  readonly sets: readonly Measured[];
}

export interface Target {
  readonly title: string;
  /** At most; in `unit`. */
  readonly bound: number;
  readonly unit: 'ns' | 'MiB';
  /** What was measured; undefined where the set was not. */
  readonly value: number | undefined;
}

const MIB = 1024 * 1024;

/** Figures that were set as goals. A cache hit counts in the set where it takes longest. */
export function targetsOf({ sets }: Pick<ClassifierResult, 'sets'>): Target[] {
  const ten = sets.find(({ kind, rules }) => kind === 'ten' && rules === 10_000);
  const million = sets.filter(({ rules }) => rules === 1_000_000).map(({ resident }) => resident / MIB);
  const hits = sets.filter(({ kind }) => kind === 'ten').map(({ hit }) => hit.median);
  const most = (values: readonly number[]): number | undefined =>
    values.length === 0 ? undefined : Math.max(...values);
  return [
    { title: 'cache hit, rules of ten masks', bound: 60, unit: 'ns', value: most(hits) },
    { title: 'cache miss, 10,000 rules of ten masks', bound: 1000, unit: 'ns', value: ten?.miss.median },
    { title: '1,000,000 rules, resident', bound: 1536, unit: 'MiB', value: most(million) },
  ];
}

export function isMet({ bound, value }: Target): boolean | undefined {
  return value === undefined ? undefined : value <= bound;
}

/** `fresh`, and of `before` the sets that were not measured again, in the order in which they are measured. */
export function merged(before: ClassifierResult, fresh: ClassifierResult): ClassifierResult {
  const isFresh = ({ kind, rules }: Measured): boolean =>
    fresh.sets.some((set) => set.kind === kind && set.rules === rules);
  const sets = [...before.sets.filter((set) => !isFresh(set)), ...fresh.sets];
  sets.sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.rules - b.rules);
  return { ...fresh, sets };
}

/** So much slower than at best the same work may be. */
const DISTURBED = 1.15;

/** The sets that were measured while something else had the processor, or its other thread: all that they did was slower. */
export function disturbed(sets: readonly Measured[]): Measured[] {
  const best = Math.min(...sets.map(({ pace }) => pace));
  return sets.filter(({ pace }) => pace > best * DISTURBED);
}
