/**
 * What differs between transports when a super-frame is cut into segments. The core (segment.ts) knows the payload
 * and the IP header; a lane knows the transport header.
 */
import type { PacketIndex } from '../../memory/packets.js';

export interface SegmentLane {
  /** Reads what all segments of the super-frame `i` share: its transport header stands at arena offset `at`. */
  begin(i: PacketIndex, at: number, headerBytes: number): void;
  /**
   * Completes the transport header at arena offset `at`, a copy of the super-frame's, of a segment whose payload
   * begins `skipped` bytes into the super-frame's and has `bytes` bytes. `sum` is the unfolded sum of pseudo-header
   * (with the segment's length) and payload.
   */
  complete(at: number, skipped: number, bytes: number, last: boolean, sum: number): void;
}
