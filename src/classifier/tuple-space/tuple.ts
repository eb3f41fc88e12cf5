/**
 * Control side of one tuple: the rules of a chain that share a protocol, a mask and ranges of ports, whatever their
 * prefs. Where its keys stand in shared words, and which prefs use it.
 */
import { POSITION_END } from '../check-rule.js';
import { KEY_WORDS, KeyWord } from '../flow-key.js';
import type { Chain } from './chain.js';
import { FirstPref } from './first-pref.js';
import { finish, HASH_SEED, mix } from './hash.js';
import { keyVersionWords, RuleItem, Slot, Version } from './layout.js';
import type { MaskGroup, MaskPlace } from './mask-group.js';
import type { Parts } from './parts.js';
import { type Presence, partSeed } from './presence.js';
import type { RuleIndex } from './rule-index.js';
import { alignedWords, type SharedWords } from './shared-words.js';
import { allocKeyTable, FEWEST_SLOTS, freeSlot, isFull, keyTableWords, note, setHead, slotCountFor } from './slots.js';
import type { Run } from './tuple-runs.js';

/** The rules of one pref: the place of their mask among the pref's, and of their ranges among the mask's. */
export interface TupleUse {
  readonly place: MaskPlace;
  range: number;
  rules: number;
}

export class Tuple {
  /** Under which the rule index knows it. */
  readonly number: number;
  readonly chain: Chain;
  readonly group: MaskGroup;
  readonly mask: Int32Array;
  /** As in a rule's key; 0: none. */
  readonly dstRange: number;
  readonly srcRange: number;
  /** Words of a key: those that the mask touches, without the ranges. */
  readonly width: number;
  /** By pref. */
  readonly uses = new Map<number, TupleUse>();
  /** The first of those prefs; an earlier one until `settle`, where that has ended. */
  minPref = POSITION_END;
  private readonly firstPref = new FirstPref();
  /** Where it stands in the chain's list; undefined: nowhere. */
  run: Run | undefined;
  /** Offsets and count, in the shared words of the table. */
  maskAt = 0;
  slots = 0;
  slotCount = FEWEST_SLOTS;
  /** Parts of the key whose values a frame must have, as bits by the number that the chain gave each. */
  needs = 0;
  moreNeeds = 0;
  private readonly indices: Int32Array;
  /** By packed word: what the hash of its known values begins with. */
  private readonly seeds: Int32Array;
  /** Keys that have a slot, and those of them that have a rule. */
  private slotted = 0;
  private keys = 0;

  /** The tuple of the rules of a group that have the ranges of `key`. */
  constructor(number: number, chain: Chain, group: MaskGroup, key: Int32Array) {
    this.number = number;
    this.chain = chain;
    this.group = group;
    this.mask = group.mask;
    this.dstRange = group.dstRangeOf(key);
    this.srcRange = group.srcRangeOf(key);
    const indices: number[] = [];
    for (let i = 0; i < KEY_WORDS; i++)
      if (this.mask[i] !== 0 && i !== KeyWord.DST_PORT_RANGE && i !== KeyWord.SRC_PORT_RANGE) indices.push(i);
    this.indices = Int32Array.from(indices);
    this.seeds = Int32Array.from(indices, (i) => partSeed(i, this.mask[i]));
    this.width = indices.length;
  }

  /** Place of its first rule within the chain, beside `minPref`. */
  get minSequence(): number {
    return this.uses.get(this.minPref)?.place.sequence ?? 0;
  }

  /**
   * Counts a rule of `pref`. Mask and ranges take their places there when they are new to it: `sequence` is greater
   * than any place before. Returns whether it is taken.
   */
  use(pref: number, sequence: number): boolean {
    const use = this.uses.get(pref);
    if (use !== undefined) {
      use.rules++;
      return false;
    }
    const { places } = this.group;
    const place = places.get(pref) ?? { sequence, tuples: 0 };
    place.tuples++;
    places.set(pref, place);
    this.uses.set(pref, { place, range: sequence, rules: 1 });
    this.firstPref.add(pref);
    this.minPref = Math.min(this.minPref, pref);
    return true;
  }

  /** Counts a rule of `pref` off; with the last one the places end. Returns whether `minPref` has ended. */
  unuse(pref: number): boolean {
    const use = this.uses.get(pref);
    if (use === undefined || --use.rules > 0) return false;
    this.uses.delete(pref);
    if (--use.place.tuples === 0) this.group.places.delete(pref);
    return pref === this.minPref;
  }

  /** Makes `minPref` exact. */
  settle(): void {
    this.minPref = this.firstPref.least(this.uses, POSITION_END);
  }

  /** Takes the masked words of a flow key to the front of `packed`; returns their hash. */
  pack(key: Int32Array, packed: Int32Array): number {
    let hash = HASH_SEED;
    for (let i = 0; i < this.width; i++) {
      const index = this.indices[i];
      packed[i] = key[index] & this.mask[index];
      hash = mix(hash, packed[i]);
    }
    return finish(hash);
  }

  /** Takes the masked words of a version to the front of `packed`; returns their hash. */
  unpack(words: Int32Array, version: number, packed: Int32Array): number {
    let hash = HASH_SEED;
    for (let i = 0; i < this.width; i++) {
      packed[i] = words[version + Version.WORDS + i];
      hash = mix(hash, packed[i]);
    }
    return finish(hash);
  }

  /** The slot of a key, or the free one where it would go. */
  slotOf(words: Int32Array, packed: Int32Array, hash: number): number {
    const last = this.slotCount - 1;
    for (let i = hash & last; ; i = (i + 1) & last) {
      const slot = this.slots + i * Slot.WORDS;
      const version = words[slot + Slot.HEAD];
      if (version === 0) return slot;
      if (words[slot + Slot.HASH] === hash && this.isKey(words, version, packed)) return slot;
    }
  }

  /** Offset of the rule of `pref` within a version, or 0. */
  ruleOf(words: Int32Array, version: number, pref: number): number {
    const end = version + keyVersionWords(this.width, words[version + Version.COUNT]);
    for (let item = version + Version.WORDS + this.width; item < end; item += RuleItem.WORDS)
      if (words[item + RuleItem.PREF] === pref) return item;
    return 0;
  }

  takeParts(parts: Parts): void {
    for (const index of this.indices) {
      const number = parts.take(index, this.mask[index]);
      if (number >= 32) this.moreNeeds |= 1 << (number - 32);
      else if (number >= 0) this.needs |= 1 << number;
    }
  }

  releaseParts(parts: Parts): void {
    for (let bit = 0; bit < 32; bit++) {
      if ((this.needs & (1 << bit)) !== 0) parts.release(bit);
      if ((this.moreNeeds & (1 << bit)) !== 0) parts.release(bit + 32);
    }
  }

  /** How many values its keys have, each counted as often as it comes. */
  get valueCount(): number {
    return this.slotted * this.width;
  }

  /** Makes the values of every key that has a slot known. */
  noteAll(words: Int32Array, presence: Presence): void {
    for (let slot = this.slots; slot < this.slots + this.slotCount * Slot.WORDS; slot += Slot.WORDS) {
      const version = words[slot + Slot.HEAD];
      if (version !== 0) this.noteKey(words, version + Version.WORDS, presence);
    }
  }

  private noteKey(words: Int32Array, at: number, presence: Presence): void {
    for (let i = 0; i < this.width; i++) presence.note(this.seeds[i], words[at + i]);
  }

  /** Most words that mask and slots of a new tuple take. */
  get newWords(): number {
    return 1 + this.width * 2 + alignedWords(keyTableWords(FEWEST_SLOTS));
  }

  /** Most words that a version with `count` rules takes, and more slots where they are due. */
  wordsFor(count: number): number {
    const grown = isFull(this.slotted, this.slotCount) ? alignedWords(keyTableWords(slotCountFor(this.keys))) : 0;
    return keyVersionWords(this.width, count) + grown;
  }

  /** Writes the mask and empty slots. */
  place(shared: SharedWords): void {
    const { words } = shared;
    this.maskAt = shared.alloc(1 + this.width * 2);
    words[this.maskAt] = this.width;
    for (let i = 0; i < this.width; i++) {
      words[this.maskAt + 1 + i * 2] = this.indices[i];
      words[this.maskAt + 2 + i * 2] = this.mask[this.indices[i]];
    }
    this.slots = allocKeyTable(shared, this.slotCount);
  }

  /**
   * Writes the newest version of the key in `packed`: its rules without that of `pref`, and with `id` in that pref
   * unless it is negative. Returns whether the tuple has other slots now.
   */
  write(
    shared: SharedWords,
    index: RuleIndex,
    presence: Presence,
    packed: Int32Array,
    hash: number,
    generation: number,
    pref: number,
    id: number,
  ): boolean {
    const { words } = shared;
    let slot = this.slotOf(words, packed, hash);
    const isNew = words[slot + Slot.HEAD] === 0;
    const moved = isNew && isFull(this.slotted, this.slotCount);
    if (moved) {
      this.resize(shared, slotCountFor(this.keys));
      slot = this.slotOf(words, packed, hash);
    }
    const old = words[slot + Slot.HEAD];
    const oldCount = words[old + Version.COUNT];
    const oldItems = old + Version.WORDS + this.width;
    const kept = this.ruleOf(words, old, pref) === 0 ? oldCount : oldCount - 1;
    const count = id < 0 ? kept : kept + 1;

    const version = shared.alloc(keyVersionWords(this.width, count));
    words[version + Version.BORN] = generation;
    // No snapshot has seen a version of this very generation.
    words[version + Version.OLDER] = words[old + Version.BORN] === generation ? words[old + Version.OLDER] : old;
    words[version + Version.COUNT] = count;
    for (let i = 0; i < this.width; i++) words[version + Version.WORDS + i] = packed[i];
    let item = version + Version.WORDS + this.width;
    let isPlaced = id < 0;
    for (let i = 0; i < oldCount; i++) {
      const oldItem = oldItems + i * RuleItem.WORDS;
      const oldPref = words[oldItem + RuleItem.PREF];
      if (oldPref === pref) continue;
      if (!isPlaced && oldPref > pref) {
        item = this.writeRule(words, item, pref, id);
        isPlaced = true;
      }
      for (let word = 0; word < RuleItem.WORDS; word++) words[item++] = words[oldItem + word];
    }
    if (!isPlaced) this.writeRule(words, item, pref, id);
    this.indexVersion(words, index, version);

    if (isNew) {
      words[slot + Slot.HASH] = hash;
      note(words, this.slots, this.slotCount, hash);
      this.noteKey(packed, 0, presence);
      this.slotted++;
    } else {
      shared.release(keyVersionWords(this.width, oldCount));
    }
    if (oldCount === 0 && count > 0) this.keys++;
    if (oldCount > 0 && count === 0) this.keys--;
    setHead(words, slot, version);
    return moved;
  }

  /** Takes fewer slots where the present ones are almost empty and there is room. Returns whether it did. */
  shrink(shared: SharedWords): boolean {
    const wanted = slotCountFor(this.keys);
    if (wanted * 8 > this.slotCount || alignedWords(keyTableWords(wanted)) > shared.room) return false;
    this.resize(shared, wanted);
    return true;
  }

  /** Copies the newest state into other words, where it is all there is: as if born before every generation. */
  moveTo(from: SharedWords, to: SharedWords, index: RuleIndex): void {
    const source = from.words;
    const oldSlots = this.slots;
    const oldCount = this.slotCount;
    this.slotCount = Math.min(oldCount, slotCountFor(this.keys));
    this.slotted = this.keys;
    this.place(to);
    for (let slot = oldSlots; slot < oldSlots + oldCount * Slot.WORDS; slot += Slot.WORDS) {
      const old = source[slot + Slot.HEAD];
      const count = source[old + Version.COUNT];
      if (count === 0) continue;
      const size = keyVersionWords(this.width, count);
      const version = to.alloc(size);
      for (let i = Version.COUNT; i < size; i++) to.words[version + i] = source[old + i];
      const items = version + Version.WORDS + this.width;
      for (let item = items; item < version + size; item += RuleItem.WORDS)
        this.writeRule(to.words, item, to.words[item + RuleItem.PREF], to.words[item + RuleItem.ID]);
      this.indexVersion(to.words, index, version);
      this.enslot(to.words, version, source[slot + Slot.HASH]);
    }
  }

  /** The newest state no longer has this tuple. */
  releaseFrom(shared: SharedWords): void {
    const { words } = shared;
    let count = 1 + this.width * 2 + keyTableWords(this.slotCount);
    for (let slot = this.slots; slot < this.slots + this.slotCount * Slot.WORDS; slot += Slot.WORDS) {
      const version = words[slot + Slot.HEAD];
      if (version !== 0) count += keyVersionWords(this.width, words[version + Version.COUNT]);
    }
    shared.release(count);
  }

  private isKey(words: Int32Array, version: number, packed: Int32Array): boolean {
    for (let i = 0; i < this.width; i++) if (words[version + Version.WORDS + i] !== packed[i]) return false;
    return true;
  }

  /** New slots without the keys that have no rule. The old ones stay for the snapshots that know them. */
  private resize(shared: SharedWords, slotCount: number): void {
    const { words } = shared;
    const oldSlots = this.slots;
    const oldCount = this.slotCount;
    this.slots = allocKeyTable(shared, slotCount);
    this.slotCount = slotCount;
    this.slotted = this.keys;
    for (let slot = oldSlots; slot < oldSlots + oldCount * Slot.WORDS; slot += Slot.WORDS) {
      const version = words[slot + Slot.HEAD];
      if (version === 0) continue;
      if (words[version + Version.COUNT] === 0) shared.release(keyVersionWords(this.width, 0));
      else this.enslot(words, version, words[slot + Slot.HASH]);
    }
    shared.release(keyTableWords(oldCount));
  }

  private enslot(words: Int32Array, version: number, hash: number): void {
    const slot = freeSlot(words, this.slots, this.slotCount, hash);
    words[slot + Slot.HASH] = hash;
    note(words, this.slots, this.slotCount, hash);
    setHead(words, slot, version);
  }

  private writeRule(words: Int32Array, item: number, pref: number, id: number): number {
    words[item + RuleItem.PREF] = pref;
    const use = this.uses.get(pref);
    words[item + RuleItem.SEQUENCE] = use?.place.sequence ?? 0;
    words[item + RuleItem.RANGE] = use?.range ?? 0;
    words[item + RuleItem.ID] = id;
    return item + RuleItem.WORDS;
  }

  private indexVersion(words: Int32Array, index: RuleIndex, version: number): void {
    const end = version + keyVersionWords(this.width, words[version + Version.COUNT]);
    for (let item = version + Version.WORDS + this.width; item < end; item += RuleItem.WORDS)
      index.set(words[item + RuleItem.ID], this.number, version);
  }
}
