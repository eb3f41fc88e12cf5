/**
 * What a batch wants written. Two lists, each a structure of arrays over iovecs in the arena: super-frames for a
 * TAP, and datagrams for an underlay. Whoever fills one borrows the bytes to the device until its `write` or `send`
 * returns; the device reports per entry and keeps nothing.
 */
import type { Arena } from './arena.js';

const IOVEC_BYTES = 16;

/** iovecs in the arena, filled from the front. */
class Iovecs {
  readonly arena: Arena;
  readonly capacity: number;
  readonly offset: number;
  used = 0;

  constructor(arena: Arena, capacity: number) {
    this.arena = arena;
    this.capacity = capacity;
    this.offset = arena.alloc(capacity * IOVEC_BYTES);
  }

  add(bytes: number, length: number): void {
    this.arena.writeIovec(this.offset + this.used * IOVEC_BYTES, bytes, length);
    this.used++;
  }

  /** Arena offset of iovec `i`. */
  at(i: number): number {
    return this.offset + i * IOVEC_BYTES;
  }
}

/** Scratch bytes for the headers of a vector's entries, filled from the front. */
class Headers {
  readonly offset: number;
  readonly capacity: number;
  used = 0;

  constructor(arena: Arena, capacity: number) {
    this.capacity = capacity;
    this.offset = arena.alloc(capacity);
  }

  /** Arena offset of `bytes` fresh bytes (a multiple of 16); the caller has checked `room`. */
  take(bytes: number): number {
    const at = this.offset + this.used;
    this.used += (bytes + 15) & -16;
    return at;
  }

  get room(): number {
    return this.capacity - this.used;
  }
}

/**
 * What both kinds have in common. Entry `e` is `iovecCount[e]` iovecs from `iovecStart[e]` on, `bytes[e]` bytes of
 * payload in all; `errno[e]` is 0, or what writing it answered.
 */
class Vector {
  readonly capacity: number;
  readonly iovecs: Iovecs;
  readonly headers: Headers;
  readonly iovecStart: Int32Array;
  readonly iovecCount: Int32Array;
  readonly bytes: Int32Array;
  readonly segments: Int32Array;
  readonly errno: Int32Array;
  count = 0;

  constructor(arena: Arena, capacity: number, iovecCapacity: number, headerBytes: number) {
    this.capacity = capacity;
    this.iovecs = new Iovecs(arena, iovecCapacity);
    this.headers = new Headers(arena, headerBytes);
    this.iovecStart = arena.column(capacity);
    this.iovecCount = arena.column(capacity);
    this.bytes = arena.column(capacity);
    this.segments = arena.column(capacity);
    this.errno = arena.column(capacity);
  }

  /** Forgets every entry; the bytes lent to it are their owners' again. */
  reset(): void {
    this.count = 0;
    this.iovecs.used = 0;
    this.headers.used = 0;
  }
}

/**
 * Frames for a port. The first bytes of an entry are the virtio-net header (12 bytes) where the port wants one;
 * `bytes` does not count them. `segments` are the packets on a wire that the entry stands for.
 */
export class FrameVector extends Vector {
  /** Room for a batch of `capacity` frames: worst case one header and two iovecs each, plus a payload iovec. */
  constructor(arena: Arena, capacity: number) {
    super(arena, capacity, capacity * 3, capacity * 192);
  }
}

/** As `gsoType` of an entry: a single datagram, which goes the way of its flow's super-frames. */
export const FOLLOWS = -1;

/**
 * Datagrams for an underlay. An entry is sent as one datagram, or with `segmentSize[m]` > 0 as `segments[m]` datagrams
 * of that many payload bytes (the last may be shorter). Where it goes stands in record `destination[m]` of the tunnel
 * records that `send` is given (see tunnel.ts).
 *
 * An entry with a `gsoType` is one super-frame behind one VXLAN header, for an underlay that `takesSuperFrames`; its
 * `bytes` and `segments` are nevertheless those of the datagrams that become of it. A single datagram that shall take
 * the way of these has FOLLOWS for a `gsoType`.
 */
export class DatagramVector extends Vector {
  readonly segmentSize: Int32Array;
  readonly destination: Int32Array;
  /** Flow hash: chooses the source port. */
  readonly hash: Int32Array;
  /** The packet the entry came from, for accounting. */
  readonly packet: Int32Array;
  /** Of an entry with an errno: how many of its datagrams went out before the failure, all of `segmentSize` bytes. */
  readonly sentBefore: Int32Array;
  /** As that of a packet (packets.ts), or FOLLOWS; GSO_NONE: an ordinary entry. The columns below are a super-frame's. */
  readonly gsoType: Int32Array;
  readonly gsoSize: Int32Array;
  /** Bytes from the VXLAN header to the inner network header, transport header and payload. */
  readonly innerNetwork: Int32Array;
  readonly innerTransport: Int32Array;
  readonly innerPayload: Int32Array;

  constructor(arena: Arena, capacity: number, iovecCapacity: number, headerBytes: number) {
    super(arena, capacity, iovecCapacity, headerBytes);
    this.gsoType = arena.column(capacity);
    this.gsoSize = arena.column(capacity);
    this.innerNetwork = arena.column(capacity);
    this.innerTransport = arena.column(capacity);
    this.innerPayload = arena.column(capacity);
    this.segmentSize = arena.column(capacity);
    this.destination = arena.column(capacity);
    this.hash = arena.column(capacity);
    this.packet = arena.column(capacity);
    this.sentBefore = arena.column(capacity);
  }
}

export type { Headers, Iovecs };
