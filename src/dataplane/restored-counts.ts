/** What an earlier endpoint has counted, to be gone on from. Added by the worker that owns the counters, between two batches. */
import { type ActionCounters, type Counters, DEVICE_COUNTERS } from '../memory/counters.js';
import { REASONS } from '../memory/reasons.js';
import type { VniCounters } from '../memory/vni-counters.js';

/** Each list is of triples. */
export interface RestoredCounts {
  /** Device, counter, amount. */
  readonly devices: Float64Array;
  /** Device, number of the reason, packets. */
  readonly reasons: Float64Array;
  /** Row, column, amount. */
  readonly actions: Float64Array;
  /** Row, column, amount. */
  readonly vnis: Float64Array;
  /** Row, LAST_USED or FIRST_USED, milliseconds of the steady clock. */
  readonly times: Float64Array;
}

const TRIPLE = 3;

/** Adds them to one worker's counters. Devices, rows and columns must be there. */
export function addRestored(
  { devices, reasons, actions, vnis, times }: RestoredCounts,
  counters: Counters,
  actionCounters: ActionCounters,
  vniCounters: VniCounters,
): void {
  each(devices, (device, counter, by) => counter < DEVICE_COUNTERS && counters.device(device, counter, by));
  each(reasons, (device, reason, by) => reason < REASONS.length && counters.reason(device, reason, by));
  each(actions, (row, column, by) => actionCounters.add(row, column, by));
  each(vnis, (row, column, by) => vniCounters.add(row, column, by));
  each(times, (row, column, time) => actionCounters.usedAt(row, column, time));
}

function each(list: Float64Array, add: (row: number, column: number, by: number) => void): void {
  for (let at = 0; at + TRIPLE <= list.length; at += TRIPLE) add(list[at] ?? 0, list[at + 1] ?? 0, list[at + 2] ?? 0);
}
