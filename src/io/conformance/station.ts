/** For tests: an underlay with what it takes to use it, and the same for whoever it talks to. */
import { setTimeout } from 'node:timers/promises';
import { Arena } from '../../memory/arena.js';
import { ReceivedDatagrams } from '../../memory/received.js';
import { TUNNEL_CSUM, TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { DatagramVector } from '../../memory/vectors.js';
import { must } from '../../native/errno.js';
import type { Underlay } from '../device.js';
import { addressWords, readable } from '../testing/loopback.js';

const DEADLINE_MS = 10_000;

/** Entries of a batch: few, so that tests reach the bound. */
export const BATCH = 16;
/** Entries of a vector. */
export const VECTOR = 256;
export const CAPACITY = { receive: BATCH, send: VECTOR } as const;

export type Words = Partial<Record<keyof typeof TunnelWord, number>>;

/** A datagram as it arrived; of a bundle, one of those it holds. */
export interface Arrived {
  readonly payload: Buffer;
  /** Its tunnel record. */
  readonly words: Int32Array;
  /** 0, or the reason for which the underlay refuses it. */
  readonly refused: number;
}

export class Station {
  readonly arena = new Arena(32 << 20);
  readonly batch = new ReceivedDatagrams(this.arena, BATCH, 0);
  readonly vector = new DatagramVector(this.arena, VECTOR, 4096, 4096);
  readonly tunnels = this.arena.column(16 * TUNNEL_WORDS);
  /** Datagrams that `arrivals` was told of as lost. */
  overflow = 0;
  private readonly bytes = this.arena.alloc(1 << 20);
  private readonly underlayOf: (arena: Arena) => Underlay;
  private made: Underlay | undefined;
  private used = 0;

  constructor(make: (arena: Arena) => Underlay) {
    this.underlayOf = make;
  }

  get underlay(): Underlay {
    this.made ??= this.underlayOf(this.arena);
    return this.made;
  }

  /** Writes record `i`: to this address and port, with a checksum, and the words of `more` over it. */
  record(i: number, address: Uint8Array, port: number, more: Words = {}): void {
    const at = i * TUNNEL_WORDS;
    this.tunnels.fill(0, at, at + TUNNEL_WORDS);
    this.tunnels[at + TunnelWord.FAMILY] = address.length === 4 ? 4 : 6;
    this.tunnels[at + TunnelWord.FLAGS] = TUNNEL_CSUM;
    this.tunnels.set(addressWords(address), at + TunnelWord.DST_IP);
    this.tunnels[at + TunnelWord.DST_PORT] = port;
    for (const [name, value] of Object.entries(more))
      this.tunnels[at + TunnelWord[name as keyof typeof TunnelWord]] = value;
  }

  /** Adds an entry whose payload is `parts` joined, each in an iovec of its own and at an odd place. */
  add(parts: readonly Uint8Array[], record = 0, hash = 0, segmentSize = 0): void {
    const { vector } = this;
    const m = vector.count++;
    vector.iovecStart[m] = vector.iovecs.used;
    vector.iovecCount[m] = parts.length;
    let bytes = 0;
    for (const part of parts) {
      const at = this.bytes + this.used + 1;
      this.arena.u8.set(part, at);
      this.used += part.length + 1;
      vector.iovecs.add(at, part.length);
      bytes += part.length;
    }
    vector.bytes[m] = bytes;
    vector.segmentSize[m] = segmentSize;
    vector.segments[m] = segmentSize === 0 ? 1 : Math.ceil(bytes / segmentSize);
    vector.destination[m] = record;
    vector.hash[m] = hash;
    vector.errno[m] = -1;
    vector.sentBefore[m] = -1;
  }

  /** Sends what was added; returns the errno of each entry. */
  send(): number[] {
    this.underlay.send(this.vector, this.tunnels);
    const errnos = [...this.vector.errno.subarray(0, this.vector.count)];
    this.vector.reset();
    this.used = 0;
    return errnos;
  }

  /** Whether one of its descriptors can be read now. */
  isReadable(): boolean {
    return this.underlay.receiveFds.some((fd) => fd < 0 || readable(fd, 0));
  }

  /** Receives once from every descriptor; what is a bundle is taken apart. */
  receiveNow(): Arrived[] {
    const all: Arrived[] = [];
    for (const which of this.underlay.receiveFds.keys()) {
      must(this.underlay.receive(which, this.batch), 'receive');
      const { batch } = this;
      this.overflow += batch.overflow;
      for (let i = 0; i < batch.count; i++) {
        const words = batch.tunnels.slice(i * TUNNEL_WORDS, (i + 1) * TUNNEL_WORDS);
        const payload = Buffer.from(this.arena.u8.slice(batch.offset[i], batch.offset[i] + batch.length[i]));
        const size = batch.segmentSize[i] === 0 ? payload.length : batch.segmentSize[i];
        const refused = batch.refused[i];
        if (payload.length === 0) all.push({ payload, words, refused });
        for (let at = 0; at < payload.length; at += size)
          all.push({ payload: payload.subarray(at, at + size), words, refused });
      }
    }
    return all;
  }

  /** Receives until `isEnough`, or the deadline; the event loop goes on meanwhile, for producers that need it. */
  async arrivals(isEnough: (arrived: readonly Arrived[]) => boolean): Promise<Arrived[]> {
    const all: Arrived[] = [];
    const deadline = Date.now() + DEADLINE_MS;
    while (!isEnough(all) && Date.now() < deadline) {
      const arrived = this.isReadable() ? this.receiveNow() : [];
      all.push(...arrived);
      if (arrived.length === 0) await setTimeout(2);
    }
    return all;
  }

  /** The next `count` datagrams, or those that came until the deadline. */
  take(count: number): Promise<Arrived[]> {
    return this.arrivals((arrived) => arrived.length >= count);
  }
}
