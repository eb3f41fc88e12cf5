/** From a published snapshot to the look-up that a worker uses. */
import type { ClassifierSnapshot, Lookup } from './classifier.js';
import { LinearLookup } from './linear/linear-lookup.js';
import { LINEAR, type LinearSnapshot } from './linear/linear-table.js';
import { TUPLE_SPACE, type TupleSpaceSnapshot } from './tuple-space/layout.js';
import { TupleSpaceLookup } from './tuple-space/tuple-space-lookup.js';

/** Opens a snapshot. Allocates, in constant time for tuple space; throws a TypeError on an unknown kind. */
export function createLookup(snapshot: ClassifierSnapshot): Lookup {
  switch (snapshot.kind) {
    case LINEAR:
      return new LinearLookup(snapshot as LinearSnapshot);
    case TUPLE_SPACE:
      return new TupleSpaceLookup(snapshot as TupleSpaceSnapshot);
    default:
      throw new TypeError(`no classifier of kind ${snapshot.kind}`);
  }
}
