/**
 * Checksums that nobody has computed yet.
 *
 * A sender whose device promises to compute TCP and UDP checksums leaves only the folded pseudo-header sum in the
 * field (not its complement). Between two network stacks of one machine, over veth for instance, nobody ever keeps
 * the promise, and a plain UDP socket that receives such a frame inside a VXLAN datagram is told nothing of it. What
 * can be seen is the field itself: it equals the pseudo-header sum.
 *
 * A finished checksum may equal that sum by chance: one in 65,535 does. It is then marked too, and that is harmless.
 * Finishing means: field := ~(field + the sum of the rest). With pseudo-header sum P and data sum D a right checksum
 * is ~(P + D); where the field already holds it and equals P, finishing computes ~(P + D) once more, the same value.
 * What is lost is the detection of a damaged packet whose field happens to equal P: one damaged packet in 65,535
 * of those that got through the checksums below would be passed as whole.
 *
 * A UDP checksum of 0 over IPv4 means "none" (RFC 768). It is never taken for unfinished: no pseudo-header sums to 0.
 */
import {
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  type PacketIndex,
  type Packets,
  SHAPE_FRAGMENT,
  SHAPE_IPV4,
  SHAPE_ODD,
  SHAPE_TCP,
  SHAPE_UDP,
  UNFINISHED,
} from '../memory/packets.js';
import { putU16, u16 } from '../wire/bytes.js';
import { type Checksummer, finish, fold } from '../wire/checksum.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../wire/ip-protocol.js';
import { IPV4_SRC } from '../wire/ipv4.js';
import { IPV6_SRC } from '../wire/ipv6.js';
import { TCP_CHECKSUM, TCP_FLAG_CWR, TCP_FLAGS } from '../wire/tcp.js';
import { UDP_CHECKSUM } from '../wire/udp.js';

/** The unfolded pseudo-header sum of packet `i`, for a transport segment of `length` bytes at its l4. */
export function pseudoHeader(
  checksums: Checksummer,
  packets: Packets,
  i: PacketIndex,
  protocol: number,
  length: number,
): number {
  const ip = packets.frame[i] + packets.l3[i];
  return (packets.shape[i] & SHAPE_IPV4) !== 0
    ? checksums.pseudoHeader4(ip, protocol, length)
    : checksums.pseudoHeader6(ip, protocol, length);
}

/** Whether the checksum of packet `i`'s transport segment is right; of an UNFINISHED one nothing is to be verified. */
export function isIntact(checksums: Checksummer, packets: Packets, i: PacketIndex, protocol: number): boolean {
  if ((packets.flags[i] & UNFINISHED) !== 0) return true;
  const l4 = packets.l4[i];
  const length = packets.end[i] - l4;
  const ipv4 = (packets.shape[i] & SHAPE_IPV4) !== 0;
  const addresses = packets.frame[i] + packets.l3[i] + (ipv4 ? IPV4_SRC : IPV6_SRC);
  const initial = protocol + length; // with the addresses, the pseudo-header
  const sum = checksums.sumWithAddresses(addresses, ipv4 ? 8 : 32, packets.frame[i] + l4, length, initial);
  return fold(sum) === 0xffff;
}

/**
 * For a dissected frame that an underlay received: where its TCP or UDP checksum is unfinished sets UNFINISHED,
 * csumStart and csumOffset; where it is moreover TCP whose IP packet is longer than `limit` bytes (the device's MTU:
 * it never was a packet on a wire) also gsoType, with gsoSize 0: "from the output's MTU". A super-frame with CWR is
 * marked GSO_ECN, so that only its first segment says so.
 */
export function markUnfinished(checksums: Checksummer, packets: Packets, i: PacketIndex, limit: number): void {
  const shape = packets.shape[i];
  if ((shape & (SHAPE_FRAGMENT | SHAPE_ODD)) !== 0 || (shape & (SHAPE_TCP | SHAPE_UDP)) === 0) return;
  const tcp = (shape & SHAPE_TCP) !== 0;
  const l4 = packets.l4[i];
  const transport = packets.frame[i] + l4;
  const offset = tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  const sum = pseudoHeader(checksums, packets, i, tcp ? IPPROTO_TCP : IPPROTO_UDP, packets.end[i] - l4);
  if (u16(checksums.u8, transport + offset) !== fold(sum)) return;
  packets.flags[i] |= UNFINISHED;
  packets.csumStart[i] = l4;
  packets.csumOffset[i] = offset;
  if (!tcp || packets.end[i] - packets.l3[i] <= limit) return;
  const ecn = (checksums.u8[transport + TCP_FLAGS] & TCP_FLAG_CWR) !== 0 ? GSO_ECN : 0;
  packets.gsoType[i] = ((shape & SHAPE_IPV4) !== 0 ? GSO_TCPV4 : GSO_TCPV6) | ecn;
  packets.gsoSize[i] = 0;
}

/**
 * The checksum that belongs into the field of an UNFINISHED packet, or -1 where csumStart and csumOffset lie outside
 * of the frame. The field's own content is part of the sum, as in the kernel (skb_checksum_help): it is the
 * pseudo-header. Padding behind the IP packet is not summed. A UDP checksum of 0 is sent as 0xffff (RFC 768).
 */
export function unfinishedChecksum(checksums: Checksummer, packets: Packets, i: PacketIndex): number {
  const start = packets.csumStart[i];
  const offset = packets.csumOffset[i];
  if (start < 0 || offset < 0 || start + offset + 2 > packets.length[i]) return -1;
  const end = packets.end[i] >= start + offset + 2 ? packets.end[i] : packets.length[i];
  const checksum = finish(checksums.sum(packets.frame[i] + start, end - start, 0));
  return checksum === 0 && offset === UDP_CHECKSUM ? 0xffff : checksum;
}

/**
 * Computes the checksum of an UNFINISHED packet that is no super-frame, in place, and clears UNFINISHED; the bytes
 * must not be SHARED. False, and nothing changed, where csumStart and csumOffset lie outside of the frame.
 */
export function finishChecksum(checksums: Checksummer, packets: Packets, i: PacketIndex): boolean {
  const checksum = packets.gsoType[i] === GSO_NONE ? unfinishedChecksum(checksums, packets, i) : -1;
  if (checksum < 0) return false;
  putU16(checksums.u8, packets.frame[i] + packets.csumStart[i] + packets.csumOffset[i], checksum);
  packets.flags[i] &= ~UNFINISHED;
  return true;
}
