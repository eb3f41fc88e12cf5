/** A frame port in memory: for tests of what stands above it, and for endpoints without a host (lab/). Allocates freely. */

import type { Arena } from '../../memory/arena.js';
import { GSO_NONE, NONE, type Packets, UNFINISHED } from '../../memory/packets.js';
import type { Slots } from '../../memory/received.js';
import type { FrameVector } from '../../memory/vectors.js';
import { EIO } from '../../native/errno.js';
import { ETH_HEADER } from '../../wire/ethernet.js';
import { type FramePort, VNET_HEADER_BYTES } from '../device.js';

/** A frame that the host sends. */
export interface HostFrame {
  readonly bytes: Uint8Array;
  /** A checksum that the host left unfinished, as a virtio-net header tells it. */
  readonly checksum?: { readonly start: number; readonly offset: number };
  /** Values of virtio_net_hdr.gso_type and gso_size. */
  readonly gso?: { readonly type: number; readonly size: number };
  /** As if its virtio-net header could not be: `read` drops it. */
  readonly malformed?: boolean;
}

/** A frame that was written to the host. */
export interface WrittenFrame {
  /** The frame, without the virtio-net header. */
  readonly bytes: Uint8Array;
  readonly vnetHeader: Uint8Array;
  readonly segments: number;
}

export class FakePort implements FramePort {
  /** No descriptor: ppoll passes over it. */
  readonly fd: number = -1;
  /** Frames that `read` will hand over, the first one first. */
  readonly incoming: HostFrame[] = [];
  /** Frames that were written, the first one first. */
  readonly written: WrittenFrame[] = [];
  short = 0;
  malformed = 0;
  /** As on a TAP: a port that is down answers EIO to writes. */
  up = true;
  private readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  read(packets: Packets, slots: Slots, firstSlot: number, limit: number): number {
    let frames = 0;
    for (let reads = 0; reads < limit; reads++) {
      if (firstSlot + frames >= slots.count || packets.count === packets.capacity) break;
      const frame = this.incoming.shift();
      if (frame === undefined) break;
      if (frame.malformed === true) {
        this.malformed++;
        continue;
      }
      if (frame.bytes.length < ETH_HEADER) {
        this.short++;
        continue;
      }
      const at = slots.data(firstSlot + frames);
      this.arena.u8.set(frame.bytes, at);
      const packet = packets.take(at, frame.bytes.length);
      if (packet === NONE) break;
      if (frame.checksum !== undefined) {
        packets.flags[packet] = UNFINISHED;
        packets.csumStart[packet] = frame.checksum.start;
        packets.csumOffset[packet] = frame.checksum.offset;
      }
      packets.gsoType[packet] = frame.gso?.type ?? GSO_NONE;
      packets.gsoSize[packet] = frame.gso?.size ?? 0;
      frames++;
    }
    return frames;
  }

  write(vector: FrameVector): void {
    for (let f = 0; f < vector.count; f++) {
      vector.errno[f] = this.up ? 0 : EIO;
      if (!this.up) continue;
      const bytes = gather(this.arena, vector.iovecs.at(vector.iovecStart[f]), vector.iovecCount[f]);
      this.written.push({
        vnetHeader: bytes.slice(0, VNET_HEADER_BYTES),
        bytes: bytes.slice(VNET_HEADER_BYTES),
        segments: vector.segments[f],
      });
    }
  }
}

/** A copy of the bytes that `count` iovecs at arena offset `at` refer to, joined. */
export function gather(arena: Arena, at: number, count: number): Uint8Array {
  let total = 0;
  for (let i = 0; i < count; i++) total += iovecWord(arena, at + i * 16 + 8);
  const bytes = new Uint8Array(total);
  let done = 0;
  for (let i = 0; i < count; i++) {
    const offset = iovecWord(arena, at + i * 16) - arena.base;
    const length = iovecWord(arena, at + i * 16 + 8);
    if (offset < 0 || offset + length > arena.size) throw new RangeError(`iovec ${i} is outside the arena`);
    bytes.set(arena.u8.subarray(offset, offset + length), done);
    done += length;
  }
  return bytes;
}

/** An address or a length: 64 bits, of which 53 are in use. */
function iovecWord({ i32 }: Arena, at: number): number {
  return ((i32[(at >> 2) + 1] ?? 0) >>> 0) * 2 ** 32 + ((i32[at >> 2] ?? 0) >>> 0);
}
