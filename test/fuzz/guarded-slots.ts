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

export class GuardedSlots {
  private readonly arena: Arena;
  private from = 0;
  private to = 0;
  private reference = new Uint8Array(0);
  private places: Place[] = [];

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** Fills everything from offset `from` up to `to` with `pattern`, over and over. */
  poison(from: number, to: number, pattern: Uint8Array): void {
    this.from = from;
    this.to = to;
    if (this.reference.length < to - from) this.reference = new Uint8Array(to - from);
    const reference = this.reference.subarray(0, to - from);
    if (pattern.length > 1) {
      reference.set(pattern.subarray(0, reference.length));
      for (let done = pattern.length; done < reference.length; done *= 2)
        reference.copyWithin(done, 0, Math.min(done, reference.length - done));
    } else {
      reference.fill(pattern[0] ?? 0);
    }
    this.arena.u8.set(reference, from);
    this.places = [];
  }

  /** These bytes are the datapath's to read and to change. */
  lend(at: number, length: number): void {
    this.places.push({ at, length });
  }

  /** The offset of a byte outside of what was lent that has changed, or -1. */
  touched(): number {
    const { arena, from, to, reference, places } = this;
    let next = from;
    for (const { at, length } of [...places.sort((a, b) => a.at - b.at), { at: to, length: 0 }]) {
      const now = arena.u8.subarray(next, at);
      const before = reference.subarray(next - from, at - from);
      if (now.length > 0 && Buffer.compare(now, before) !== 0)
        return next + now.findIndex((byte, n) => byte !== before[n]);
      next = Math.max(next, at + length);
    }
    return -1;
  }
}
