/**
 * Which values there are, of which part of the key. A tuple asks each word of its mask for a value, and a frame whose
 * word has one that no rule asks for under those bits cannot be in any tuple that looks at them. So before a look-up
 * goes through many tuples it asks once for every part (a word and its bits) that any of them looks at whether the
 * frame's value is known; what is then left of a tuple is two words of bits, and most tuples end there without a hash.
 * (The prefix tries of Open vSwitch's classifier do the same for addresses; here any word may be asked.)
 *
 * One filter of one bit a value serves all chains of a table. Bits are only ever set: it may say yes to what is no
 * more, or never was, and never no to what is there. When many have been set it is made anew; a snapshot keeps the one
 * that it was published with, which knows every key of its generation.
 */
import { finish, HASH_SEED, mix } from './hash.js';
import type { Tuple } from './tuple.js';

/** A chain of no more tuples than this asks for nothing. */
export const FEW_TUPLES = 16;
/** Parts of a chain that are asked for; tuples are not held to those beyond. */
export const MOST_PARTS = 64;

const LEAST_BITS = 1024;
/** Bits for each value when the filter is made; below half of that it is made anew. */
const BITS_EACH = 8;

/** What the hash of a part's values begins with. */
export function partSeed(index: number, bits: number): number {
  return mix(mix(HASH_SEED, index), bits);
}

/** Whether there may be such a value; `mask`: the filter's bits, less one. */
export function isKnown(filter: Int32Array, mask: number, seed: number, value: number): boolean {
  const bit = finish(mix(seed, value)) & mask;
  return ((filter[bit >>> 5] >>> (bit & 31)) & 1) !== 0;
}

export class Presence {
  buffer = new SharedArrayBuffer(0);
  private filter = new Int32Array(this.buffer);
  private mask = 0;
  private set = 0;
  private capacity = 0;

  /** Whether it is used, and has become so full that too much looks known. */
  get isCrowded(): boolean {
    return this.set > this.capacity;
  }

  get isEmpty(): boolean {
    return this.capacity === 0;
  }

  /** Whether it was made for far more keys than the tuples have now. */
  isTooLarge(tuples: Iterable<Tuple>): boolean {
    return this.capacity > bitsFor(tuples);
  }

  /** Makes a value of a part known. Before its key can be found. */
  note(seed: number, value: number): void {
    if (this.capacity === 0) return;
    const bit = finish(mix(seed, value)) & this.mask;
    const word = this.filter[bit >>> 5];
    const noted = word | (1 << (bit & 31));
    if (noted === word) return;
    this.filter[bit >>> 5] = noted;
    this.set++;
  }

  /** Takes another filter, in which all keys of the tuples are known. */
  rebuild(words: Int32Array, tuples: Iterable<Tuple>): void {
    const all = [...tuples];
    const bits = bitsFor(all);
    this.buffer = new SharedArrayBuffer(bits / 8);
    this.filter = new Int32Array(this.buffer);
    this.mask = bits - 1;
    this.capacity = bits / 4;
    this.set = 0;
    for (const tuple of all) tuple.noteAll(words, this);
  }
}

function bitsFor(tuples: Iterable<Tuple>): number {
  let values = 0;
  for (const tuple of tuples) values += tuple.valueCount;
  let bits = LEAST_BITS;
  while (bits < values * BITS_EACH) bits *= 2;
  return bits;
}
