/** Ranges of ports, as keys of rules have them (first << 16 | last), beside ports under masks. */
import { KeyWord } from '../../classifier/flow-key.js';

const PORT_BITS = 0xffff;

/** The word of a range, and that of the port that is to be in it. */
export const RANGE_WORDS: readonly (readonly [range: number, port: number])[] = [
  [KeyWord.DST_PORT_RANGE, KeyWord.DST_PORT],
  [KeyWord.SRC_PORT_RANGE, KeyWord.SRC_PORT],
];

export function firstOf(range: number): number {
  return range >>> 16;
}

export function lastOf(range: number): number {
  return range & PORT_BITS;
}

/** Bits that are the same in every port of a range: those above the highest in which its ends differ. */
export function commonBits(range: number): number {
  const differing = firstOf(range) ^ lastOf(range);
  return PORT_BITS & ~((1 << (32 - Math.clz32(differing))) - 1);
}

/** What a rule asks of a port. */
export interface PortWish {
  /** 0: none. */
  readonly range: number;
  readonly port: number;
  readonly mask: number;
}

/** Whether every port that `inner` takes is in the range of `outer`, where that has one; its port is another's business. */
export function rangeHolds(outer: PortWish, inner: PortWish): boolean {
  if (outer.range === 0) return true;
  // The least and the largest port that a mask lets through: all others are between them.
  const first = inner.range !== 0 ? firstOf(inner.range) : inner.port & inner.mask;
  const last = inner.range !== 0 ? lastOf(inner.range) : (inner.port & inner.mask) | (PORT_BITS & ~inner.mask);
  return firstOf(outer.range) <= first && last <= lastOf(outer.range);
}

/** Whether there is a port that both take. */
export function portsMeet(a: PortWish, b: PortWish): boolean {
  let first = 0;
  let last = PORT_BITS;
  for (const { range } of [a, b]) {
    if (range === 0) continue;
    first = Math.max(first, firstOf(range));
    last = Math.min(last, lastOf(range));
  }
  if (((a.port ^ b.port) & a.mask & b.mask & PORT_BITS) !== 0) return false;
  const mask = (a.mask | b.mask) & PORT_BITS;
  const wanted = (a.port & a.mask) | (b.port & b.mask);
  if (mask === 0) return first <= last;
  // One by one: it is asked where something leads around a rule that would cover another, which is seldom.
  for (let port = first; port <= last; port++) if (((port ^ wanted) & mask) === 0) return true;
  return false;
}

/** Ranges of which none is within another, to be asked which of them holds one: the staircase of their ends. */
export class Ranges<T> {
  private readonly firsts: number[] = [];
  private readonly lasts: number[] = [];
  private readonly owners: T[] = [];

  /** Adds a range, unless another holds it; those that it holds go. */
  add(first: number, last: number, owner: T): void {
    if (this.holding(first, last) !== undefined) return;
    const from = this.place(first);
    let to = from;
    while (to < this.lasts.length && (this.lasts[to] ?? 0) <= last) to++;
    this.firsts.splice(from, to - from, first);
    this.lasts.splice(from, to - from, last);
    this.owners.splice(from, to - from, owner);
  }

  /** Whose range holds this one. */
  holding(first: number, last: number): T | undefined {
    // Of those that begin no later the last one ends last.
    const at = this.place(first + 1) - 1;
    return at >= 0 && (this.lasts[at] ?? 0) >= last ? this.owners[at] : undefined;
  }

  /** Adds all of another, and empties it. */
  take(other: Ranges<T>): void {
    other.owners.forEach((owner, n) => {
      this.add(other.firsts[n] ?? 0, other.lasts[n] ?? 0, owner);
    });
    for (const list of [other.firsts, other.lasts, other.owners]) list.length = 0;
  }

  /** Index of the first that begins at `first` or later. */
  private place(first: number): number {
    let low = 0;
    let high = this.firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.firsts[middle] ?? 0) < first) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
