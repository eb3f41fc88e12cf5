/**
 * Control side of one mask of a chain and protocol: the tuples that have it, which differ in their ranges of ports, and
 * its place among the masks of each pref.
 */
import { KEY_WORDS, KeyWord } from '../flow-key.js';
import type { Tuple } from './tuple.js';

/** A mask within a pref. */
export interface MaskPlace {
  /** Orders the masks of the pref. */
  sequence: number;
  /** How many tuples of the mask have rules there. */
  tuples: number;
}

export class MaskGroup {
  readonly protocol: number;
  readonly mask: Int32Array;
  /** By pref. */
  readonly places = new Map<number, MaskPlace>();
  /** By both ranges. */
  private readonly byRanges = new Map<string, Tuple>();

  constructor(protocol: number, mask: Int32Array) {
    this.protocol = protocol;
    this.mask = mask.slice();
  }

  has(protocol: number, mask: Int32Array): boolean {
    if (protocol !== this.protocol) return false;
    for (let i = 0; i < KEY_WORDS; i++) if (mask[i] !== this.mask[i]) return false;
    return true;
  }

  /** The tuple of a rule with this key. */
  tuple(key: Int32Array): Tuple | undefined {
    return this.byRanges.get(this.rangesOf(key));
  }

  get isEmpty(): boolean {
    return this.byRanges.size === 0;
  }

  get tupleCount(): number {
    return this.byRanges.size;
  }

  get tuples(): Iterable<Tuple> {
    return this.byRanges.values();
  }

  add(tuple: Tuple): void {
    this.byRanges.set(idOf(tuple.dstRange, tuple.srcRange), tuple);
  }

  delete(tuple: Tuple): void {
    this.byRanges.delete(idOf(tuple.dstRange, tuple.srcRange));
  }

  /** The range in a rule's key, 0 where the mask has none. */
  dstRangeOf(key: Int32Array): number {
    return key[KeyWord.DST_PORT_RANGE] & this.mask[KeyWord.DST_PORT_RANGE];
  }

  srcRangeOf(key: Int32Array): number {
    return key[KeyWord.SRC_PORT_RANGE] & this.mask[KeyWord.SRC_PORT_RANGE];
  }

  private rangesOf(key: Int32Array): string {
    return idOf(this.dstRangeOf(key), this.srcRangeOf(key));
  }
}

function idOf(dst: number, src: number): string {
  return `${dst} ${src}`;
}
