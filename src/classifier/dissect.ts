/**
 * The dissector: one pass over the headers of a frame that fills the frame's half of the flow key and the columns of
 * `Packets` that say where its layers lie. It runs once for every frame that vtep receives, so it allocates nothing,
 * reads each header field once and leaves everything rare (tags, ARP, IPv6 extension headers) to functions of its own.
 *
 * What it finds is what flower would find (net/core/flow_dissector.c as cls_flower.c calls it: it stops before an
 * encapsulation and does not look into first fragments):
 * - ETH_TYPE is the protocol behind all tags; a filter's `protocol` is compared with the outermost type instead, which
 *   `frameProtocol` of wire/ethernet.ts gives.
 * - A fragment, the first too, has addresses and IP_PROTO but no transport layer.
 * - IP_PROTO over IPv6 is what stands behind hop-by-hop, routing and destination options and the fragment header;
 *   AH and ESP end the walk. Tags and extension headers together may be followed 15 times.
 * - Only ARP requests and replies between Ethernet and IPv4 addresses have ARP words.
 * - A field that the frame does not have is 0. So is IP protocol 0: IP_VERSION tells them apart.
 *
 * Where it is stricter than the kernel, because a layer that does not parse shall have no key:
 * - IP whose version nibble contradicts the EtherType has no network layer (the kernel does not look at it);
 *   an IHL below 5 means the same, as in the kernel.
 * - Three tags or more: no network layer, although NUM_OF_VLANS and ETH_TYPE are those of the whole stack.
 * - A transport layer counts when its header is whole: 20 bytes and the options of TCP, 8 of UDP and ICMP, 12 of SCTP
 *   and DCCP. (The kernel takes ports where four bytes are left, out of the padding if need be.)
 *
 * Lengths. `end` is where the IP packet ends by its own account, and nothing behind it is ever taken for a header.
 * An account that cannot be right (shorter than its own header, or longer than the frame) is not believed: `end` is
 * then the frame's end and the shape odd. That includes a length of 0, as super-frames above 65,535 bytes carry it
 * (BIG TCP, RFC 2675 jumbograms): they keep all their keys, and are passed on without offload.
 *
 * No byte before `frame` or from `frame + length` on is read, whatever the frame says.
 */
import { type PacketIndex, type Packets, SHAPE_ODD, SHAPE_VLAN } from '../memory/packets.js';
import {
  ARP_PACKET,
  ARP_REPLY,
  ARP_REQUEST,
  ARP_SENDER_MAC,
  ARP_TARGET_MAC,
  arpIsEthernetIpv4,
  arpOperation,
  arpSenderIp,
  arpTargetIp,
} from '../wire/arp.js';
import { i32, u16 } from '../wire/bytes.js';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_MIN, ETHERTYPE_RARP } from '../wire/ether-type.js';
import { ETH_HEADER, ethType, protocolOfType } from '../wire/ethernet.js';
import { isVlanType, VLAN_TAG, vlanId, vlanPriority, vlanType } from '../wire/vlan.js';
import { dissectIpv4, dissectIpv6, MAX_HEADERS } from './dissect-ip.js';
import { flowHash } from './flow-hash.js';
import { KEY_TUNNEL, KeyWord } from './flow-key.js';

/**
 * Fills the words of the flow key from ETH_DST to the last before KEY_TUNNEL (all of them, every time) at `key[at …]`,
 * and the columns shape, l3, l4, payload, end and hash of packet `i`. INDEV and the tunnel words are the caller's.
 *
 * The frame is `length` bytes at `bytes[frame …]`, at least an Ethernet header; a shorter one has no key and is odd.
 * `l3` is set for IPv4 and IPv6 only. `l4` is set where a transport header is whole, or its protocol is not one that
 * is looked into; `payload` for TCP and UDP only. IPv4 and transport checksums are not looked at.
 */
export function dissect(
  bytes: Uint8Array,
  frame: number,
  length: number,
  packets: Packets,
  i: PacketIndex,
  key: Int32Array,
  at: number,
): void {
  key.fill(0, at + KeyWord.ETH_DST, at + KEY_TUNNEL);
  packets.l3[i] = -1;
  packets.l4[i] = -1;
  packets.payload[i] = -1;
  packets.end[i] = length;
  if (length < ETH_HEADER) {
    packets.shape[i] = SHAPE_ODD;
    packets.hash[i] = 0;
    return;
  }
  key[at + KeyWord.ETH_DST] = i32(bytes, frame);
  key[at + KeyWord.ETH_DST + 1] = i32(bytes, frame + 4);
  key[at + KeyWord.ETH_DST + 2] = i32(bytes, frame + 8);

  let shape = 0;
  let l3 = ETH_HEADER;
  let type = ethType(bytes, frame);
  if (isVlanType(type)) {
    shape = SHAPE_VLAN;
    l3 = dissectTags(bytes, frame, length, key, at, type);
    type = key[at + KeyWord.ETH_TYPE];
  } else {
    if (type < ETHERTYPE_MIN) type = protocolOfType(type, bytes, frame + ETH_HEADER, frame + length);
    key[at + KeyWord.ETH_TYPE] = type;
  }

  if (l3 < 0) shape |= SHAPE_ODD;
  else if (type === ETHERTYPE_IPV4) shape |= dissectIpv4(bytes, frame, length, l3, packets, i, key, at);
  else if (type === ETHERTYPE_IPV6) shape |= dissectIpv6(bytes, frame, length, l3, packets, i, key, at);
  else if (type === ETHERTYPE_ARP || type === ETHERTYPE_RARP) dissectArp(bytes, frame + l3, length - l3, key, at);
  packets.shape[i] = shape;
  packets.hash[i] = flowHash(key, at);
}

/**
 * Walks the tags, fills their words and ETH_TYPE. Returns where the network header starts, from the frame's start,
 * or -1 where it shall not be looked at: the last tag is cut, or there are more than two.
 */
function dissectTags(
  bytes: Uint8Array,
  frame: number,
  length: number,
  key: Int32Array,
  at: number,
  type: number,
): number {
  let offset = ETH_HEADER;
  let tags = 0;
  let cut = false;
  while (isVlanType(type) && tags <= MAX_HEADERS) {
    if (length - offset < VLAN_TAG) {
      cut = true;
      break;
    }
    const tag = frame + offset;
    offset += VLAN_TAG;
    type = protocolOfType(vlanType(bytes, tag), bytes, frame + offset, frame + length);
    if (tags === 0) {
      key[at + KeyWord.VLAN_ID] = vlanId(bytes, tag);
      key[at + KeyWord.VLAN_PRIO] = vlanPriority(bytes, tag);
      key[at + KeyWord.VLAN_ETHTYPE] = type;
    } else if (tags === 1) {
      key[at + KeyWord.CVLAN_ID] = vlanId(bytes, tag);
      key[at + KeyWord.CVLAN_PRIO] = vlanPriority(bytes, tag);
      key[at + KeyWord.CVLAN_ETHTYPE] = type;
    }
    tags++;
  }
  key[at + KeyWord.ETH_TYPE] = type;
  key[at + KeyWord.NUM_OF_VLANS] = tags;
  return cut || tags > 2 ? -1 : offset;
}

/** Fills the ARP words from the `length` bytes at `arp`, or leaves them alone. */
function dissectArp(bytes: Uint8Array, arp: number, length: number, key: Int32Array, at: number): void {
  if (length < ARP_PACKET || !arpIsEthernetIpv4(bytes, arp)) return;
  const operation = arpOperation(bytes, arp);
  if (operation !== ARP_REQUEST && operation !== ARP_REPLY) return;
  key[at + KeyWord.ARP_OP] = operation;
  key[at + KeyWord.ARP_SIP] = arpSenderIp(bytes, arp);
  key[at + KeyWord.ARP_TIP] = arpTargetIp(bytes, arp);
  key[at + KeyWord.ARP_SHA] = i32(bytes, arp + ARP_SENDER_MAC);
  key[at + KeyWord.ARP_SHA + 1] = u16(bytes, arp + ARP_SENDER_MAC + 4) << 16;
  key[at + KeyWord.ARP_THA] = i32(bytes, arp + ARP_TARGET_MAC);
  key[at + KeyWord.ARP_THA + 1] = u16(bytes, arp + ARP_TARGET_MAC + 4) << 16;
}
