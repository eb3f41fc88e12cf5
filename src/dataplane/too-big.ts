/**
 * The answer to a frame that is larger than the way to its peer takes and must not be fragmented: "fragmentation
 * needed" (RFC 1191) or "packet too big" (RFC 8201), as if the inner destination itself had sent it. The kernel's
 * device does the same for a bridge (iptunnel_pmtud_build_icmp in net/ipv4/ip_tunnel_core.c); for a stack of its own
 * it lowers the MTU of the route instead, which a process cannot, and this answer has the same effect.
 */
import type { Arena } from '../memory/arena.js';
import { type PacketIndex, type Packets, SHAPE_IPV4, SHAPE_IPV6 } from '../memory/packets.js';
import { copyBytes } from '../offload/copy-bytes.js';
import { i32, putU16, putU32 } from '../wire/bytes.js';
import { type Checksummer, finish } from '../wire/checksum.js';
import { ETH_ADDRESS, ETH_DST, ETH_SRC } from '../wire/ethernet.js';
import { ICMP_CHECKSUM, ICMP_CODE, ICMP_HEADER, ICMP_REST, ICMP_TYPE, icmpType } from '../wire/icmp.js';
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../wire/ip-protocol.js';
import {
  IPV4_CHECKSUM,
  IPV4_DONT_FRAGMENT,
  IPV4_DST,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_SRC,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
  ipv4Fragment,
  ipv4Protocol,
} from '../wire/ipv4.js';
import {
  IPV6_DST,
  IPV6_HEADER,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SRC,
  ipv6NextHeader,
} from '../wire/ipv6.js';

/** Bytes of the largest answer: tags, and an IPv6 packet of 1,280 bytes. */
export const ANSWER_BYTES = 2048;

/** The smallest MTU that IPv4's answer may name, and the size of the whole answer (RFC 1812 section 4.3.2.3). */
const LEAST_IPV4 = 576;
/** The same of IPv6 (RFC 8200 section 5). */
const LEAST_IPV6 = 1280;
const HOP_LIMIT = 64;
/** Bytes of Ethernet header and tags at most. */
const MAX_L3 = 64;

const UNREACHABLE = 3;
const FRAGMENTATION_NEEDED = 4;
const PACKET_TOO_BIG = 2;
const ICMPV6_REDIRECT = 137;
/** ICMPv6 types below are errors. */
const ICMPV6_FIRST_INFORMATION = 128;

/** Whether the sender of a dissected packet is to be told that it is larger than `mtu` (iptunnel_pmtud_check_icmp). */
export function wantsAnswer(bytes: Uint8Array, packets: Packets, packet: PacketIndex, mtu: number): boolean {
  const l3 = packets.l3[packet];
  if (l3 < 0 || l3 > MAX_L3) return false;
  const ip = packets.frame[packet] + l3;
  const l4 = packets.l4[packet];
  const transport = packets.frame[packet] + l4;
  if ((packets.shape[packet] & SHAPE_IPV4) !== 0) {
    if (mtu < LEAST_IPV4 || ipv4Fragment(bytes, ip) !== IPV4_DONT_FRAGMENT) return false;
    if (!isHost4(i32(bytes, ip + IPV4_SRC), true) || !isHost4(i32(bytes, ip + IPV4_DST), false)) return false;
    return ipv4Protocol(bytes, ip) !== IPPROTO_ICMP || (l4 >= 0 && !isIcmpError(icmpType(bytes, transport)));
  }
  if ((packets.shape[packet] & SHAPE_IPV6) === 0 || mtu < LEAST_IPV6) return false;
  if (!isHost6(bytes, ip + IPV6_SRC)) return false;
  if (ipv6NextHeader(bytes, ip) !== IPPROTO_ICMPV6) return true;
  const type = l4 >= 0 ? icmpType(bytes, transport) : 0;
  return type >= ICMPV6_FIRST_INFORMATION && type !== ICMPV6_REDIRECT;
}

/** Writes the answer at arena offset `at` (ANSWER_BYTES free); returns its length. The packet is one that wants it. */
export function writeAnswer(
  arena: Arena,
  checksums: Checksummer,
  packets: Packets,
  packet: PacketIndex,
  mtu: number,
  at: number,
): number {
  const { u8 } = arena;
  const frame = packets.frame[packet];
  const l3 = packets.l3[packet];
  // The tags stay, and the addresses change places.
  copyBytes(arena, at, frame, l3);
  for (let k = 0; k < ETH_ADDRESS; k++) {
    u8[at + ETH_DST + k] = u8[frame + ETH_SRC + k];
    u8[at + ETH_SRC + k] = u8[frame + ETH_DST + k];
  }
  const ip = at + l3;
  const about = frame + l3;
  const length = packets.length[packet] - l3;
  return (packets.shape[packet] & SHAPE_IPV4) !== 0
    ? l3 + writeIpv4(arena, checksums, ip, about, length, mtu)
    : l3 + writeIpv6(arena, checksums, ip, about, length, mtu);
}

function writeIpv4(
  arena: Arena,
  checksums: Checksummer,
  ip: number,
  about: number,
  length: number,
  mtu: number,
): number {
  const { u8 } = arena;
  const quoted = Math.min(length, LEAST_IPV4 - IPV4_HEADER - ICMP_HEADER);
  const total = IPV4_HEADER + ICMP_HEADER + quoted;
  u8.fill(0, ip, ip + IPV4_HEADER + ICMP_HEADER);
  u8[ip] = 0x45;
  putU16(u8, ip + IPV4_TOTAL_LENGTH, total);
  putU16(u8, ip + IPV4_FRAGMENT, IPV4_DONT_FRAGMENT);
  u8[ip + IPV4_TTL] = HOP_LIMIT;
  u8[ip + IPV4_PROTOCOL] = IPPROTO_ICMP;
  putU32(u8, ip + IPV4_SRC, i32(u8, about + IPV4_DST));
  putU32(u8, ip + IPV4_DST, i32(u8, about + IPV4_SRC));
  putU16(u8, ip + IPV4_CHECKSUM, finish(checksums.sum(ip, IPV4_HEADER, 0)));
  const icmp = ip + IPV4_HEADER;
  u8[icmp + ICMP_TYPE] = UNREACHABLE;
  u8[icmp + ICMP_CODE] = FRAGMENTATION_NEEDED;
  putU32(u8, icmp + ICMP_REST, mtu);
  copyBytes(arena, icmp + ICMP_HEADER, about, quoted);
  putU16(u8, icmp + ICMP_CHECKSUM, finish(checksums.sum(icmp, ICMP_HEADER + quoted, 0)));
  return total;
}

function writeIpv6(
  arena: Arena,
  checksums: Checksummer,
  ip: number,
  about: number,
  length: number,
  mtu: number,
): number {
  const { u8 } = arena;
  const quoted = Math.min(length, LEAST_IPV6 - IPV6_HEADER - ICMP_HEADER);
  u8.fill(0, ip, ip + IPV6_HEADER + ICMP_HEADER);
  u8[ip] = 0x60;
  putU16(u8, ip + IPV6_PAYLOAD_LENGTH, ICMP_HEADER + quoted);
  u8[ip + IPV6_NEXT_HEADER] = IPPROTO_ICMPV6;
  u8[ip + IPV6_HOP_LIMIT] = HOP_LIMIT;
  copyBytes(arena, ip + IPV6_SRC, about + IPV6_DST, 16);
  copyBytes(arena, ip + IPV6_DST, about + IPV6_SRC, 16);
  const icmp = ip + IPV6_HEADER;
  u8[icmp + ICMP_TYPE] = PACKET_TOO_BIG;
  putU32(u8, icmp + ICMP_REST, mtu);
  copyBytes(arena, icmp + ICMP_HEADER, about, quoted);
  const pseudo = checksums.pseudoHeader6(ip, IPPROTO_ICMPV6, ICMP_HEADER + quoted);
  putU16(u8, icmp + ICMP_CHECKSUM, finish(checksums.sum(icmp, ICMP_HEADER + quoted, pseudo)));
  return IPV6_HEADER + ICMP_HEADER + quoted;
}

/** No broadcast, group, loopback, or unknown address; a destination may be of network 0, as in the kernel. */
function isHost4(address: number, isSource: boolean): boolean {
  const top = address >>> 24;
  if (address === -1 || (top & 0xf0) === 0xe0) return false;
  return !isSource || (top !== 0 && top !== 127);
}

function isHost6(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] === 0xff) return false;
  for (let k = 0; k < 15; k++) if (bytes[at + k] !== 0) return true;
  // The unspecified and the loopback address.
  return bytes[at + 15] > 1;
}

/** icmp_is_err: unreachable, source quench, redirect, time exceeded, parameter problem. */
function isIcmpError(type: number): boolean {
  return type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
}
