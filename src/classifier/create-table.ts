import type { ClassifierTable } from './classifier.js';
import { LinearTable } from './linear/linear-table.js';
import { TupleSpaceTable } from './tuple-space/tuple-space-table.js';

/** The classifiers that there are: `linear` is slow, and what the other is tested against. */
export type ClassifierKind = 'tuple-space' | 'linear';

/** An empty table of that kind. */
export function createTable(kind: ClassifierKind): ClassifierTable {
  return kind === 'linear' ? new LinearTable() : new TupleSpaceTable();
}
