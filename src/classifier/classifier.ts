/**
 * What a classifier is: two halves. The control thread keeps a `ClassifierTable` and publishes immutable snapshots of
 * it; a worker opens a snapshot as a `Lookup`. Every implementation passes the conformance suite beside this file,
 * and the linear one is the oracle of the others.
 *
 * Order of evaluation (net/sched/cls_api.c, cls_flower.c): within a chain ascending pref; a filter's protocol must be
 * the frame's or PROTOCOL_ALL; within a pref the masks in the order in which they were created, one exact match each.
 * A mask is created by the first rule that uses it in its pref and ends with the last one. Rules of one mask that have
 * ranges of ports may overlap: they are tried range by range, in the order in which the pref's rules of that mask
 * first used each (fl_lookup_range).
 */

/** One filter as the datapath sees it. */
export interface Rule {
  /** Dense number that the action programs are indexed by, unique within a table. */
  readonly id: number;
  /** 0 … 2^32-1. */
  readonly chain: number;
  /** 1 … 65535, ascending order of evaluation. */
  readonly pref: number;
  /** EtherType in host order, or PROTOCOL_ALL. One per pref within a chain. */
  readonly protocol: number;
  /** KEY_WORDS words; bits outside the mask are ignored (implementations mask them). Ranges: see KeyWord. */
  readonly key: Int32Array;
  /** KEY_WORDS words. */
  readonly mask: Int32Array;
}

/** What `insert` throws where a rule of the same pref has the same mask and masked key. */
export class DuplicateRule extends Error {
  override readonly name = 'DuplicateRule';
  readonly existing: number;

  constructor(existing: number) {
    super(`rule ${existing} has the same key`);
    this.existing = existing;
  }
}

/** A published state: only plain data, typed arrays and SharedArrayBuffers, so that it can be posted to a worker. */
export interface ClassifierSnapshot {
  readonly kind: string;
}

/** Control side. Not for the hot path. What a rule's key and mask say is copied: the arrays stay the caller's. */
export interface ClassifierTable {
  readonly size: number;
  /**
   * Adds a rule. Throws DuplicateRule where the pref has its key already, a RangeError where its id is taken, its pref
   * is of another protocol or a number is out of range; then nothing has changed.
   */
  insert(rule: Rule): void;
  /** Removes a rule by its id; false where there is none. */
  remove(id: number): boolean;
  /**
   * Puts `rule` in the place of rule `id`: same chain and pref, under an id of its own or the same. As in the kernel it
   * is first inserted, then the old one removed, so a mask both share survives in its place. Throws as `insert` does
   * (the kernel would let a replaced rule share the key of another one), and a RangeError where there is no rule `id`
   * or it stands elsewhere; then nothing has changed.
   */
  replace(id: number, rule: Rule): void;
  /** The present state. Later edits do not show in it. */
  publish(): ClassifierSnapshot;
}

/**
 * Where a look-up goes on after `continue`: 0 is the start of a chain, and behind a hit in pref P comes P + 1, whatever
 * the snapshot.
 */
export type Position = number;

/** What the look-ups in a chain depend on: of which words of the flow key, and which bits of each. */
export interface Consulted {
  /** Indices into the flow key, ascending. */
  readonly indices: Int32Array<ArrayBuffer>;
  /** The bits of each. */
  readonly bits: Int32Array<ArrayBuffer>;
  /** How many tables, at most, a look-up goes through. */
  readonly tables: number;
}

/** Worker side: allocation-free. One instance per worker and snapshot (it may keep scratch state). */
export interface Lookup {
  /** Whether the snapshot has any filter at all. */
  readonly empty: boolean;
  /**
   * The first rule of `chain` at or behind `position` that matches the key at `key[at …]`, or -1.
   * `protocol` is the frame's EtherType. Afterwards `nextPosition` is the position of the next pref; after -1, of the
   * chain's end.
   */
  find(key: Int32Array, at: number, chain: number, protocol: number, position: Position): number;
  readonly nextPosition: Position;
  /** Tables or rules looked at by the last `find`: work per packet, for gates and benches. */
  readonly probes: number;
  /**
   * The bits of the key that what `find` answers for this chain and the protocols of this one's class (consulted.ts)
   * may depend on, wherever it begins: frames that agree in them and in the protocol get the same answer. Allocates.
   */
  consulted(chain: number, protocol: number): Consulted;
}
