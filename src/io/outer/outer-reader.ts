/**
 * Reads the outer headers of packets that come to vtep whole, as the raw and pcap underlays get them: IPv4 or IPv6,
 * UDP, and behind Ethernet up to two VLAN tags. Everything is checked here that the kernel checks before a UDP socket
 * gets to see a datagram.
 *
 * Packets that never were on a wire come as the sender's stack left them. Its outer UDP checksum then is
 * 1. unfinished, as in offload/unfinished.ts: the field holds the folded pseudo-header sum;
 * 2. or right for the day on which somebody finishes the *inner* checksum (local checksum offload, lco_csum in
 *    include/linux/skbuff.h). By then the inner segment sums up to the complement of what stands in the inner field,
 *    so that complement stands in for the segment.
 * And several datagrams may come as one (UDP_SEGMENT on a sender of the same machine): a UDP socket is told the size of
 * one, here it has to be found. The inner packet, IP or ARP, says where the first one ends, and every other one must begin with
 * the same VXLAN header. Whoever forges that could as well have sent the datagrams one by one.
 */
import { REASON } from '../../memory/reasons.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TunnelWord } from '../../memory/tunnel.js';
import { ARP_PACKET } from '../../wire/arp.js';
import { i32, sameBytes, u16 } from '../../wire/bytes.js';
import { Checksummer, finish, fold } from '../../wire/checksum.js';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../wire/ether-type.js';
import { ETH_HEADER, ETH_TYPE, ethType } from '../../wire/ethernet.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ip-protocol.js';
import {
  IPV4_DONT_FRAGMENT,
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
} from '../../wire/ipv4.js';
import {
  IPV6_DST,
  IPV6_HEADER,
  IPV6_SRC,
  ipv6HopLimit,
  ipv6NextHeader,
  ipv6PayloadLength,
  ipv6TrafficClass,
} from '../../wire/ipv6.js';
import { TCP_CHECKSUM } from '../../wire/tcp.js';
import { UDP_CHECKSUM, UDP_HEADER, udpChecksum, udpDstPort, udpLength, udpSrcPort } from '../../wire/udp.js';
import { isVlanType, VLAN_TAG, VLAN_TYPE } from '../../wire/vlan.js';
import { VXLAN_HEADER } from '../../wire/vxlan.js';

/** The packet is not UDP to the port: nobody's business here. */
export const NOT_OURS = -1;
/** The packet is whole, and its UDP payload is to be had. */
export const WHOLE = 0;

/** VLAN tags that are walked over. */
const MAX_TAGS = 2;

export interface OuterOptions {
  readonly port: number;
  /** Whether a zero checksum is taken over IPv6 (RFC 6936). */
  readonly udp6ZeroChecksum: boolean;
  /** Bytes of the longest packet that a wire can have brought here: a longer one was never on any. */
  readonly mtu: number;
}

/** Reads packets out of one memory. What it found of the last one stands in its fields. */
export class OuterReader {
  /** Offset and bytes of the UDP payload. */
  payload = 0;
  length = 0;
  /** Bytes of each datagram where the packet holds several; else 0. */
  segmentSize = 0;
  /** The packet is longer than what is there of it. */
  truncated = false;
  private readonly bytes: Uint8Array;
  private readonly checksums: Checksummer;
  private readonly options: OuterOptions;

  /** `buffer` must be a multiple of 4 bytes long. */
  constructor(buffer: ArrayBufferLike, options: OuterOptions) {
    this.bytes = new Uint8Array(buffer);
    this.checksums = new Checksummer(buffer);
    this.options = options;
  }

  /**
   * Reads an Ethernet frame of `length` bytes at offset `at`, and writes FAMILY, addresses, ports, TOS, TTL,
   * TUNNEL_CSUM and TUNNEL_DONT_FRAGMENT into the empty tunnel record that begins at word `record`. Returns WHOLE, NOT_OURS, or the number of
   * the reason for which the packet is refused.
   */
  readFrame(at: number, length: number, words: Int32Array, record: number): number {
    const { bytes } = this;
    if (length < ETH_HEADER) return NOT_OURS;
    let type = ethType(bytes, at);
    let next = ETH_HEADER;
    for (let tags = 0; isVlanType(type); tags++) {
      if (tags === MAX_TAGS || length < next + VLAN_TAG) return NOT_OURS;
      type = u16(bytes, at + next + VLAN_TYPE);
      next += VLAN_TAG;
    }
    if (type !== ETHERTYPE_IPV4 && type !== ETHERTYPE_IPV6) return NOT_OURS;
    // No host takes a packet of one version for the other's (ip_rcv, ip6_rcv).
    if (length > next && ipVersion(bytes, at + next) !== (type === ETHERTYPE_IPV4 ? 4 : 6)) return NOT_OURS;
    return this.readPacket(at + next, length - next, words, record);
  }

  /** The same for an IPv4 or IPv6 packet. */
  readPacket(at: number, length: number, words: Int32Array, record: number): number {
    this.segmentSize = 0;
    this.truncated = false;
    this.length = 0;
    const version = length < IPV4_HEADER ? 0 : ipVersion(this.bytes, at);
    if (version === 4) return this.readIpv4(at, length, words, record);
    return version === 6 && length >= IPV6_HEADER ? this.readIpv6(at, length, words, record) : NOT_OURS;
  }

  private readIpv4(at: number, length: number, words: Int32Array, record: number): number {
    const { bytes, checksums } = this;
    if (ipv4Protocol(bytes, at) !== IPPROTO_UDP) return NOT_OURS;
    const fragment = ipv4Fragment(bytes, at);
    if ((fragment & IPV4_OFFSET_MASK) !== 0) return NOT_OURS; // its first fragment is the one that counts
    const header = ipv4HeaderLength(bytes, at);
    const total = ipv4TotalLength(bytes, at);
    words[record + TunnelWord.FAMILY] = 4;
    words[record + TunnelWord.SRC_IP] = ipv4Src(bytes, at);
    words[record + TunnelWord.DST_IP] = ipv4Dst(bytes, at);
    words[record + TunnelWord.TOS] = ipv4Tos(bytes, at);
    words[record + TunnelWord.TTL] = ipv4Ttl(bytes, at);
    if ((fragment & IPV4_DONT_FRAGMENT) !== 0) words[record + TunnelWord.FLAGS] |= TUNNEL_DONT_FRAGMENT;
    if (header < IPV4_HEADER || header + UDP_HEADER > length || header + UDP_HEADER > total)
      return REASON['outer-malformed'];
    if (udpDstPort(bytes, at + header) !== this.options.port) return NOT_OURS;
    if (fold(checksums.sum(at, header, 0)) !== 0xffff) return REASON['outer-checksum'];
    if ((fragment & IPV4_MORE_FRAGMENTS) !== 0) return REASON['outer-fragment'];
    const datagram = total - header;
    const pseudo = checksums.pseudoHeader4(at, IPPROTO_UDP, udpLength(bytes, at + header));
    return this.readUdp(at, at + header, datagram, length - header, pseudo, words, record);
  }

  private readIpv6(at: number, length: number, words: Int32Array, record: number): number {
    const { bytes, checksums } = this;
    if (ipv6NextHeader(bytes, at) !== IPPROTO_UDP) return NOT_OURS;
    words[record + TunnelWord.FAMILY] = 6;
    for (let w = 0; w < 4; w++) {
      words[record + TunnelWord.SRC_IP + w] = i32(bytes, at + IPV6_SRC + w * 4);
      words[record + TunnelWord.DST_IP + w] = i32(bytes, at + IPV6_DST + w * 4);
    }
    words[record + TunnelWord.TOS] = ipv6TrafficClass(bytes, at);
    words[record + TunnelWord.TTL] = ipv6HopLimit(bytes, at);
    const datagram = ipv6PayloadLength(bytes, at);
    const udp = at + IPV6_HEADER;
    if (datagram < UDP_HEADER || length < IPV6_HEADER + UDP_HEADER) return REASON['outer-malformed'];
    if (udpDstPort(bytes, udp) !== this.options.port) return NOT_OURS;
    const pseudo = checksums.pseudoHeader6(at, IPPROTO_UDP, udpLength(bytes, udp));
    return this.readUdp(at, udp, datagram, length - IPV6_HEADER, pseudo, words, record);
  }

  /**
   * Reads what is behind the IP header at `ip`: `datagram` bytes are promised at `at`, `there` are there; `pseudo` is the
   * unfolded sum of the pseudo-header.
   */
  private readUdp(
    ip: number,
    at: number,
    datagram: number,
    there: number,
    pseudo: number,
    words: Int32Array,
    record: number,
  ): number {
    const { bytes } = this;
    words[record + TunnelWord.SRC_PORT] = udpSrcPort(bytes, at);
    words[record + TunnelWord.DST_PORT] = udpDstPort(bytes, at);
    const length = udpLength(bytes, at);
    if (length < UDP_HEADER || length > datagram) return REASON['outer-malformed'];
    this.payload = at + UDP_HEADER;
    this.length = Math.max(0, Math.min(length, there) - UDP_HEADER);
    this.truncated = datagram > there;
    if (this.truncated) return WHOLE; // what is missing cannot be summed up
    const checksum = udpChecksum(bytes, at);
    if (checksum === 0) {
      const allowed = words[record + TunnelWord.FAMILY] === 4 || this.options.udp6ZeroChecksum;
      if (!allowed) return REASON['outer-checksum'];
    } else {
      words[record + TunnelWord.FLAGS] |= TUNNEL_CSUM;
      if (checksum !== fold(pseudo) && !this.isRight(at, length, pseudo)) return REASON['outer-checksum'];
    }
    this.segmentSize = this.findSegmentSize();
    if (this.segmentSize === 0 && this.isUdpSuperFrame(at + datagram - ip)) return REASON['lost-segment-size'];
    return WHOLE;
  }

  private isRight(at: number, length: number, pseudo: number): boolean {
    const { checksums } = this;
    if (fold(checksums.sum(at, length, pseudo)) === 0xffff) return true;
    const start = this.innerTransport();
    if (start < 0) return false;
    const field = u16(this.bytes, this.innerChecksum);
    const before = checksums.sum(at, start - at, pseudo);
    // The inner segment begins at an even offset of the datagram (all headers before it are of even length), and ends it.
    return fold(before + (~field & 0xffff)) === 0xffff;
  }

  /**
   * Whether a packet of `bytes` bytes holds UDP datagrams that a sender has left uncut (UDP_SEGMENT): it is longer than
   * any wire's, and nobody has finished the inner checksum, as somebody has in a packet that came in fragments. A UDP
   * socket is told their size; here they would become one long datagram, which nobody sent.
   */
  private isUdpSuperFrame(bytes: number): boolean {
    return bytes > this.options.mtu && this.innerTransport() >= 0 && this.innerProtocol === IPPROTO_UDP;
  }

  /** Of the last inner packet that `innerTransport` found: its end, where its checksum stands, and its protocol. */
  private innerEnd = 0;
  private innerChecksum = 0;
  private innerProtocol = 0;

  /**
   * Offset of the TCP or UDP header of the inner packet where its checksum is unfinished; -1 where there is none such,
   * or behind IPv6 extension headers, or where something follows the packet.
   */
  private innerTransport(): number {
    const { bytes, checksums } = this;
    const ip = this.innerNetwork();
    if (ip < 0) return -1;
    const four = ipVersion(bytes, ip) === 4;
    const start = ip + (four ? ipv4HeaderLength(bytes, ip) : IPV6_HEADER);
    const end = this.innerEnd;
    const protocol = four ? ipv4Protocol(bytes, ip) : ipv6NextHeader(bytes, ip);
    if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return -1;
    const checksum = start + (protocol === IPPROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
    if (checksum + 2 > end || end !== this.payload + this.length) return -1;
    const pseudo = four
      ? checksums.pseudoHeader4(ip, protocol, end - start)
      : checksums.pseudoHeader6(ip, protocol, end - start);
    if (u16(bytes, checksum) !== fold(pseudo)) return -1;
    this.innerChecksum = checksum;
    this.innerProtocol = protocol;
    return start;
  }

  /** Offset of the inner IP header, with `innerEnd` set to where its packet ends; -1 where there is none. */
  private innerNetwork(): number {
    const { bytes } = this;
    const end = this.payload + this.length;
    let next = this.payload + VXLAN_HEADER + ETH_HEADER;
    if (next + IPV4_HEADER > end) return -1;
    let type = u16(bytes, next - 2);
    while (isVlanType(type)) {
      next += VLAN_TAG;
      if (next + IPV4_HEADER > end) return -1;
      type = u16(bytes, next - 2);
    }
    if (type === ETHERTYPE_IPV4) {
      const header = ipv4HeaderLength(bytes, next);
      this.innerEnd = next + ipv4TotalLength(bytes, next);
      return header < IPV4_HEADER || next + header > this.innerEnd || this.innerEnd > end ? -1 : next;
    }
    if (type !== ETHERTYPE_IPV6 || next + IPV6_HEADER > end) return -1;
    this.innerEnd = next + IPV6_HEADER + ipv6PayloadLength(bytes, next);
    return this.innerEnd > end ? -1 : next;
  }

  /** Bytes of the datagram that the payload begins with, as its inner packet tells (IP or ARP); -1: it does not. */
  private firstLength(): number {
    const type = this.payload + VXLAN_HEADER + ETH_TYPE;
    const arp = VXLAN_HEADER + ETH_HEADER + ARP_PACKET;
    if (this.length >= arp && u16(this.bytes, type) === ETHERTYPE_ARP) return arp;
    return this.innerNetwork() < 0 ? -1 : this.innerEnd - this.payload;
  }

  private findSegmentSize(): number {
    const size = this.firstLength();
    if (size < 0) return 0;
    if (size >= this.length) return 0;
    const end = this.payload + this.length;
    for (let at = this.payload + size; at < end; at += size) {
      if (end - at < VXLAN_HEADER + ETH_HEADER) return 0;
      if (!sameBytes(this.bytes, at, this.bytes, this.payload, VXLAN_HEADER)) return 0;
    }
    return size;
  }
}

/** For whoever writes an outer UDP header: the field behind the unfolded sum of pseudo-header and datagram. */
export function udpChecksumField(sum: number): number {
  const field = finish(sum);
  return field === 0 ? 0xffff : field;
}
