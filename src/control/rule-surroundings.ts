import type { Datapath } from '../dataplane/datapath.js';
import type { Clock } from '../memory/clock.js';
import type { ActionCounts, CounterSets } from '../memory/counter-sets.js';

/** What the rules must know of devices. */
export interface RuleDevices {
  /** Index of vtep's device of this name; throws CommandError where there is none. */
  indexOf(name: string): number;
  /** Index of the device that mirred may send to; throws CommandError, which tells of the `left` words of the action. */
  targetOf(name: string, direction: 'egress' | 'ingress', left?: number): number;
  nameOf(index: number): string;
  /** Keeps the index from another device for as long as an action sends to it. */
  hold(index: number): void;
  drop(index: number): void;
  ifindexOf(name: string): number;
  /** Throws CommandError where no action of this name was given (custom-actions.ts). */
  checkAction?(name: string): void;
}

/** What the rules use of the datapath. */
export interface RuleDatapath extends Pick<Datapath, 'apply' | 'ensureActionCounters'> {
  readonly counters: Pick<CounterSets, 'deviceValue'>;
  readonly actionCounters: ActionCounts;
  /** What time it is for its frames; the machine's where nothing is said. */
  readonly clock?: Clock;
}
