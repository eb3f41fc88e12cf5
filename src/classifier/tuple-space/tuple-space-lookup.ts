/** Worker side of the tuple-space classifier (tuple-space-table.ts has the idea). One view, no allocation. */
import { inRange, POSITION_END } from '../check-rule.js';
import type { Consulted, Lookup, Position } from '../classifier.js';
import { protocolClass } from '../consulted.js';
import { KeyWord, PROTOCOL_ALL } from '../flow-key.js';
import { finish, HASH_SEED, mix } from './hash.js';
import {
  ChainList,
  ConsultedWord,
  PartWord,
  RuleItem,
  RunWord,
  Slot,
  TupleItem,
  type TupleSpaceSnapshot,
  Version,
} from './layout.js';
import { isKnown } from './presence.js';
import { mayHave } from './slots.js';

const NONE = -1;
/** So many tuples are probed before a look-up asks what of the frame is known. */
const EAGER_PROBES = 4;

export class TupleSpaceLookup implements Lookup {
  readonly empty: boolean;
  nextPosition: Position = POSITION_END;
  probes = 0;
  private readonly words: Int32Array;
  private readonly generation: number;
  private readonly chains: number;
  private readonly chainSlots: number;
  /** The chain last asked for, as an int32, and its list of tuples. */
  private chain = 0;
  private list = 0;
  private readonly presence: Int32Array;
  private readonly presenceMask: number;
  /** Parts of the key that have no known value, as the bits of two words; of the frame asked for last. */
  private unknown = 0;
  private moreUnknown = 0;

  constructor(snapshot: TupleSpaceSnapshot) {
    this.words = new Int32Array(snapshot.words);
    this.generation = snapshot.generation;
    this.chains = snapshot.chains;
    this.chainSlots = snapshot.chainSlots;
    this.presence = new Int32Array(snapshot.presence);
    this.presenceMask = this.presence.length * 32 - 1;
    this.empty = snapshot.rules === 0;
    this.list = this.listOf(0);
  }

  find(key: Int32Array, at: number, chain: number, protocol: number, position: Position): number {
    chain |= 0;
    if (chain !== this.chain) {
      this.chain = chain;
      this.list = this.listOf(chain);
    }
    const words = this.words;
    const list = this.list;
    let id = NONE;
    let pref = POSITION_END;
    let sequence = 0;
    let range = 0;
    let probes = 0;
    const parts = words[list + ChainList.PARTS];
    let asksAt = parts === 0 ? NONE : EAGER_PROBES;
    let unknown = 0;
    let moreUnknown = 0;

    const end = list + ChainList.RUNS + words[list + Version.COUNT];
    search: for (let each = list + ChainList.RUNS; each < end; each++) {
      const run = words[each];
      const itemsEnd = run + RunWord.ITEMS + words[run + RunWord.COUNT] * TupleItem.WORDS;
      for (let item = run + RunWord.ITEMS; item < itemsEnd; item += TupleItem.WORDS) {
        // Tuples come in the order of their first rules: once those are behind the best hit, nothing can beat it.
        const minPref = words[item + TupleItem.MIN_PREF];
        if (minPref > pref || (minPref === pref && words[item + TupleItem.MIN_SEQUENCE] > sequence)) break search;
        if (((words[item + TupleItem.NEEDS] & unknown) | (words[item + TupleItem.MORE_NEEDS] & moreUnknown)) !== 0)
          continue;
        const wanted = words[item + TupleItem.PROTOCOL];
        if (wanted !== protocol && wanted !== PROTOCOL_ALL) continue;
        const dstRange = words[item + TupleItem.DST_RANGE];
        if (dstRange !== 0 && !inRange(dstRange, key[at + KeyWord.DST_PORT])) continue;
        const srcRange = words[item + TupleItem.SRC_RANGE];
        if (srcRange !== 0 && !inRange(srcRange, key[at + KeyWord.SRC_PORT])) continue;
        if (probes === asksAt) {
          asksAt = NONE;
          this.ask(parts, key, at);
          unknown = this.unknown;
          moreUnknown = this.moreUnknown;
          if (((words[item + TupleItem.NEEDS] & unknown) | (words[item + TupleItem.MORE_NEEDS] & moreUnknown)) !== 0)
            continue;
        }
        probes++;
        const rule = this.probe(item, key, at, position);
        if (rule === 0) continue;
        const rulePref = words[rule + RuleItem.PREF];
        if (rulePref > pref) continue;
        const ruleSequence = words[rule + RuleItem.SEQUENCE];
        const ruleRange = words[rule + RuleItem.RANGE];
        const isSamePref = rulePref === pref;
        if (isSamePref && (ruleSequence > sequence || (ruleSequence === sequence && ruleRange > range))) continue;
        id = words[rule + RuleItem.ID];
        pref = rulePref;
        sequence = ruleSequence;
        range = ruleRange;
      }
    }
    this.probes = probes;
    this.nextPosition = id === NONE ? POSITION_END : pref + 1;
    return id;
  }

  /** Asks which parts of the key have values that no rule of the chain asks for. */
  private ask(parts: number, key: Int32Array, at: number): void {
    const words = this.words;
    const count = words[parts];
    let part = parts + PartWord.FIRST;
    let unknown = 0;
    let moreUnknown = 0;
    for (let n = 0; n < count; n++) {
      const value = key[at + words[part + PartWord.INDEX]] & words[part + PartWord.BITS];
      if (!isKnown(this.presence, this.presenceMask, words[part + PartWord.SEED], value)) {
        if (n < 32) unknown |= 1 << n;
        else moreUnknown |= 1 << (n - 32);
      }
      part += PartWord.WORDS;
    }
    this.unknown = unknown;
    this.moreUnknown = moreUnknown;
  }

  consulted(chain: number, protocol: number): Consulted {
    const words = this.words;
    let block = words[this.listOf(chain | 0) + ChainList.CONSULTED];
    for (let skipped = protocolClass(protocol); block !== 0 && skipped > 0; skipped--)
      block += ConsultedWord.WORDS + words[block + ConsultedWord.COUNT] * 2;
    const first = block + ConsultedWord.WORDS;
    const count = words[block + ConsultedWord.COUNT];
    const indices = Int32Array.from({ length: count }, (_, i) => words[first + i * 2]);
    const bits = Int32Array.from({ length: count }, (_, i) => words[first + i * 2 + 1]);
    return { indices, bits, tables: words[block + ConsultedWord.TABLES] };
  }

  /** The first rule of a tuple at or behind `position` that matches: offset of its item, or 0. */
  private probe(item: number, key: Int32Array, at: number, position: Position): number {
    const words = this.words;
    const mask = words[item + TupleItem.MASK];
    const maskEnd = mask + 1 + words[mask] * 2;
    let hash = HASH_SEED;
    for (let m = mask + 1; m < maskEnd; m += 2) hash = mix(hash, key[at + words[m]] & words[m + 1]);
    hash = finish(hash);

    const slots = words[item + TupleItem.SLOTS];
    const slotCount = words[item + TupleItem.SLOT_COUNT];
    if (!mayHave(words, slots, slotCount, hash)) return 0;
    const last = slotCount - 1;
    for (let i = hash & last; ; i = (i + 1) & last) {
      const slot = slots + i * Slot.WORDS;
      let version = words[slot + Slot.HEAD];
      if (version === 0) return 0;
      if (words[slot + Slot.HASH] !== hash) continue;
      // The masked words stand behind the head of every version; any of them tells whether this is the key.
      let stored = version + Version.WORDS;
      let m = mask + 1;
      while (m < maskEnd && words[stored] === (key[at + words[m]] & words[m + 1])) {
        m += 2;
        stored++;
      }
      if (m < maskEnd) continue;

      const generation = this.generation;
      while (words[version + Version.BORN] > generation) version = words[version + Version.OLDER];
      if (version === 0) return 0;
      const first = version + Version.WORDS + words[mask];
      return this.seek(first, words[version + Version.COUNT], position);
    }
  }

  /** The first of `count` rule items at `first`, in order of pref, that is at or behind `position`; or 0. */
  private seek(first: number, count: number, position: Position): number {
    const words = this.words;
    if (count === 0) return 0;
    if (words[first + RuleItem.PREF] >= position) return first;
    let low = 1;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (words[first + middle * RuleItem.WORDS + RuleItem.PREF] < position) low = middle + 1;
      else high = middle;
    }
    return low < count ? first + low * RuleItem.WORDS : 0;
  }

  /** The list of tuples of a chain; 0, which reads as an empty one, where there is none. */
  private listOf(chain: number): number {
    const words = this.words;
    if (this.chainSlots === 0) return 0;
    const last = this.chainSlots - 1;
    for (let i = finish(mix(HASH_SEED, chain)) & last; ; i = (i + 1) & last) {
      const slot = this.chains + i * Slot.WORDS;
      let list = words[slot + Slot.HEAD];
      if (list === 0) return 0;
      if (words[slot + Slot.HASH] !== chain) continue;
      while (words[list + Version.BORN] > this.generation) list = words[list + Version.OLDER];
      return list;
    }
  }
}
