/**
 * The flow cache: what look-ups answered, by everything that the answer can depend on. One per worker, before the
 * classifiers of all hooks.
 *
 * **Key.** A classifier tells which bits of which words the rules of a chain consult (Consulted). Frames that agree in
 * those, in the protocol, the chain and the position get the same rule, so an entry holds these and nothing else: no
 * field that a rule looks at is left out, and none that no rule looks at splits a flow in two. Entries are compared in
 * full; the hash only chooses where to look.
 *
 * **Invalidation.** Each hook has a generation, which its entries carry, and new rules make a new one: every entry of
 * the old one is void from that moment on, and nothing has to be swept.
 *
 * **What stays.** Sets of four entries. A flow takes a void entry at once; to push out one that is in use, it has to be
 * lucky (one miss in INSERT_ODDS) and to find one that no second look-up has asked for. Each hit is worth some such
 * attempts, up to MOST_WORTH. So a scan, whose flows come once, replaces the traces of the scan, and busy flows stay
 * (the idea of the EMC of Open vSwitch, and of CLOCK); and a flow that has gone is forgotten as others come.
 *
 * **Trains.** While a look-up gathers and hashes the consulted words it compares them with the entry that it used last
 * from the same place: frames of one flow in a row need neither the hash nor the table. What is not in the table is
 * kept for that in entries beside it.
 *
 * **Cost.** 260 bytes an entry, of which a hit reads the hashes of a set, in one line of the processor's cache, and two
 * lines of one entry. Words are gathered once and compared without a branch for each. See docs/performance.md for what
 * a hit costs.
 */
import { type Counters, MAX_DEVICES, WorkCounter } from '../../memory/counters.js';
import type { Lookup } from '../classifier.js';
import { KEY_WORDS } from '../flow-key.js';
import { CachedLookup } from './cached-lookup.js';

/** Words of an entry; those of the key follow in the order of Consulted, then zeros to a multiple of KEY_STEP. */
export const Entry = {
  /** 0: void. */
  GENERATION: 0,
  CHAIN: 1,
  /** The hook in the upper half, the protocol in the lower. */
  FROM: 2,
  POSITION: 3,
  RULE: 4,
  NEXT: 5,
  WORTH: 6,
  KEY: 8,
  WORDS: 64,
} as const;

/** So many words of a key are gone through at a time. */
export const KEY_STEP = 4;

export const WAYS = 4;
export const MOST_WORTH = 3;
/** A power of two. */
export const INSERT_ODDS = 8;
/** Entries beside the table: the last of each place. A power of two. */
export const RECENT = 8;

/** Entries of a worker's cache unless told otherwise: 2 MiB. */
const ENTRIES = 8192;
/** Hooks that one cache can serve: both of each device. */
const HOOKS = MAX_DEVICES * 2;
const LAST_GENERATION = 0x7fffffff;

if (KEY_WORDS % KEY_STEP !== 0 || Entry.KEY + KEY_WORDS > Entry.WORDS)
  throw new Error('flow cache: a flow key does not fit into an entry');

export class FlowCache {
  /** The sets, then the entries beside them, which look-ups share: each begins by writing its own. */
  readonly words: Int32Array;
  /** The hash of every entry of a set: WAYS of them side by side. */
  readonly tags: Int32Array;
  readonly sets: number;
  private readonly counters: Counters;
  /** The generation in force, by hook. */
  private readonly generations = new Int32Array(HOOKS);
  private readonly lastGeneration: number;

  /** `entries`: a power of two, at least WAYS. `lastGeneration`: where counting begins anew; smaller in tests. */
  constructor(counters: Counters, entries = ENTRIES, lastGeneration = LAST_GENERATION) {
    if (entries < WAYS || (entries & (entries - 1)) !== 0) throw new RangeError(`a cache of ${entries} entries`);
    this.counters = counters;
    this.sets = entries / WAYS;
    this.tags = new Int32Array(entries);
    this.words = new Int32Array((entries + RECENT) * Entry.WORDS);
    this.lastGeneration = lastGeneration;
  }

  /**
   * Puts the cache before the look-up that is now that of a hook (0 … 2047), in place of the one before it, which must
   * not be used any more. Allocates, in constant time.
   */
  before(lookup: Lookup, hook: number): Lookup {
    this.forget(hook);
    return lookup.empty ? lookup : new CachedLookup(this, lookup, hook, this.generations[hook]);
  }

  /** Voids what is remembered of a hook, which may have no look-up any more: others can have the room at once. */
  forget(hook: number): void {
    if (!(hook >= 0 && hook < HOOKS)) throw new RangeError(`a cache has no hook ${hook}`);
    if (this.generations[hook] === this.lastGeneration) this.sweep(hook);
    this.generations[hook]++;
  }

  /** Offset of the entries beside the table. */
  get recentAt(): number {
    return this.sets * WAYS * Entry.WORDS;
  }

  /** Whether an entry is of rules that are no longer in force, or was never taken. */
  isVoid(entry: number): boolean {
    const generation = this.words[entry + Entry.GENERATION];
    return generation === 0 || generation !== this.generations[this.words[entry + Entry.FROM] >>> 16];
  }

  hit(): void {
    this.counters.work(WorkCounter.CACHE_HITS, 1);
  }

  miss(): void {
    this.counters.work(WorkCounter.CACHE_MISSES, 1);
  }

  /** Voids the entries of a hook, whose generations begin anew. */
  private sweep(hook: number): void {
    for (let entry = 0; entry < this.words.length; entry += Entry.WORDS)
      if (this.words[entry + Entry.FROM] >>> 16 === hook) this.words[entry + Entry.GENERATION] = 0;
    this.generations[hook] = 0;
  }
}
