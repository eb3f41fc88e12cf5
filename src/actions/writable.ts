import type { Arena } from '../memory/arena.js';
import { type PacketIndex, type Packets, SHARED } from '../memory/packets.js';
import type { BatchScratch } from '../memory/scratch.js';

/** Headroom of a frame that has been copied: a multiple of 64, so that the frame begins where a slot's would. */
const COPY_HEADROOM = 64;

/**
 * Copy on write. A frame stands where it was received, and mirrored copies of it refer to the same bytes; whoever
 * changes one of them gets bytes of his own first. What that costs is bounded by the scratch of a batch.
 */
export class Writable {
  private readonly u8: Uint8Array;
  private readonly packets: Packets;
  private readonly scratch: BatchScratch;

  constructor(arena: Arena, packets: Packets, scratch: BatchScratch) {
    this.u8 = arena.u8;
    this.packets = packets;
    this.scratch = scratch;
  }

  /**
   * Makes the bytes of a packet its own, with `headroom` (at most 64) free ones before them. False, and nothing has
   * changed, where there is no room for a copy.
   */
  own(packet: PacketIndex, headroom: number): boolean {
    const { packets } = this;
    if ((packets.flags[packet] & SHARED) === 0 && packets.headroom[packet] >= headroom) return true;
    const from = packets.frame[packet];
    const length = packets.length[packet];
    const at = this.scratch.take(COPY_HEADROOM + length);
    if (at < 0) return false;
    this.u8.copyWithin(at + COPY_HEADROOM, from, from + length);
    packets.frame[packet] = at + COPY_HEADROOM;
    packets.headroom[packet] = COPY_HEADROOM;
    packets.flags[packet] &= ~SHARED;
    return true;
  }
}
