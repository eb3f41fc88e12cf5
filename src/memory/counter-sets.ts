/** The counters of all workers, added up, for whoever shows them. Each worker goes on writing a set of its own. */
import { ActionCounter, ActionCounters, Counters } from './counters.js';

export class CounterSets {
  /** One for each worker. */
  readonly sets: readonly Counters[];
  private readonly cleared = new Map<number, number>();

  constructor(workers = 1) {
    this.sets = Array.from({ length: workers }, () => new Counters());
  }

  deviceValue(device: number, counter: number): number {
    return this.sets.reduce((sum, set) => sum + set.deviceValue(device, counter), 0);
  }

  reasonValue(device: number, reason: number): number {
    return this.sets.reduce((sum, set) => sum + set.reasonValue(device, reason), 0);
  }

  workValue(counter: number): number {
    return this.sets.reduce((sum, set) => sum + set.workValue(counter), 0);
  }

  /** Sets a reason that no worker counts: the caller is its only writer. It stands among the first worker's. */
  setReason(device: number, reason: number, packets: number): void {
    this.sets[0]?.setReason(device, reason, packets);
  }

  /** Zeroes everything a device counted: its index goes to another. */
  clearDevice(device: number): void {
    this.cleared.set(device, Date.now());
    for (const set of this.sets) set.clearDevice(device);
  }

  /** Since when a device has its index: milliseconds since the epoch. */
  since(device: number): number {
    return this.cleared.get(device) ?? 0;
  }
}

/** What the control thread wants of the counters of actions. */
export type ActionCounts = Pick<ActionCounters, 'capacity' | 'value' | 'clear'>;

export class ActionCounterSets implements ActionCounts {
  /** One for each worker. */
  readonly sets: readonly ActionCounters[];

  constructor(workers = 1) {
    this.sets = Array.from({ length: workers }, () => new ActionCounters());
  }

  /** One more slab for each worker, in their order: each calls `attach`. */
  grow(): SharedArrayBuffer[] {
    return this.sets.map((set) => set.grow());
  }

  get capacity(): number {
    return this.sets[0]?.capacity ?? 0;
  }

  /** The sum; of times that of the first use, and of the last. */
  value(row: number, counter: number): number {
    let sum = 0;
    let first = Number.POSITIVE_INFINITY;
    let last = Number.NEGATIVE_INFINITY;
    for (const set of this.sets) {
      const value = set.value(row, counter);
      sum += value;
      if (value === 0) continue;
      if (value > last) last = value;
      if (value < first) first = value;
    }
    if (counter === ActionCounter.LAST_USED) return Number.isFinite(last) ? last : 0;
    if (counter === ActionCounter.FIRST_USED) return Number.isFinite(first) ? first : 0;
    return sum;
  }

  clear(row: number): void {
    for (const set of this.sets) set.clear(row);
  }
}
