/**
 * What an underlay received: one entry per message of recvmmsg, as a structure of arrays. An entry is one datagram,
 * or with `segmentSize` > 0 a bundle of datagrams of that many bytes (the last may be shorter), as UDP_GRO hands over.
 *
 * The bytes and the entries are borrowed until the next `receive` of the same batch.
 */
import type { Arena } from './arena.js';
import { TUNNEL_WORDS } from './tunnel.js';

/** Bytes of a slot that precede the datagram, for whoever pushes headers in place. */
export const HEADROOM = 128;
const LARGEST_DATAGRAM = 65536;
/** Not a multiple of 4096: slots at such a stride would all compete for the same cache sets. */
const SLOT_BYTES = LARGEST_DATAGRAM + HEADROOM + 64 + 256;

export class Slots {
  readonly count: number;
  readonly offset: number;

  constructor(arena: Arena, count: number) {
    this.count = count;
    this.offset = arena.alloc(count * SLOT_BYTES, 64);
  }

  /** Arena offset where the bytes of slot `i` begin (`HEADROOM` bytes stand free before it, a multiple of 64). */
  data(i: number): number {
    return this.offset + i * SLOT_BYTES + HEADROOM;
  }

  /** Bytes that fit into a slot. */
  get size(): number {
    return LARGEST_DATAGRAM;
  }
}

export class ReceivedDatagrams {
  readonly capacity: number;
  readonly slots: Slots;
  /** Arena offset of the UDP payload. */
  readonly offset: Int32Array;
  /** Bytes of the UDP payload (of the whole bundle). */
  readonly length: Int32Array;
  /** Bytes of each datagram of a bundle; 0: a single datagram. */
  readonly segmentSize: Int32Array;
  /**
   * Outer header of each entry as a tunnel record (see tunnel.ts) without the VNI: record `i` belongs to entry `i`.
   * The records behind the first `capacity` are free for the receive pipeline (bundles whose VNIs differ).
   */
  readonly tunnels: Int32Array;
  readonly tunnelCapacity: number;
  /** 1: the datagram was longer than the slot and cut (MSG_TRUNC). */
  readonly truncated: Int32Array;
  /** 0, or the reason (its number in reasons.ts) for which the underlay refuses the entry: nobody may read its bytes. */
  readonly refused: Int32Array;
  count = 0;
  /** Datagrams the socket's queue dropped since the last receive as far as that is known. */
  overflow = 0;

  constructor(arena: Arena, capacity: number, extraTunnels: number) {
    this.capacity = capacity;
    this.slots = new Slots(arena, capacity);
    this.offset = arena.column(capacity);
    this.length = arena.column(capacity);
    this.segmentSize = arena.column(capacity);
    this.truncated = arena.column(capacity);
    this.refused = arena.column(capacity);
    this.tunnelCapacity = capacity + extraTunnels;
    this.tunnels = arena.column(this.tunnelCapacity * TUNNEL_WORDS);
  }
}
