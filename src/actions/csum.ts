/**
 * Checksums made anew (net/sched/act_csum.c), for what pedit has changed.
 *
 * A checksum that is unfinished stays so: what stands in the field then is the pseudo-header's sum, and it is that
 * which is made anew, for addresses and protocol may have changed. The same holds for a super-frame, whose segments
 * get their checksums when it is cut. (The kernel leaves the field of a super-frame alone, stale addresses and all.)
 */
import {
  GSO_NONE,
  type PacketIndex,
  type Packets,
  SHAPE_FRAGMENT,
  SHAPE_IPV4,
  SHAPE_IPV6,
  UNFINISHED,
} from '../memory/packets.js';
import { putU16, u16 } from '../wire/bytes.js';
import { type Checksummer, finish, fold } from '../wire/checksum.js';
import { crc32c } from '../wire/crc32c.js';
import { ICMP_CHECKSUM } from '../wire/icmp.js';
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from '../wire/ip-protocol.js';
import { IPV4_CHECKSUM, ipv4HeaderLength } from '../wire/ipv4.js';
import { TCP_CHECKSUM, TCP_HEADER } from '../wire/tcp.js';
import { UDP_CHECKSUM, UDP_HEADER, udpLength } from '../wire/udp.js';
import { CSUM_ICMP, CSUM_IGMP, CSUM_IPV4, CSUM_SCTP, CSUM_TCP, CSUM_UDP, CSUM_UDPLITE } from './program.js';

const IGMP_HEADER = 8;
const SCTP_HEADER = 12;
/** The CRC of SCTP stands in the last four bytes of its header. */
const SCTP_CHECKSUM = 8;

/** What the transport protocol of a packet is checked with: the bit of the action that asks for it; 0: none. */
function flagOf(protocol: number, isIpv4: boolean): number {
  switch (protocol) {
    case IPPROTO_TCP:
      return CSUM_TCP;
    case IPPROTO_UDP:
      return CSUM_UDP;
    case IPPROTO_UDPLITE:
      return CSUM_UDPLITE;
    case IPPROTO_SCTP:
      return CSUM_SCTP;
    case IPPROTO_ICMP:
      return isIpv4 ? CSUM_ICMP : 0;
    case IPPROTO_IGMP:
      return isIpv4 ? CSUM_IGMP : 0;
    case IPPROTO_ICMPV6:
      return isIpv4 ? 0 : CSUM_ICMP;
    default:
      return 0;
  }
}

/** Bytes of header that must be there for the checksum to be made. */
function headerOf(flag: number): number {
  switch (flag) {
    case CSUM_TCP:
      return TCP_HEADER;
    case CSUM_SCTP:
      return SCTP_HEADER;
    case CSUM_IGMP:
      return IGMP_HEADER;
    default:
      return UDP_HEADER;
  }
}

/**
 * Makes the checksums that `flags` ask for (CSUM_*), of a packet whose bytes are its own and whose columns are true;
 * `protocol` is the transport's, as the flow key has it. False where a header is cut short.
 */
export function runCsum(
  checksums: Checksummer,
  packets: Packets,
  packet: PacketIndex,
  flags: number,
  protocol: number,
): boolean {
  const shape = packets.shape[packet];
  const l3 = packets.l3[packet];
  if (l3 < 0 || (shape & (SHAPE_IPV4 | SHAPE_IPV6)) === 0) return true;
  const { u8 } = checksums;
  const ip = packets.frame[packet] + l3;
  const isIpv4 = (shape & SHAPE_IPV4) !== 0;
  if (isIpv4 && (flags & CSUM_IPV4) !== 0) {
    const header = ipv4HeaderLength(u8, ip);
    if (l3 + header > packets.length[packet]) return false;
    putU16(u8, ip + IPV4_CHECKSUM, 0);
    putU16(u8, ip + IPV4_CHECKSUM, finish(checksums.sum(ip, header, 0)));
  }
  const flag = flagOf(protocol, isIpv4) & flags;
  if (flag === 0 || (shape & SHAPE_FRAGMENT) !== 0) return true;
  const l4 = packets.l4[packet];
  const length = packets.end[packet] - l4;
  if (l4 < 0 || length < headerOf(flag)) return false;
  makeTransport(checksums, packets, packet, flag, protocol, length);
  return true;
}

function makeTransport(
  checksums: Checksummer,
  packets: Packets,
  packet: PacketIndex,
  flag: number,
  protocol: number,
  length: number,
): void {
  const { u8 } = checksums;
  const at = packets.frame[packet] + packets.l4[packet];
  if (flag === CSUM_SCTP) {
    makeCrc(u8, at, length);
    return;
  }
  if (flag === CSUM_TCP || flag === CSUM_UDP) {
    const offset = flag === CSUM_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
    if (isLeftOpen(packets, packet, offset)) {
      putU16(u8, at + offset, fold(pseudoHeader(checksums, packets, packet, protocol, length)));
      packets.flags[packet] |= UNFINISHED;
      packets.csumStart[packet] = packets.l4[packet];
      packets.csumOffset[packet] = offset;
      return;
    }
    // No checksum stays none; a length that is not the packet's stays what it is.
    if (flag === CSUM_UDP && (u16(u8, at + UDP_CHECKSUM) === 0 || udpLength(u8, at) !== length)) return;
    makeSum(checksums, at, offset, length, pseudoHeader(checksums, packets, packet, protocol, length));
    return;
  }
  if (flag === CSUM_UDPLITE) {
    const coverage = udpLength(u8, at);
    if (coverage !== 0 && (coverage < UDP_HEADER || coverage > length)) return;
    const covered = coverage === 0 ? length : coverage;
    makeSum(checksums, at, UDP_CHECKSUM, covered, pseudoHeader(checksums, packets, packet, protocol, length));
    return;
  }
  const pseudo = protocol === IPPROTO_ICMPV6 ? pseudoHeader(checksums, packets, packet, protocol, length) : 0;
  makeSum(checksums, at, ICMP_CHECKSUM, length, pseudo);
  if (packets.csumStart[packet] === packets.l4[packet]) packets.flags[packet] &= ~UNFINISHED;
}

/** Whether somebody else finishes the checksum at `offset` of the transport header. */
function isLeftOpen(packets: Packets, packet: PacketIndex, offset: number): boolean {
  if (packets.gsoType[packet] !== GSO_NONE) return true;
  return (
    (packets.flags[packet] & UNFINISHED) !== 0 &&
    packets.csumStart[packet] === packets.l4[packet] &&
    packets.csumOffset[packet] === offset
  );
}

function pseudoHeader(
  checksums: Checksummer,
  packets: Packets,
  packet: PacketIndex,
  protocol: number,
  length: number,
): number {
  const ip = packets.frame[packet] + packets.l3[packet];
  return (packets.shape[packet] & SHAPE_IPV4) !== 0
    ? checksums.pseudoHeader4(ip, protocol, length)
    : checksums.pseudoHeader6(ip, protocol, length);
}

/** The checksum over `length` bytes and the pseudo-header; 0 is sent as 0xffff where 0 means that there is none. */
function makeSum(checksums: Checksummer, at: number, offset: number, length: number, pseudo: number): void {
  putU16(checksums.u8, at + offset, 0);
  const checksum = finish(checksums.sum(at, length, pseudo));
  putU16(checksums.u8, at + offset, checksum === 0 && offset === UDP_CHECKSUM ? 0xffff : checksum);
}

/** Least significant byte first, unlike all else (RFC 9260 section 6.8). */
function makeCrc(u8: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < 4; i++) u8[at + SCTP_CHECKSUM + i] = 0;
  const crc = ~crc32c(u8, at, length, -1);
  for (let i = 0; i < 4; i++) u8[at + SCTP_CHECKSUM + i] = crc >>> (8 * i);
}
