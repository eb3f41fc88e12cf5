/**
 * Packets that are written as they are: single frames, super-frames of the host or of a peer, and super-frames that
 * have to be cut because the port does not take them. Costs are announced before they are incurred, so that the core
 * never begins what the vector cannot hold.
 */
import type { Arena } from '../../memory/arena.js';
import {
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  type PacketIndex,
  type Packets,
  SHAPE_IPV4,
  UNFINISHED,
} from '../../memory/packets.js';
import type { FrameVector } from '../../memory/vectors.js';
import { putU16 } from '../../wire/bytes.js';
import type { Checksummer } from '../../wire/checksum.js';
import { copyBytes } from '../copy-bytes.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from '../offloads.js';
import { Segmenter } from '../segment.js';
import { unfinishedChecksum } from '../unfinished.js';
import { NEEDS_CSUM, VNET_BYTES, writeVnetHeader } from '../vnet-header.js';

/** Bytes that a header block of `bytes` takes from a vector. */
export function blockBytes(bytes: number): number {
  return (bytes + 15) & -16;
}

export class Passthrough {
  /** What `costOfSegments` found: entries, and bytes of headers. Each entry has two iovecs. */
  entries = 0;
  headerBytes = 0;
  private readonly arena: Arena;
  private readonly packets: Packets;
  private readonly checksums: Checksummer;
  private readonly segmenter: Segmenter;

  constructor(arena: Arena, packets: Packets, checksums: Checksummer) {
    this.arena = arena;
    this.packets = packets;
    this.checksums = checksums;
    this.segmenter = new Segmenter(arena, packets, checksums);
  }

  /** The offload bits that a port needs to take super-frame `i` as it is; -1: no port does. */
  offloads(i: PacketIndex): number {
    const type = this.packets.gsoType[i] & ~GSO_ECN;
    if (type === GSO_TCPV4) return OFFLOAD_CSUM | OFFLOAD_TSO4;
    if (type === GSO_TCPV6) return OFFLOAD_CSUM | OFFLOAD_TSO6;
    if (type !== GSO_UDP_L4) return -1;
    return OFFLOAD_CSUM | ((this.packets.shape[i] & SHAPE_IPV4) !== 0 ? OFFLOAD_USO4 : OFFLOAD_USO6);
  }

  /** Sets `entries` and `headerBytes` for cutting super-frame `i`; false where that is not possible. */
  costOfSegments(i: PacketIndex, gsoSize: number): boolean {
    const { segmenter } = this;
    if (!segmenter.begin(i, gsoSize)) return false;
    this.entries = segmenter.count;
    this.headerBytes = segmenter.count * blockBytes(VNET_BYTES + segmenter.headerBytes);
    return true;
  }

  /** Bytes of headers that `addFrame` takes. */
  costOfFrame(i: PacketIndex, offloads: number): number {
    if (!this.unfinished(i) || (offloads & OFFLOAD_CSUM) !== 0) return blockBytes(VNET_BYTES);
    return blockBytes(VNET_BYTES + this.packets.csumStart[i] + this.packets.csumOffset[i] + 2);
  }

  /**
   * Adds a frame that is no super-frame: a virtio-net header and the frame where it stands. It claims nothing, or
   * NEEDS_CSUM where the checksum is unfinished; where the port does not finish checksums, headers with the finished
   * one are written anew (the frame may be SHARED).
   */
  addFrame(i: PacketIndex, offloads: number, out: FrameVector): void {
    const { arena, packets } = this;
    const frame = packets.frame[i];
    const length = packets.length[i];
    const start = out.iovecs.used;
    if (!this.unfinished(i)) {
      const at = out.headers.take(VNET_BYTES);
      writeVnetHeader(arena, at, 0, GSO_NONE, 0, 0, 0, 0);
      out.iovecs.add(at, VNET_BYTES);
      out.iovecs.add(frame, length);
    } else if ((offloads & OFFLOAD_CSUM) !== 0) {
      const at = out.headers.take(VNET_BYTES);
      writeVnetHeader(arena, at, NEEDS_CSUM, GSO_NONE, 0, 0, packets.csumStart[i], packets.csumOffset[i]);
      out.iovecs.add(at, VNET_BYTES);
      out.iovecs.add(frame, length);
    } else {
      const copied = packets.csumStart[i] + packets.csumOffset[i] + 2;
      const at = out.headers.take(VNET_BYTES + copied);
      writeVnetHeader(arena, at, 0, GSO_NONE, 0, 0, 0, 0);
      copyBytes(arena, at + VNET_BYTES, frame, copied);
      putU16(arena.u8, at + VNET_BYTES + copied - 2, unfinishedChecksum(this.checksums, packets, i));
      out.iovecs.add(at, VNET_BYTES + copied);
      if (copied < length) out.iovecs.add(frame + copied, length - copied);
    }
    addEntry(out, start, length, 1);
  }

  /** Adds super-frame `i` as it is, to be cut by the host into segments of `gsoSize` payload bytes. */
  addSuperFrame(i: PacketIndex, gsoSize: number, out: FrameVector): void {
    const { packets } = this;
    const headerBytes = Math.max(packets.payload[i], 0);
    const length = packets.length[i];
    const start = out.iovecs.used;
    const at = out.headers.take(VNET_BYTES);
    const flags = (packets.flags[i] & UNFINISHED) !== 0 ? NEEDS_CSUM : 0;
    const csumStart = packets.csumStart[i];
    const csumOffset = packets.csumOffset[i];
    writeVnetHeader(this.arena, at, flags, packets.gsoType[i], headerBytes, gsoSize, csumStart, csumOffset);
    out.iovecs.add(at, VNET_BYTES);
    out.iovecs.add(packets.frame[i], length);
    addEntry(out, start, length, Math.max(1, Math.ceil(packets.payloadBytes(i) / gsoSize)));
  }

  /** Adds the segments of super-frame `i`, each an entry, with finished checksums. */
  addSegments(i: PacketIndex, gsoSize: number, out: FrameVector): void {
    const { segmenter } = this;
    if (!segmenter.begin(i, gsoSize)) return;
    const { count, headerBytes } = segmenter;
    for (let k = 0; k < count; k++) {
      const start = out.iovecs.used;
      const at = out.headers.take(VNET_BYTES + headerBytes);
      const payload = segmenter.payloadLength(k);
      writeVnetHeader(this.arena, at, 0, GSO_NONE, 0, 0, 0, 0);
      segmenter.writeHeaders(k, at + VNET_BYTES);
      out.iovecs.add(at, VNET_BYTES + headerBytes);
      out.iovecs.add(segmenter.payloadAt(k), payload);
      addEntry(out, start, headerBytes + payload, 1);
    }
  }

  /** Whether packet `i` has an unfinished checksum, and within the frame. */
  private unfinished(i: PacketIndex): boolean {
    const { packets } = this;
    if ((packets.flags[i] & UNFINISHED) === 0) return false;
    return packets.csumStart[i] + packets.csumOffset[i] + 2 <= packets.length[i];
  }
}

/** The iovecs from `start` on become an entry: a frame of `bytes` bytes that stands for `segments` packets. */
export function addEntry(out: FrameVector, start: number, bytes: number, segments: number): void {
  const f = out.count;
  out.iovecStart[f] = start;
  out.iovecCount[f] = out.iovecs.used - start;
  out.bytes[f] = bytes;
  out.segments[f] = segments;
  out.errno[f] = 0;
  out.count = f + 1;
}
