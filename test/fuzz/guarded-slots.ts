/**
 * Slots of an arena with bytes around what was received that nobody may change, and on whose values nothing may depend:
 * they are poison, of which each run of the same input has another.
 */
import type { Arena } from '../../src/memory/arena.js';

/** `at`: offset of the received bytes. */
interface Place {
  readonly at: number;
  readonly length: number;
}

/** A part of the arena, from an offset up to another. */
interface Region {
  readonly from: number;
  readonly to: number;
}

export class GuardedSlots {
  private readonly arena: Arena;
  private regions: readonly Region[] = [];
  private reference = new Uint8Array(0);
  private places: Place[] = [];

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** Fills each of some regions, in order and apart from each other, with `pattern`, over and over. */
  poison(regions: readonly Region[], pattern: Uint8Array): void {
    this.regions = regions;
    this.places = [];
    const longest = Math.max(0, ...regions.map(({ from, to }) => to - from));
    if (this.reference.length < longest) this.reference = new Uint8Array(longest);
    const reference = this.reference.subarray(0, longest);
    if (pattern.length > 1) {
      reference.set(pattern.subarray(0, reference.length));
      for (let done = pattern.length; done < reference.length; done *= 2)
        reference.copyWithin(done, 0, Math.min(done, reference.length - done));
    } else {
      reference.fill(pattern[0] ?? 0);
    }
    for (const { from, to } of regions) this.arena.u8.set(reference.subarray(0, to - from), from);
  }

  /** These bytes are the datapath's to read and to change. */
  lend(at: number, length: number): void {
    this.places.push({ at, length });
  }

  /** The offset of a byte outside of what was lent that has changed, or -1. */
  touched(): number {
    const places = this.places.sort((a, b) => a.at - b.at);
    for (const { from, to } of this.regions) {
      let next = from;
      for (const { at, length } of [...places, { at: to, length: 0 }]) {
        if (at + length <= next) continue;
        const touched = at > next ? this.touchedIn(from, next, Math.min(at, to)) : -1;
        if (touched >= 0) return touched;
        next = Math.max(next, at + length);
      }
    }
    return -1;
  }

  private touchedIn(from: number, first: number, end: number): number {
    const now = this.arena.u8.subarray(first, end);
    const before = this.reference.subarray(first - from, end - from);
    if (now.length === 0 || Buffer.compare(now, before) === 0) return -1;
    return first + now.findIndex((byte, n) => byte !== before[n]);
  }
}
