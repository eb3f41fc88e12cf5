/**
 * Merging UDP datagrams into a super-frame that the host's stack cuts again where it has to (GSO_UDP_L4): for a
 * socket that has asked for bundles (UDP_GRO) it stays whole, for every other one the stack makes the datagrams of it
 * that came in, one system call for many in any case. Datagrams of one flow follow each other; all are as long as the
 * first, the last may be shorter (net/ipv4/udp_offload.c, __udp_gso_segment and udp_gro_receive_segment).
 *
 * A datagram without a checksum (0) is not merged: the datagrams made of a super-frame have one. UNFINISHED ones take
 * part, as in the TCP lane.
 */
import type { Arena } from '../../memory/arena.js';
import { GSO_UDP_L4, type PacketIndex, type Packets, SHAPE_IPV4, UNFINISHED } from '../../memory/packets.js';
import { putU16, u16 } from '../../wire/bytes.js';
import { type Checksummer, fold } from '../../wire/checksum.js';
import { IPPROTO_UDP } from '../../wire/ip-protocol.js';
import { UDP_CHECKSUM, UDP_LENGTH } from '../../wire/udp.js';
import { OFFLOAD_CSUM, OFFLOAD_USO4, OFFLOAD_USO6 } from '../offloads.js';
import { MERGED, NO_CHECKSUM, NO_PAYLOAD, OTHER_CHECKSUM, OTHER_LENGTH } from '../outcomes.js';
import { isIntact, pseudoHeader } from '../unfinished.js';
import type { MergeLane } from './merge.js';

/** UDP_MAX_SEGMENTS of older kernels: as many are what a sender can have bundled. */
export const MAX_UDP_SEGMENTS = 64;

export class UdpLane implements MergeLane {
  readonly maxSegments = MAX_UDP_SEGMENTS;
  readonly checksumOffset = UDP_CHECKSUM;
  private readonly arena: Arena;
  private readonly packets: Packets;
  private readonly checksums: Checksummer;

  constructor(arena: Arena, packets: Packets, checksums: Checksummer) {
    this.arena = arena;
    this.packets = packets;
    this.checksums = checksums;
  }

  offloads(shape: number): number {
    return OFFLOAD_CSUM | ((shape & SHAPE_IPV4) !== 0 ? OFFLOAD_USO4 : OFFLOAD_USO6);
  }

  gsoType(): number {
    return GSO_UDP_L4;
  }

  admit(i: PacketIndex): number {
    const { packets } = this;
    const u8 = this.arena.u8;
    const l4 = packets.l4[i];
    const udp = packets.frame[i] + l4;
    if (u16(u8, udp + UDP_LENGTH) !== packets.end[i] - l4) return OTHER_LENGTH;
    if (packets.end[i] <= packets.payload[i]) return NO_PAYLOAD;
    if ((packets.flags[i] & UNFINISHED) === 0) return u16(u8, udp + UDP_CHECKSUM) === 0 ? NO_CHECKSUM : MERGED;
    return packets.csumStart[i] === l4 && packets.csumOffset[i] === UDP_CHECKSUM ? MERGED : OTHER_CHECKSUM;
  }

  /** The ports are the flow's, and the rest of the header is each datagram's own. */
  follows(): number {
    return MERGED;
  }

  ends(): boolean {
    return false;
  }

  intact(i: PacketIndex): boolean {
    return isIntact(this.checksums, this.packets, i, IPPROTO_UDP);
  }

  complete(at: number, head: PacketIndex, _tail: PacketIndex, length: number): void {
    const u8 = this.arena.u8;
    putU16(u8, at + UDP_LENGTH, length);
    putU16(u8, at + UDP_CHECKSUM, fold(pseudoHeader(this.checksums, this.packets, head, IPPROTO_UDP, length)));
  }
}
