/** What merging asks of the headers below the transport's, for every lane alike. Results are outcomes. */
import type { Arena } from '../memory/arena.js';
import {
  type PacketIndex,
  type Packets,
  SHAPE_FRAGMENT,
  SHAPE_IPV4,
  SHAPE_ODD,
  SHAPE_OPTIONS,
  SHAPE_PADDED,
} from '../memory/packets.js';
import { putU16, u16 } from '../wire/bytes.js';
import { type Checksummer, finish, fold } from '../wire/checksum.js';
import {
  IPV4_CHECKSUM,
  IPV4_DONT_FRAGMENT,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_ID,
  IPV4_TOS,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
} from '../wire/ipv4.js';
import { IPV6_HEADER, IPV6_HOP_LIMIT, IPV6_PAYLOAD_LENGTH } from '../wire/ipv6.js';
import { sameBytes } from './copy-bytes.js';
import {
  FRAGMENT,
  IP_OPTIONS,
  MERGED,
  ODD,
  OTHER_ETHERNET,
  OTHER_FRAGMENT_BITS,
  OTHER_ID,
  OTHER_TOS,
  OTHER_TTL,
  PADDED,
} from './outcomes.js';

/** Whether a packet of the shape may be part of a run. */
export function admitShape(shape: number): number {
  if ((shape & (SHAPE_FRAGMENT | SHAPE_ODD | SHAPE_OPTIONS | SHAPE_PADDED)) === 0) return MERGED;
  if ((shape & SHAPE_FRAGMENT) !== 0) return FRAGMENT;
  if ((shape & SHAPE_ODD) !== 0) return ODD;
  return (shape & SHAPE_OPTIONS) !== 0 ? IP_OPTIONS : PADDED;
}

/**
 * Whether `i` may follow `tail`, a packet of the same flow and admitted shape: same Ethernet header with its VLAN
 * tags, same TOS (or traffic class and flow label), TTL and DF. The IPv4 ID must be the next one where DF is not set;
 * where it is, the ID means nothing (RFC 6864 section 4.1), and senders exist that leave it 0.
 */
export function ipFollows(arena: Arena, packets: Packets, tail: PacketIndex, i: PacketIndex): number {
  const u8 = arena.u8;
  const l3 = packets.l3[i];
  const before = packets.frame[tail] + l3;
  const ip = packets.frame[i] + l3;
  if (packets.l3[tail] !== l3 || !sameBytes(arena, before - l3, ip - l3, l3)) return OTHER_ETHERNET;
  if ((packets.shape[i] & SHAPE_IPV4) !== 0) {
    if (u8[before + IPV4_TOS] !== u8[ip + IPV4_TOS]) return OTHER_TOS;
    if (u8[before + IPV4_TTL] !== u8[ip + IPV4_TTL]) return OTHER_TTL;
    const bits = u16(u8, ip + IPV4_FRAGMENT);
    if (u16(u8, before + IPV4_FRAGMENT) !== bits) return OTHER_FRAGMENT_BITS;
    const next = (u16(u8, before + IPV4_ID) + 1) & 0xffff;
    if ((bits & IPV4_DONT_FRAGMENT) === 0 && u16(u8, ip + IPV4_ID) !== next) return OTHER_ID;
  } else {
    if (!sameBytes(arena, before, ip, 4)) return OTHER_TOS;
    if (u8[before + IPV6_HOP_LIMIT] !== u8[ip + IPV6_HOP_LIMIT]) return OTHER_TTL;
  }
  return MERGED;
}

/** Whether the IPv4 header checksum of `i` is right (IPv6 has none). The header is without options. */
export function ipIntact(checksums: Checksummer, packets: Packets, i: PacketIndex): boolean {
  if ((packets.shape[i] & SHAPE_IPV4) === 0) return true;
  return fold(checksums.sum(packets.frame[i] + packets.l3[i], IPV4_HEADER, 0)) === 0xffff;
}

/** Writes the length of an IP packet of `length` bytes in all into the header at `at` (no options), and its checksum. */
export function writeIpLength(checksums: Checksummer, at: number, ipv4: boolean, length: number): void {
  const u8 = checksums.u8;
  if (!ipv4) {
    putU16(u8, at + IPV6_PAYLOAD_LENGTH, length - IPV6_HEADER);
    return;
  }
  putU16(u8, at + IPV4_TOTAL_LENGTH, length);
  putU16(u8, at + IPV4_CHECKSUM, 0);
  putU16(u8, at + IPV4_CHECKSUM, finish(checksums.sum(at, IPV4_HEADER, 0)));
}
