/**
 * Cutting a super-frame into the packets it stands for (GSO), for whoever has to do it in software: the VXLAN
 * transmit path (encapsulate.ts) and a port whose device takes no super-frames (coalesce.ts).
 *
 * No payload byte moves. A segment is a block of headers, written afresh into memory of the caller's choice, and a
 * slice of the super-frame's payload where it stands; the caller strings both together with iovecs. The bytes of the
 * super-frame are never changed, so they may be SHARED.
 *
 * What a segment costs is its checksum: the payload is summed once (nobody has done it yet), all else is arithmetic
 * on sums that are made once per super-frame: of the IPv4 header without total length, ID and checksum, of the
 * addresses, and of the transport header without what changes.
 */
import type { Arena } from '../memory/arena.js';
import {
  GSO_ECN,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  type PacketIndex,
  type Packets,
  SHAPE_FRAGMENT,
  SHAPE_IPV4,
  SHAPE_IPV6,
  SHAPE_ODD,
  SHAPE_OPTIONS,
  SHAPE_TCP,
  SHAPE_UDP,
  UNFINISHED,
} from '../memory/packets.js';
import { putU16, u16 } from '../wire/bytes.js';
import { type Checksummer, finish, fold } from '../wire/checksum.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.js';
import { IPV4_CHECKSUM, IPV4_FRAGMENT, IPV4_ID, IPV4_SRC, IPV4_TOTAL_LENGTH } from '../wire/ipv4.js';
import { IPV6_HEADER, IPV6_PAYLOAD_LENGTH } from '../wire/ipv6.js';
import { copyBytes } from './copy-bytes.js';
import type { SegmentLane } from './lanes/segments.js';
import { TcpSegments } from './lanes/tcp-segments.js';
import { UdpSegments } from './lanes/udp-segments.js';
import { pseudoHeader } from './unfinished.js';

/** Segments up to which a super-frame's payload is summed in one call; more have payloads of a few bytes. */
const SUMS = 256;

/** Whether the headers of a dissected super-frame are those that its gsoType speaks of, whole and no fragment's. */
export function fitsGsoType(packets: Packets, i: PacketIndex): boolean {
  const shape = packets.shape[i];
  const type = packets.gsoType[i] & ~GSO_ECN;
  let wanted: number;
  if (type === GSO_TCPV4) wanted = SHAPE_TCP | SHAPE_IPV4;
  else if (type === GSO_TCPV6) wanted = SHAPE_TCP | SHAPE_IPV6;
  else if (type === GSO_UDP_L4) wanted = SHAPE_UDP;
  else return false;
  return (shape & wanted) === wanted && (shape & (SHAPE_FRAGMENT | SHAPE_ODD)) === 0;
}

export class Segmenter {
  /** Segments of the super-frame. */
  count = 0;
  /** Bytes of the headers of each segment, Ethernet to transport. */
  headerBytes = 0;
  /** Payload bytes of each segment but the last. */
  segmentBytes = 0;
  private readonly arena: Arena;
  private readonly packets: Packets;
  private readonly checksums: Checksummer;
  private readonly tcp: SegmentLane;
  private readonly udp: SegmentLane;
  private lane: SegmentLane;
  private frame = 0;
  private l3 = 0;
  private l4 = 0;
  private payloadBytes = 0;
  private ipv4 = false;
  private id = 0;
  private ipSum = 0;
  /** Pseudo-header without the length. */
  private addressSum = 0;
  /** Arena offset of the sums of the segments' payloads, which are there where `summed` says so. */
  private readonly sums: number;
  private summed = false;

  constructor(arena: Arena, packets: Packets, checksums: Checksummer) {
    this.arena = arena;
    this.packets = packets;
    this.checksums = checksums;
    this.tcp = new TcpSegments(checksums);
    this.udp = new UdpSegments(packets, checksums);
    this.lane = this.tcp;
    this.sums = arena.alloc(SUMS * 4);
  }

  /**
   * Prepares the super-frame `i` (dissected) for segments of `gsoSize` payload bytes. False, and nothing prepared,
   * where it is none that can be cut: headers that do not fit its gsoType, no payload, no size, a fragment, or headers
   * so rewritten that the payload it came in with does not follow them.
   */
  begin(i: PacketIndex, gsoSize: number): boolean {
    const { packets, checksums } = this;
    const shape = packets.shape[i];
    const headerBytes = packets.payload[i];
    const payloadBytes = packets.payloadBytes(i);
    if (!fitsGsoType(packets, i) || gsoSize < 1 || payloadBytes < 1) return false;
    if (headerBytes + payloadBytes > packets.length[i]) return false;

    const frame = packets.frame[i];
    const l3 = packets.l3[i];
    const l4 = packets.l4[i];
    this.frame = frame;
    this.l3 = l3;
    this.l4 = l4;
    this.headerBytes = headerBytes;
    this.payloadBytes = payloadBytes;
    this.segmentBytes = gsoSize;
    this.count = Math.ceil(payloadBytes / gsoSize);
    this.summed = false;
    this.ipv4 = (shape & SHAPE_IPV4) !== 0;
    if (this.ipv4) {
      const ip = frame + l3;
      this.id = u16(checksums.u8, ip + IPV4_ID);
      let sum = checksums.sum(ip, IPV4_TOTAL_LENGTH, 0);
      sum = checksums.sum(ip + IPV4_FRAGMENT, IPV4_CHECKSUM - IPV4_FRAGMENT, sum);
      this.ipSum = checksums.sum(ip + IPV4_SRC, l4 - l3 - IPV4_SRC, sum);
    }
    this.addressSum = this.addresses(i, payloadBytes + headerBytes - l4);
    this.lane = (packets.gsoType[i] & ~GSO_ECN) === GSO_UDP_L4 ? this.udp : this.tcp;
    this.lane.begin(i, frame + l4, headerBytes - l4);
    return true;
  }

  /** Arena offset of the payload of segment `k`. */
  payloadAt(k: number): number {
    return this.frame + this.headerBytes + k * this.segmentBytes;
  }

  /** Payload bytes of segment `k`. */
  payloadLength(k: number): number {
    return k === this.count - 1 ? this.payloadBytes - k * this.segmentBytes : this.segmentBytes;
  }

  /** Writes the `headerBytes` bytes of headers of segment `k` to arena offset `at`, with finished checksums. */
  writeHeaders(k: number, at: number): void {
    const { l3, l4, headerBytes, checksums } = this;
    const u8 = checksums.u8;
    const skipped = k * this.segmentBytes;
    const bytes = this.payloadLength(k);
    copyBytes(this.arena, at, this.frame, headerBytes);
    if (this.ipv4) {
      const total = headerBytes - l3 + bytes;
      const id = (this.id + k) & 0xffff;
      putU16(u8, at + l3 + IPV4_TOTAL_LENGTH, total);
      putU16(u8, at + l3 + IPV4_ID, id);
      putU16(u8, at + l3 + IPV4_CHECKSUM, finish(this.ipSum + total + id));
    } else {
      putU16(u8, at + l3 + IPV6_PAYLOAD_LENGTH, headerBytes - l3 - IPV6_HEADER + bytes);
    }
    const sum = this.payloadSum(k, bytes) + this.addressSum + headerBytes - l4 + bytes;
    this.lane.complete(at + l4, skipped, bytes, k === this.count - 1, sum);
  }

  /** The sum of the payload of segment `k`. All of the super-frame's are made in one call when the first is asked for. */
  private payloadSum(k: number, bytes: number): number {
    const { checksums } = this;
    if (this.count > SUMS) return checksums.sum(this.payloadAt(k), bytes, 0);
    if (!this.summed) {
      checksums.sumSlices(this.payloadAt(0), this.payloadBytes, this.segmentBytes, this.sums);
      this.summed = true;
    }
    return this.arena.i32[(this.sums >> 2) + k];
  }

  /**
   * The pseudo-header's sum without the length. It is made from the addresses, because not every sender leaves a
   * useful value in the checksum field of a super-frame; only where an IPv6 routing header may hide the final
   * destination is that field believed.
   */
  private addresses(i: PacketIndex, length: number): number {
    const { packets, checksums } = this;
    const shape = packets.shape[i];
    const hidden = SHAPE_IPV6 | SHAPE_OPTIONS;
    if ((shape & hidden) === hidden && (packets.flags[i] & UNFINISHED) !== 0) {
      const field = packets.frame[i] + packets.csumStart[i] + packets.csumOffset[i];
      return u16(checksums.u8, field) + (~fold(length) & 0xffff);
    }
    const protocol = (shape & SHAPE_TCP) !== 0 ? IPPROTO_TCP : IPPROTO_UDP;
    return pseudoHeader(checksums, packets, i, protocol, 0);
  }
}
