/**
 * How a published state lies in its words. Offsets are word indices, and 0 means none: the first words stay zero, so
 * that they read as an empty version of anything. See tuple-space-table.ts for the idea.
 */
import type { ClassifierSnapshot } from '../classifier.js';
import { PROTOCOL_CLASSES } from '../consulted.js';
import { KEY_WORDS } from '../flow-key.js';
import { MOST_PARTS } from './presence.js';

export const TUPLE_SPACE = 'tuple-space';

export interface TupleSpaceSnapshot extends ClassifierSnapshot {
  readonly kind: typeof TUPLE_SPACE;
  /** Int32 words, shared with the control side. */
  readonly words: SharedArrayBuffer;
  /** Slots of the chains, and how many there are (a power of two; 0 where there never was a chain). */
  readonly chains: number;
  readonly chainSlots: number;
  /** Versions born later than this do not exist in this snapshot. */
  readonly generation: number;
  readonly rules: number;
  /** The filter of known values (presence.ts); empty where no chain asks. */
  readonly presence: SharedArrayBuffer;
}

/** Words at the front that stay zero. */
export const ZERO_WORDS = 16;

/** Head of every version: the generation it was born in, the version before it, the number of its items. */
export const Version = { BORN: 0, OLDER: 1, COUNT: 2, WORDS: 3 } as const;

/**
 * Slot of an open-addressing table with linear probing, at most half full: the newest version of what is stored under
 * a hash (0: free), and the hash; in the chain table the chain's number, as an int32, in place of the hash.
 */
export const Slot = { HEAD: 0, HASH: 1, WORDS: 2 } as const;

/**
 * A version of a chain's list of tuples, which come in runs: behind the head, the offsets of what the chain consults and
 * of the parts of the key (0: there are few tuples, which are held to none), then of each run. The items of the head
 * are the runs.
 */
export const ChainList = { CONSULTED: Version.WORDS, PARTS: Version.WORDS + 1, RUNS: Version.WORDS + 2 } as const;

/** A run of tuples, which versions of the list share: their number, then the items. */
export const RunWord = { COUNT: 0, ITEMS: 1 } as const;

/** Most tuples of a run. */
export const RUN_TUPLES = 32;

/** The parts of the key that a chain's tuples look at: how many, then these words of each (presence.ts). */
export const PartWord = { FIRST: 1, INDEX: 0, BITS: 1, SEED: 2, WORDS: 3 } as const;

/** Most words that they take. */
export const PARTS_MOST = PartWord.FIRST + MOST_PARTS * PartWord.WORDS;

/**
 * What a chain's look-ups consult, for the protocols of each class one after the other: how many tuples they go through,
 * how many words of the key those look at, then for each word its index and its bits.
 */
export const ConsultedWord = { TABLES: 0, COUNT: 1, WORDS: 2 } as const;

/** Most words that it takes. */
export const CONSULTED_MOST = PROTOCOL_CLASSES * (ConsultedWord.WORDS + 2 * KEY_WORDS);

/** A tuple in a run. They are in order of (MIN_PREF, MIN_SEQUENCE), throughout the runs of a chain. */
export const TupleItem = {
  PROTOCOL: 0,
  /** The first rule of the tuple in order of evaluation is not before this place. */
  MIN_PREF: 1,
  MIN_SEQUENCE: 2,
  /** Offset of the mask: the number of its words, then for each its index in the flow key and its bits. */
  MASK: 3,
  SLOTS: 4,
  SLOT_COUNT: 5,
  /** Ranges of ports that a frame must be in, as in a rule's key; 0: none. */
  DST_RANGE: 6,
  SRC_RANGE: 7,
  /** The parts whose values must be known, as the bits of two words. */
  NEEDS: 8,
  MORE_NEEDS: 9,
  WORDS: 10,
} as const;

/** An item of a key's list of rules, behind the masked words of the key. In order of PREF. */
export const RuleItem = {
  PREF: 0,
  /** Counts the creations of masks, so that it orders the masks of one pref. */
  SEQUENCE: 1,
  /** Orders the ranges of one mask. */
  RANGE: 2,
  ID: 3,
  WORDS: 4,
} as const;

/** Words of a version of a key of `width` words that `count` rules share. */
export function keyVersionWords(width: number, count: number): number {
  return Version.WORDS + width + count * RuleItem.WORDS;
}

/** Words of a version of a chain of `runs` runs. */
export function chainVersionWords(runs: number): number {
  return ChainList.RUNS + runs;
}

/** Words of a run of `tuples` tuples. */
export function runWords(tuples: number): number {
  return RunWord.ITEMS + tuples * TupleItem.WORDS;
}
