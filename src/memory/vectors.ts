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
 * Frames for a port. Entry `f` is `iovecCount[f]` iovecs from `iovecStart[f]` on; the first of them is the virtio-net
 * header of 12 bytes where the port wants one. `errno[f]` is 0, or what the write answered.
 */
export class FrameVector {
  readonly capacity: number;
  readonly iovecs: Iovecs;
  readonly headers: Headers;
  readonly iovecStart: Int32Array;
  readonly iovecCount: Int32Array;
  /** Bytes of the frame, without the virtio-net header. */
  readonly bytes: Int32Array;
  /** Frames of the batch that were merged into this one. */
  readonly segments: Int32Array;
  readonly errno: Int32Array;
  count = 0;

  /** Room for a batch of `capacity` frames: worst case one header and two iovecs each, plus a payload iovec. */
  constructor(arena: Arena, capacity: number) {
    this.capacity = capacity;
    this.iovecs = new Iovecs(arena, capacity * 3);
    this.headers = new Headers(arena, capacity * 192);
    this.iovecStart = arena.column(capacity);
    this.iovecCount = arena.column(capacity);
    this.bytes = arena.column(capacity);
    this.segments = arena.column(capacity);
    this.errno = arena.column(capacity);
  }

  reset(): void {
    this.count = 0;
    this.iovecs.used = 0;
    this.headers.used = 0;
  }
}

/**
 * Datagrams for an underlay. Entry `m` is `iovecCount[m]` iovecs from `iovecStart[m]` on, sent as one datagram, or
 * with `segmentSize[m]` > 0 as datagrams of that many payload bytes (the last may be shorter). Where it goes stands
 * in 16 tunnel words at `destination[m]` (an index into `tunnels`, see tunnel.ts).
 */
export class DatagramVector {
  readonly capacity: number;
  readonly iovecs: Iovecs;
  readonly headers: Headers;
  readonly iovecStart: Int32Array;
  readonly iovecCount: Int32Array;
  /** UDP payload bytes in all. */
  readonly bytes: Int32Array;
  readonly segmentSize: Int32Array;
  /** Datagrams this entry becomes on the wire. */
  readonly segments: Int32Array;
  /** Tunnel record index, into the records given to `send`. */
  readonly destination: Int32Array;
  /** Flow hash: chooses the source port. */
  readonly hash: Int32Array;
  /** The packet the entry came from, for accounting. */
  readonly packet: Int32Array;
  /** 0, or what the send answered. */
  readonly errno: Int32Array;
  /** Of an entry with an errno: how many of its datagrams went out before the failure, all of `segmentSize` bytes. */
  readonly sentBefore: Int32Array;
  count = 0;

  constructor(arena: Arena, capacity: number, iovecCapacity: number, headerBytes: number) {
    this.capacity = capacity;
    this.iovecs = new Iovecs(arena, iovecCapacity);
    this.headers = new Headers(arena, headerBytes);
    this.iovecStart = arena.column(capacity);
    this.iovecCount = arena.column(capacity);
    this.bytes = arena.column(capacity);
    this.segmentSize = arena.column(capacity);
    this.segments = arena.column(capacity);
    this.destination = arena.column(capacity);
    this.hash = arena.column(capacity);
    this.packet = arena.column(capacity);
    this.errno = arena.column(capacity);
    this.sentBefore = arena.column(capacity);
  }

  reset(): void {
    this.count = 0;
    this.iovecs.used = 0;
    this.headers.used = 0;
  }
}

export type { Headers, Iovecs };
