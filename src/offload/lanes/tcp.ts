/**
 * Merging TCP segments, by the rules that the kernel's tcp_gro_receive and wireguard-go share: flags exactly ACK or
 * ACK|PSH, payload, the next sequence number, and all else of the header equal. Window and urgent pointer are
 * compared too: the merged header has but one of each, and segmenting it again shall give what came in.
 *
 * UNFINISHED segments take part. Their bytes never were on a wire since their sender left the checksum open, so
 * there is nothing to verify; and the merged packet's checksum is left unfinished in any case.
 */
import type { Arena } from '../../memory/arena.js';
import { GSO_TCPV4, GSO_TCPV6, type PacketIndex, type Packets, SHAPE_IPV4, UNFINISHED } from '../../memory/packets.js';
import { i32, putU16 } from '../../wire/bytes.js';
import { type Checksummer, fold } from '../../wire/checksum.js';
import { IPPROTO_TCP } from '../../wire/ip-protocol.js';
import {
  TCP_ACK,
  TCP_CHECKSUM,
  TCP_DATA_OFFSET,
  TCP_FLAG_ACK,
  TCP_FLAG_PSH,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_SEQ,
  TCP_URGENT,
  TCP_WINDOW,
} from '../../wire/tcp.js';
import { sameBytes } from '../copy-bytes.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6 } from '../offloads.js';
import {
  MERGED,
  NO_PAYLOAD,
  OTHER_ACK,
  OTHER_CHECKSUM,
  OTHER_FLAGS,
  OTHER_HEADER_LENGTH,
  OTHER_OPTIONS,
  OTHER_WINDOW,
  SEQUENCE,
} from '../outcomes.js';
import { isIntact, pseudoHeader } from '../unfinished.js';
import type { MergeLane } from './merge.js';

/** Half of IOV_MAX: an entry has one iovec for the headers and one for each segment's payload. */
export const MAX_TCP_SEGMENTS = 500;

export class TcpLane implements MergeLane {
  readonly maxSegments = MAX_TCP_SEGMENTS;
  readonly checksumOffset = TCP_CHECKSUM;
  private readonly arena: Arena;
  private readonly packets: Packets;
  private readonly checksums: Checksummer;

  constructor(arena: Arena, packets: Packets, checksums: Checksummer) {
    this.arena = arena;
    this.packets = packets;
    this.checksums = checksums;
  }

  offloads(shape: number): number {
    return OFFLOAD_CSUM | ((shape & SHAPE_IPV4) !== 0 ? OFFLOAD_TSO4 : OFFLOAD_TSO6);
  }

  gsoType(shape: number): number {
    return (shape & SHAPE_IPV4) !== 0 ? GSO_TCPV4 : GSO_TCPV6;
  }

  admit(i: PacketIndex): number {
    const { packets } = this;
    const u8 = this.arena.u8;
    const l4 = packets.l4[i];
    const tcp = packets.frame[i] + l4;
    if ((u8[tcp + TCP_FLAGS] & ~TCP_FLAG_PSH) !== TCP_FLAG_ACK || (u8[tcp + TCP_DATA_OFFSET] & 0x0f) !== 0)
      return OTHER_FLAGS;
    if (packets.end[i] <= packets.payload[i]) return NO_PAYLOAD;
    const unfinished = (packets.flags[i] & UNFINISHED) !== 0;
    if (unfinished && (packets.csumStart[i] !== l4 || packets.csumOffset[i] !== TCP_CHECKSUM)) return OTHER_CHECKSUM;
    return MERGED;
  }

  follows(tail: PacketIndex, i: PacketIndex): number {
    const { arena, packets } = this;
    const u8 = arena.u8;
    const before = packets.frame[tail] + packets.l4[tail];
    const tcp = packets.frame[i] + packets.l4[i];
    const sent = packets.end[tail] - packets.payload[tail];
    if (i32(u8, tcp + TCP_SEQ) !== ((i32(u8, before + TCP_SEQ) + sent) | 0)) return SEQUENCE;
    if (!sameBytes(arena, before + TCP_ACK, tcp + TCP_ACK, 4)) return OTHER_ACK;
    if (u8[before + TCP_DATA_OFFSET] !== u8[tcp + TCP_DATA_OFFSET]) return OTHER_HEADER_LENGTH;
    if (
      !sameBytes(arena, before + TCP_WINDOW, tcp + TCP_WINDOW, 2) ||
      !sameBytes(arena, before + TCP_URGENT, tcp + TCP_URGENT, 2)
    )
      return OTHER_WINDOW;
    const options = packets.payload[i] - packets.l4[i] - TCP_HEADER;
    if (!sameBytes(arena, before + TCP_HEADER, tcp + TCP_HEADER, options)) return OTHER_OPTIONS;
    return MERGED;
  }

  ends(i: PacketIndex): boolean {
    const { packets } = this;
    return (this.arena.u8[packets.frame[i] + packets.l4[i] + TCP_FLAGS] & TCP_FLAG_PSH) !== 0;
  }

  intact(i: PacketIndex): boolean {
    return isIntact(this.checksums, this.packets, i, IPPROTO_TCP);
  }

  complete(at: number, head: PacketIndex, tail: PacketIndex, length: number): void {
    const { packets } = this;
    const u8 = this.arena.u8;
    u8[at + TCP_FLAGS] = u8[packets.frame[tail] + packets.l4[tail] + TCP_FLAGS];
    putU16(u8, at + TCP_CHECKSUM, fold(pseudoHeader(this.checksums, packets, head, IPPROTO_TCP, length)));
  }
}
