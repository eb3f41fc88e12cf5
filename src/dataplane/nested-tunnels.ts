/**
 * VXLAN within VXLAN is ordinary traffic, and a loop where it has no end: a datagram whose way leads back into the device
 * that made it is put into one tunnel more each time. Whatever way it came (another device of vtep's, a bridge, another
 * namespace), the layers are there to be counted. So a frame that is in so many tunnels already goes into no further one;
 * nothing has to be remembered of any frame, and a frame that is in none costs a look at one byte.
 *
 * A layer is known by what it is, not by its port, which every device may have its own of: UDP, the I flag, and behind
 * the header a frame that is UDP again. Where that ends there are no more layers.
 */
import type { PacketIndex, Packets } from '../memory/packets.js';
import { SHAPE_UDP } from '../memory/packets.js';
import { u16 } from '../wire/bytes.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ether-type.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import {
  IPV4_HEADER,
  IPV4_OFFSET_MASK,
  ipVersion,
  ipv4Fragment,
  ipv4HeaderLength,
  ipv4Protocol,
} from '../wire/ipv4.js';
import { IPV6_HEADER, ipv6NextHeader } from '../wire/ipv6.js';
import { isVlanType, VLAN_TAG } from '../wire/vlan.js';
import { VXLAN_HEADER } from '../wire/vxlan.js';
import { GPE_IPV4, GPE_IPV6 } from '../wire/vxlan-extensions.js';

/** Tunnels that a frame may be in before it is sent into one more (as deep as mirred nests). */
export const NESTED_TUNNELS = 4;

const I_FLAG = 0x08;
const P_FLAG = 0x04;
const NEXT_PROTOCOL = 3;
const UDP_HEADER = 8;
const UDP = 17;

/** Whether a dissected packet is in NESTED_TUNNELS tunnels of VXLAN, or more. */
export function isTooDeep(bytes: Uint8Array, packets: Packets, packet: PacketIndex): boolean {
  // Of nearly all packets this is the end of it, and small enough to become part of the caller.
  if ((packets.shape[packet] & SHAPE_UDP) === 0) return false;
  const payload = packets.frame[packet] + packets.payload[packet];
  return (bytes[payload] & I_FLAG) !== 0 && isDeep(bytes, payload, packets.frame[packet] + packets.length[packet]);
}

function isDeep(bytes: Uint8Array, payload: number, end: number): boolean {
  let layers = 0;
  for (let at = payload; at >= 0; at = nextTunnel(bytes, at, end)) {
    if (at + VXLAN_HEADER > end || (bytes[at] & I_FLAG) === 0) return false;
    if (++layers === NESTED_TUNNELS) return true;
  }
  return false;
}

/** Where the UDP payload of the frame behind a VXLAN header begins, or -1. */
function nextTunnel(bytes: Uint8Array, header: number, end: number): number {
  let at = header + VXLAN_HEADER;
  let type: number;
  const next = (bytes[header] & P_FLAG) === 0 ? 0 : bytes[header + NEXT_PROTOCOL];
  if (next === GPE_IPV4) type = ETHERTYPE_IPV4;
  else if (next === GPE_IPV6) type = ETHERTYPE_IPV6;
  else {
    at += ETH_HEADER;
    for (;;) {
      if (at > end) return -1;
      type = u16(bytes, at - 2);
      if (!isVlanType(type)) break;
      at += VLAN_TAG;
    }
  }
  if (type === ETHERTYPE_IPV4) {
    if (at + IPV4_HEADER > end || ipVersion(bytes, at) !== 4 || ipv4Protocol(bytes, at) !== UDP) return -1;
    const length = ipv4HeaderLength(bytes, at);
    const isFirst = (ipv4Fragment(bytes, at) & IPV4_OFFSET_MASK) === 0;
    return length >= IPV4_HEADER && isFirst ? within(at + length + UDP_HEADER, end) : -1;
  }
  if (type !== ETHERTYPE_IPV6 || at + IPV6_HEADER > end || ipVersion(bytes, at) !== 6) return -1;
  return ipv6NextHeader(bytes, at) === UDP ? within(at + IPV6_HEADER + UDP_HEADER, end) : -1;
}

function within(at: number, end: number): number {
  return at <= end ? at : -1;
}
