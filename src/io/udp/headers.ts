/**
 * What sendmmsg wants to know beside the bytes: the socket address of the destination, and control messages for the
 * source address, TOS, TTL and segment size. Both are written from a tunnel record, straight into the arena.
 */

import { TunnelWord } from '../../memory/tunnel.js';
import {
  AF_INET,
  AF_INET6,
  IP_PKTINFO,
  IP_TOS,
  IP_TTL,
  IPV6_HOPLIMIT,
  IPV6_PKTINFO,
  IPV6_TCLASS,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_SEGMENT,
} from '../../native/socket-constants.js';
import { Cmsghdr, cmsgSpace, In6Pktinfo, InPktinfo, SockaddrIn, SockaddrIn6 } from '../../native/structs.js';
import { swap16, swap32 } from './byte-order.js';

/** Bytes for a socket address. */
export const NAME_SPACE = 32;
/** Bytes for the control messages of one datagram: source, TOS, TTL and segment size. */
export const CONTROL_SPACE = 128;

/**
 * Writes struct sockaddr_in or sockaddr_in6 at byte offset `at`; returns its length. `defaultPort` stands in for a
 * DST_PORT of 0, and the flow label counts for IPv6 (IPV6_FLOWINFO_SEND). `scopeId` is the scope of link-local addresses (ignored by the kernel for others).
 */
export function writeName(
  memory: Int32Array,
  at: number,
  tunnels: Int32Array,
  record: number,
  defaultPort: number,
  scopeId: number,
): number {
  const word = at >> 2;
  const port = tunnels[record + TunnelWord.DST_PORT];
  const wirePort = swap16(port === 0 ? defaultPort : port) << 16;
  if (tunnels[record + TunnelWord.FAMILY] === 4) {
    memory[word] = AF_INET | wirePort;
    memory[word + 1] = swap32(tunnels[record + TunnelWord.DST_IP]);
    memory[word + 2] = 0;
    memory[word + 3] = 0;
    return SockaddrIn.SIZE;
  }
  memory[word] = AF_INET6 | wirePort;
  memory[word + 1] = swap32(tunnels[record + TunnelWord.FLOW_LABEL] & 0xfffff);
  memory[word + 2] = swap32(tunnels[record + TunnelWord.DST_IP]);
  memory[word + 3] = swap32(tunnels[record + TunnelWord.DST_IP + 1]);
  memory[word + 4] = swap32(tunnels[record + TunnelWord.DST_IP + 2]);
  memory[word + 5] = swap32(tunnels[record + TunnelWord.DST_IP + 3]);
  memory[word + 6] = tunnels[record + TunnelWord.IFINDEX] || scopeId;
  return SockaddrIn6.SIZE;
}

/**
 * Writes the control messages at byte offset `at` (a multiple of 8); returns their length, at most CONTROL_SPACE.
 * A source of zeros without an interface, a TOS of 0 and a TTL of 0 get none: then the kernel chooses the source, and
 * the route's hop limit counts (net.ipv4.ip_default_ttl, 64), or 1 for a multicast destination.
 */
export function writeControl(
  memory: Int32Array,
  at: number,
  tunnels: Int32Array,
  record: number,
  segmentSize: number,
  scopeId: number,
): number {
  const four = tunnels[record + TunnelWord.FAMILY] === 4;
  const source = record + TunnelWord.SRC_IP;
  const ifindex = tunnels[record + TunnelWord.IFINDEX];
  let end = at;
  if (four) {
    if ((tunnels[source] | ifindex) !== 0) {
      const data = (end + Cmsghdr.SIZE) >> 2;
      memory[data] = ifindex;
      memory[data + 1] = swap32(tunnels[source]); // ipi_spec_dst: what the kernel takes as the source
      memory[data + 2] = 0;
      end = header(memory, end, SOL_IP, IP_PKTINFO, InPktinfo.SIZE);
    }
  } else if ((tunnels[source] | tunnels[source + 1] | tunnels[source + 2] | tunnels[source + 3] | ifindex) !== 0) {
    const data = (end + Cmsghdr.SIZE) >> 2;
    memory[data] = swap32(tunnels[source]);
    memory[data + 1] = swap32(tunnels[source + 1]);
    memory[data + 2] = swap32(tunnels[source + 2]);
    memory[data + 3] = swap32(tunnels[source + 3]);
    memory[data + 4] = ifindex || scopeId;
    end = header(memory, end, SOL_IPV6, IPV6_PKTINFO, In6Pktinfo.SIZE);
  }
  const tos = tunnels[record + TunnelWord.TOS];
  if (tos !== 0) {
    memory[(end + Cmsghdr.SIZE) >> 2] = tos & 0xff;
    end = header(memory, end, four ? SOL_IP : SOL_IPV6, four ? IP_TOS : IPV6_TCLASS, 4);
  }
  const ttl = tunnels[record + TunnelWord.TTL];
  if (ttl !== 0) {
    memory[(end + Cmsghdr.SIZE) >> 2] = ttl & 0xff;
    end = header(memory, end, four ? SOL_IP : SOL_IPV6, four ? IP_TTL : IPV6_HOPLIMIT, 4);
  }
  if (segmentSize !== 0) {
    memory[(end + Cmsghdr.SIZE) >> 2] = segmentSize;
    end = header(memory, end, SOL_UDP, UDP_SEGMENT, 2);
  }
  return end - at;
}

/** Writes a cmsghdr at `at` for `bytes` of data behind it; returns the offset behind both. */
function header(memory: Int32Array, at: number, level: number, type: number, bytes: number): number {
  const word = at >> 2;
  memory[word] = Cmsghdr.SIZE + bytes;
  memory[word + 1] = 0;
  memory[word + 2] = level;
  memory[word + 3] = type;
  return at + cmsgSpace(bytes);
}
