/** Open addressing over slots (layout.ts), control side: sizes, placing, copying. */

import { Slot } from './layout.js';
import { alignedWords, type SharedWords } from './shared-words.js';

export const FEWEST_SLOTS = 8;

/** Slots for `used` entries with room to grow: a power of two, at most a quarter full. */
export function slotCountFor(used: number): number {
  let count = FEWEST_SLOTS;
  while (count < used * 4) count *= 2;
  return count;
}

/** Whether one more entry would fill more than half. */
export function isFull(used: number, slotCount: number): boolean {
  return (used + 1) * 2 > slotCount;
}

/** Most words that a table of `slotCount` slots takes from shared words. */
export function slotWords(slotCount: number): number {
  return alignedWords(slotCount * Slot.WORDS);
}

export function allocSlots(shared: SharedWords, slotCount: number): number {
  return shared.allocAligned(slotCount * Slot.WORDS);
}

/** Offset of the first free slot for `hash`. */
export function freeSlot(words: Int32Array, slots: number, slotCount: number, start: number): number {
  const last = slotCount - 1;
  let i = start & last;
  while (words[slots + i * Slot.WORDS + Slot.HEAD] !== 0) i = (i + 1) & last;
  return slots + i * Slot.WORDS;
}

/**
 * Makes `head` what the slot holds. The store is atomic, so a worker that sees the new offset sees the version behind
 * it as well.
 */
export function setHead(words: Int32Array, slot: number, head: number): void {
  Atomics.store(words, slot + Slot.HEAD, head);
}

/**
 * Slots of keys have a filter behind them, four bits a slot: the bit of every key's hash is set, so that most look-ups
 * of keys that are not there end in words that caches hold, and touch no slot. Bits are only ever set, until the slots
 * are made anew; a reader of an older state then looks at a slot in vain.
 */
const FILTER_BITS = 4;

function filterWords(slotCount: number): number {
  return (slotCount * FILTER_BITS) >>> 5;
}

/** Words of slots and filter. */
export function keyTableWords(slotCount: number): number {
  return slotCount * Slot.WORDS + filterWords(slotCount);
}

export function allocKeyTable(shared: SharedWords, slotCount: number): number {
  return shared.allocAligned(keyTableWords(slotCount));
}

/** Whether there may be a key of this hash. */
export function mayHave(words: Int32Array, slots: number, slotCount: number, hash: number): boolean {
  const bit = hash & (slotCount * FILTER_BITS - 1);
  return ((words[slots + slotCount * Slot.WORDS + (bit >>> 5)] >>> (bit & 31)) & 1) !== 0;
}

/** Tells the filter of a hash; before its key can be found. */
export function note(words: Int32Array, slots: number, slotCount: number, hash: number): void {
  const bit = hash & (slotCount * FILTER_BITS - 1);
  words[slots + slotCount * Slot.WORDS + (bit >>> 5)] |= 1 << (bit & 31);
}
