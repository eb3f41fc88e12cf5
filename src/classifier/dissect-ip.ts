/** The network and transport layers of the dissector; its rules stand at the top of dissect.ts. */
import {
  type PacketIndex,
  type Packets,
  SHAPE_FRAGMENT,
  SHAPE_IPV4,
  SHAPE_IPV6,
  SHAPE_ODD,
  SHAPE_OPTIONS,
  SHAPE_PADDED,
  SHAPE_TCP,
  SHAPE_UDP,
} from '../memory/packets.js';
import { i32, u16 } from '../wire/bytes.js';
import { ICMP_HEADER, icmpCode, icmpType } from '../wire/icmp.js';
import {
  IPPROTO_DCCP,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_NONE,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from '../wire/ip-protocol.js';
import {
  IPV4_HEADER,
  IPV4_MORE_FRAGMENTS,
  IPV4_OFFSET_MASK,
  ipVersion,
  ipv4Dst,
  ipv4Fragment,
  ipv4HeaderLength,
  ipv4Protocol,
  ipv4Src,
  ipv4Tos,
  ipv4TotalLength,
  ipv4Ttl,
} from '../wire/ipv4.js';
import {
  IPV6_DST,
  IPV6_FRAGMENT_HEADER,
  IPV6_HEADER,
  IPV6_OFFSET_MASK,
  IPV6_SRC,
  ipv6ExtensionLength,
  ipv6ExtensionNext,
  ipv6Fragment,
  ipv6HopLimit,
  ipv6NextHeader,
  ipv6PayloadLength,
  ipv6TrafficClass,
} from '../wire/ipv6.js';
import { TCP_HEADER, tcpFlags12, tcpHeaderLength } from '../wire/tcp.js';
import { UDP_HEADER, udpLength } from '../wire/udp.js';
import { KeyWord } from './flow-key.js';

/** How often a tag or an extension header may be followed (the kernel's MAX_FLOW_DISSECT_HDRS). */
export const MAX_HEADERS = 15;

/** Bits of IP_FLAGS. */
const IS_FRAGMENT = 1;
const IS_FIRST_FRAGMENT = 2;

/** Bytes of the fixed header of SCTP (RFC 9260) and of DCCP's shortest (RFC 4340). */
const SCTP_HEADER = 12;

/** The network layer at `l3`, and the transport layer behind it. Returns the bits of the shape that it found. */
export function dissectIpv4(
  bytes: Uint8Array,
  frame: number,
  length: number,
  l3: number,
  packets: Packets,
  i: PacketIndex,
  key: Int32Array,
  at: number,
): number {
  const room = length - l3;
  const ip = frame + l3;
  if (room < IPV4_HEADER || ipVersion(bytes, ip) !== 4) return SHAPE_ODD;
  const header = ipv4HeaderLength(bytes, ip);
  if (header < IPV4_HEADER) return SHAPE_ODD;

  packets.l3[i] = l3;
  const protocol = ipv4Protocol(bytes, ip);
  key[at + KeyWord.IP_VERSION] = 4;
  key[at + KeyWord.IP_PROTO] = protocol;
  key[at + KeyWord.IP_TOS] = ipv4Tos(bytes, ip);
  key[at + KeyWord.IP_TTL] = ipv4Ttl(bytes, ip);
  key[at + KeyWord.SRC_IP] = ipv4Src(bytes, ip);
  key[at + KeyWord.DST_IP] = ipv4Dst(bytes, ip);

  let shape = header > IPV4_HEADER ? SHAPE_IPV4 | SHAPE_OPTIONS : SHAPE_IPV4;
  let end = length;
  const total = ipv4TotalLength(bytes, ip);
  if (total < header || total > room) {
    shape |= SHAPE_ODD;
  } else if (total < room) {
    shape |= SHAPE_PADDED;
    end = l3 + total;
    packets.end[i] = end;
  }
  const fragment = ipv4Fragment(bytes, ip);
  if ((fragment & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) !== 0) {
    key[at + KeyWord.IP_FLAGS] = (fragment & IPV4_OFFSET_MASK) === 0 ? IS_FRAGMENT | IS_FIRST_FRAGMENT : IS_FRAGMENT;
    return shape | SHAPE_FRAGMENT;
  }
  if (header > room) return shape;
  return shape | dissectTransport(bytes, frame, l3 + header, end, protocol, packets, i, key, at);
}

/** As dissectIpv4, with the walk over the extension headers. */
export function dissectIpv6(
  bytes: Uint8Array,
  frame: number,
  length: number,
  l3: number,
  packets: Packets,
  i: PacketIndex,
  key: Int32Array,
  at: number,
): number {
  const room = length - l3 - IPV6_HEADER;
  const ip = frame + l3;
  if (room < 0 || ipVersion(bytes, ip) !== 6) return SHAPE_ODD;

  packets.l3[i] = l3;
  key[at + KeyWord.IP_VERSION] = 6;
  key[at + KeyWord.IP_TOS] = ipv6TrafficClass(bytes, ip);
  key[at + KeyWord.IP_TTL] = ipv6HopLimit(bytes, ip);
  for (let word = 0; word < 4; word++) {
    key[at + KeyWord.SRC_IP + word] = i32(bytes, ip + IPV6_SRC + word * 4);
    key[at + KeyWord.DST_IP + word] = i32(bytes, ip + IPV6_DST + word * 4);
  }

  let shape = SHAPE_IPV6;
  let end = length;
  let next = ipv6NextHeader(bytes, ip);
  const payload = ipv6PayloadLength(bytes, ip);
  if (payload > room || (payload === 0 && next !== IPPROTO_NONE)) {
    shape |= SHAPE_ODD;
  } else if (payload < room) {
    shape |= SHAPE_PADDED;
    end = l3 + IPV6_HEADER + payload;
    packets.end[i] = end;
  }

  let offset = l3 + IPV6_HEADER;
  let followed = key[at + KeyWord.NUM_OF_VLANS];
  while (
    next === IPPROTO_HOPOPTS ||
    next === IPPROTO_ROUTING ||
    next === IPPROTO_DSTOPTS ||
    next === IPPROTO_FRAGMENT
  ) {
    shape |= SHAPE_OPTIONS;
    const fixed = next === IPPROTO_FRAGMENT ? IPV6_FRAGMENT_HEADER : 2;
    if (end - offset < fixed) {
      key[at + KeyWord.IP_PROTO] = next;
      return shape | SHAPE_ODD;
    }
    const extension = frame + offset;
    if (next === IPPROTO_FRAGMENT) {
      const first = (ipv6Fragment(bytes, extension) & IPV6_OFFSET_MASK) === 0;
      key[at + KeyWord.IP_FLAGS] = first ? IS_FRAGMENT | IS_FIRST_FRAGMENT : IS_FRAGMENT;
      key[at + KeyWord.IP_PROTO] = ipv6ExtensionNext(bytes, extension);
      return shape | SHAPE_FRAGMENT;
    }
    next = ipv6ExtensionNext(bytes, extension);
    offset += ipv6ExtensionLength(bytes, extension);
    if (++followed > MAX_HEADERS || offset > end) {
      key[at + KeyWord.IP_PROTO] = next;
      return shape | SHAPE_ODD;
    }
  }
  key[at + KeyWord.IP_PROTO] = next;
  return shape | dissectTransport(bytes, frame, offset, end, next, packets, i, key, at);
}

/** The transport layer from `l4` to `end`, both from the frame's start, `l4` at most `end`. Returns shape bits. */
function dissectTransport(
  bytes: Uint8Array,
  frame: number,
  l4: number,
  end: number,
  protocol: number,
  packets: Packets,
  i: PacketIndex,
  key: Int32Array,
  at: number,
): number {
  const room = end - l4;
  const transport = frame + l4;
  switch (protocol) {
    case IPPROTO_TCP: {
      if (room < TCP_HEADER) return SHAPE_ODD;
      const header = tcpHeaderLength(bytes, transport);
      if (header < TCP_HEADER || header > room) return SHAPE_ODD;
      key[at + KeyWord.TCP_FLAGS] = tcpFlags12(bytes, transport);
      packets.l4[i] = l4;
      packets.payload[i] = l4 + header;
      putPorts(bytes, transport, key, at);
      return SHAPE_TCP;
    }
    case IPPROTO_UDP: {
      if (room < UDP_HEADER) return SHAPE_ODD;
      packets.l4[i] = l4;
      packets.payload[i] = l4 + UDP_HEADER;
      putPorts(bytes, transport, key, at);
      return udpLength(bytes, transport) === room ? SHAPE_UDP : SHAPE_UDP | SHAPE_ODD;
    }
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      if (room < ICMP_HEADER) return SHAPE_ODD;
      key[at + KeyWord.ICMP_TYPE] = icmpType(bytes, transport);
      key[at + KeyWord.ICMP_CODE] = icmpCode(bytes, transport);
      break;
    case IPPROTO_UDPLITE:
    case IPPROTO_SCTP:
    case IPPROTO_DCCP:
      if (room < (protocol === IPPROTO_UDPLITE ? UDP_HEADER : SCTP_HEADER)) return SHAPE_ODD;
      putPorts(bytes, transport, key, at);
      break;
    default:
      if (room === 0 || protocol === IPPROTO_NONE) return 0;
  }
  packets.l4[i] = l4;
  return 0;
}

/** The ports, which TCP, UDP, UDP-Lite, SCTP and DCCP have in the same place. */
function putPorts(bytes: Uint8Array, transport: number, key: Int32Array, at: number): void {
  key[at + KeyWord.SRC_PORT] = u16(bytes, transport);
  key[at + KeyWord.DST_PORT] = u16(bytes, transport + 2);
}
