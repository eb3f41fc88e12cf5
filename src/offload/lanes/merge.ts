/**
 * What differs between transports when packets are merged. The core (coalesce.ts) keeps the runs, compares Ethernet
 * and IP headers, sizes and totals; a lane knows the transport header. Results are outcomes (outcomes.ts), MERGED
 * standing for "no objection".
 */
import type { PacketIndex } from '../../memory/packets.js';

export interface MergeLane {
  /** Packets of a run at most. */
  readonly maxSegments: number;
  /** Offload bits that a port must have for merged packets of the shape. */
  offloads(shape: number): number;
  /** virtio_net_hdr.gso_type of a merged packet of the shape. */
  gsoType(shape: number): number;
  /** Bytes from the transport header to its checksum. */
  readonly checksumOffset: number;
  /** Whether packet `i` may be part of a run at all, by its header alone. */
  admit(i: PacketIndex): number;
  /** Whether `i` may follow `tail`, the last packet of a run of its flow, by their headers alone. */
  follows(tail: PacketIndex, i: PacketIndex): number;
  /** Whether nothing may follow `i`. */
  ends(i: PacketIndex): boolean;
  /** Whether the transport checksum of `i` is right, or unfinished. */
  intact(i: PacketIndex): boolean;
  /**
   * Completes the transport header at arena offset `at`, a copy of that of `head`, for a run that ends with `tail`
   * and has `length` bytes of transport header and payload: its checksum is left unfinished.
   */
  complete(at: number, head: PacketIndex, tail: PacketIndex, length: number): void;
}
