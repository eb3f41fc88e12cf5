/**
 * The headers before a VXLAN header: Ethernet, IP and UDP, and before them the virtio-net header that tells the
 * kernel what to make of it all. Written from a complete tunnel record, straight into the arena.
 */
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TunnelWord } from '../../memory/tunnel.js';
import {
  TunnelVnetHeader,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM,
  VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4,
  VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6,
  VnetHeader,
} from '../../native/tun-constants.js';
import { putU16, putU32 } from '../../wire/bytes.js';
import { finish, fold } from '../../wire/checksum.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../wire/ether-type.js';
import { ETH_HEADER } from '../../wire/ethernet.js';
import { IPPROTO_UDP } from '../../wire/ip-protocol.js';
import { IPV4_DONT_FRAGMENT, IPV4_HEADER } from '../../wire/ipv4.js';
import { IPV6_HEADER } from '../../wire/ipv6.js';
import { UDP_CHECKSUM, UDP_HEADER } from '../../wire/udp.js';

/** Bytes of all the headers, by family of the outer one. */
export const OUTER_BYTES_IPV4 = TunnelVnetHeader.SIZE + ETH_HEADER + IPV4_HEADER + UDP_HEADER;
export const OUTER_BYTES_IPV6 = TunnelVnetHeader.SIZE + ETH_HEADER + IPV6_HEADER + UDP_HEADER;

/** A hop limit is one less when the host has forwarded the packet. */
const HOP = 1;

/** What the headers say beside what stands in the record. */
export interface OuterFrame {
  /** Bytes of UDP payload. */
  payload: number;
  sourcePort: number;
  destinationPort: number;
  /** Of IPv4; each segment counts on from it. */
  id: number;
  /** gso_type of the inner super-frame, or 0: a single datagram, whose inner checksums are finished. */
  gsoType: number;
  gsoSize: number;
  /** Bytes from the VXLAN header on, of a super-frame. */
  innerNetwork: number;
  innerTransport: number;
  innerPayload: number;
  /** Bytes from the inner transport header to its checksum. */
  checksumOffset: number;
}

/**
 * Writes the headers for the record at word `record` to arena offset `at` (a multiple of 4), all but the Ethernet
 * addresses, which stay as they are. The record has both addresses and a TTL of 1 to 254.
 */
export function writeOuterFrame(
  bytes: Uint8Array,
  at: number,
  tunnels: Int32Array,
  record: number,
  frame: OuterFrame,
): void {
  const four = tunnels[record + TunnelWord.FAMILY] === 4;
  const ethernet = at + TunnelVnetHeader.SIZE;
  const ip = ethernet + ETH_HEADER;
  const udp = ip + (four ? IPV4_HEADER : IPV6_HEADER);
  const checked = (tunnels[record + TunnelWord.FLAGS] & TUNNEL_CSUM) !== 0;
  writeVirtio(bytes, at, udp - ethernet, checked, four, frame);
  putU16(bytes, ethernet + 12, four ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
  const length = UDP_HEADER + frame.payload;
  if (four) writeIpv4(bytes, ip, tunnels, record, IPV4_HEADER + length, frame.id);
  else writeIpv6(bytes, ip, tunnels, record, length);
  putU16(bytes, udp, frame.sourcePort);
  putU16(bytes, udp + 2, frame.destinationPort);
  putU16(bytes, udp + 4, length);
  putU16(bytes, udp + UDP_CHECKSUM, checked ? fold(addressSum(tunnels, record) + IPPROTO_UDP + length) : 0);
}

function writeVirtio(
  bytes: Uint8Array,
  at: number,
  transport: number,
  checked: boolean,
  four: boolean,
  frame: OuterFrame,
): void {
  bytes.fill(0, at, at + TunnelVnetHeader.SIZE);
  if (frame.gsoType === 0) {
    if (!checked) return;
    bytes[at + VnetHeader.FLAGS] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    putLittle16(bytes, at + VnetHeader.HDR_LEN, transport + UDP_HEADER);
    putLittle16(bytes, at + VnetHeader.CSUM_START, transport);
    putLittle16(bytes, at + VnetHeader.CSUM_OFFSET, UDP_CHECKSUM);
    return;
  }
  const vxlan = transport + UDP_HEADER;
  bytes[at + VnetHeader.FLAGS] = VIRTIO_NET_HDR_F_NEEDS_CSUM | (checked ? VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM : 0);
  bytes[at + VnetHeader.GSO_TYPE] =
    frame.gsoType | (four ? VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4 : VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6);
  putLittle16(bytes, at + VnetHeader.HDR_LEN, vxlan + frame.innerPayload);
  putLittle16(bytes, at + VnetHeader.GSO_SIZE, frame.gsoSize);
  putLittle16(bytes, at + VnetHeader.CSUM_START, vxlan + frame.innerTransport);
  putLittle16(bytes, at + VnetHeader.CSUM_OFFSET, frame.checksumOffset);
  putLittle16(bytes, at + TunnelVnetHeader.OUTER_TRANSPORT, transport);
  putLittle16(bytes, at + TunnelVnetHeader.INNER_NETWORK, vxlan + frame.innerNetwork);
}

function writeIpv4(bytes: Uint8Array, ip: number, tunnels: Int32Array, record: number, length: number, id: number) {
  const first = 0x4500 | (tunnels[record + TunnelWord.TOS] & 0xff);
  const fragment = (tunnels[record + TunnelWord.FLAGS] & TUNNEL_DONT_FRAGMENT) !== 0 ? IPV4_DONT_FRAGMENT : 0;
  const ttl = (((tunnels[record + TunnelWord.TTL] + HOP) & 0xff) << 8) | IPPROTO_UDP;
  putU16(bytes, ip, first);
  putU16(bytes, ip + 2, length);
  putU16(bytes, ip + 4, id);
  putU16(bytes, ip + 6, fragment);
  putU16(bytes, ip + 8, ttl);
  putU16(bytes, ip + 10, finish(addressSum(tunnels, record) + first + length + id + fragment + ttl));
  putU32(bytes, ip + 12, tunnels[record + TunnelWord.SRC_IP]);
  putU32(bytes, ip + 16, tunnels[record + TunnelWord.DST_IP]);
}

function writeIpv6(bytes: Uint8Array, ip: number, tunnels: Int32Array, record: number, length: number): void {
  const trafficClass = tunnels[record + TunnelWord.TOS] & 0xff;
  putU32(bytes, ip, (6 << 28) | (trafficClass << 20) | (tunnels[record + TunnelWord.FLOW_LABEL] & 0xfffff));
  putU16(bytes, ip + 4, length);
  bytes[ip + 6] = IPPROTO_UDP;
  bytes[ip + 7] = tunnels[record + TunnelWord.TTL] + HOP;
  for (let w = 0; w < 4; w++) {
    putU32(bytes, ip + 8 + w * 4, tunnels[record + TunnelWord.SRC_IP + w]);
    putU32(bytes, ip + 24 + w * 4, tunnels[record + TunnelWord.DST_IP + w]);
  }
}

/** The sum of both addresses in 16-bit words, unfolded. The words of an IPv4 address behind the first are 0. */
function addressSum(tunnels: Int32Array, record: number): number {
  let sum = 0;
  for (let w = 0; w < 4; w++) {
    const source = tunnels[record + TunnelWord.SRC_IP + w];
    const destination = tunnels[record + TunnelWord.DST_IP + w];
    sum += (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  }
  return sum;
}

function putLittle16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}
