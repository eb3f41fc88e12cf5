/**
 * What every classifier must do. A new one is proved by running all the cases on it, and the random edits against the
 * linear classifier. Free of any test framework: what fails throws an AssertionError.
 */
import { editCases } from './conformance/edits.js';
import { matchingCases } from './conformance/matching.js';
import { orderCases } from './conformance/order.js';
import { rangeCases } from './conformance/ranges.js';
import { snapshotCases } from './conformance/snapshots.js';
import type { ConformanceCase } from './conformance/support.js';

export { checkConcurrentReader } from './conformance/concurrent-reader.js';
export { runRandomEdits, type Shape } from './conformance/random-edits.js';
export { wrapLookups } from './conformance/support.js';

export const conformanceCases: readonly ConformanceCase[] = [
  ...matchingCases,
  ...orderCases,
  ...rangeCases,
  ...editCases,
  ...snapshotCases,
];
