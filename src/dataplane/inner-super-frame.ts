import { u16 } from '../wire/bytes.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ether-type.js';
import { ETH_HEADER } from '../wire/ethernet.js';
import { ipv4TotalLength } from '../wire/ipv4.js';
import { IPV6_HEADER, ipv6PayloadLength } from '../wire/ipv6.js';
import { isVlanType, VLAN_TAG } from '../wire/vlan.js';
import { VXLAN_HEADER } from '../wire/vxlan.js';

/**
 * Whether a message of `total` bytes at `at`, for which a segment size was told, is one datagram.
 *
 * UDP_GRO names one segment size for two different things: the size of the datagrams of a bundle, and, where the
 * peer's inner UDP super-frame arrives unsegmented (veth), the payload size of the segments inside the one datagram.
 * The inner IP header tells: in the second case its packet ends where the message ends, not with the first datagram.
 * Tags are walked over, because a tagged super-frame taken for a bundle would have its payload read as VXLAN headers.
 */
export function holdsOneInnerSuperFrame(bytes: Uint8Array, at: number, total: number): boolean {
  let offset = VXLAN_HEADER + ETH_HEADER;
  let type = 0;
  for (;;) {
    if (total < offset + IPV6_HEADER) return false;
    type = u16(bytes, at + offset - 2);
    if (!isVlanType(type)) break;
    offset += VLAN_TAG;
  }
  const ip = at + offset;
  let packet = 0;
  if (type === ETHERTYPE_IPV4) packet = ipv4TotalLength(bytes, ip);
  else if (type === ETHERTYPE_IPV6) packet = IPV6_HEADER + ipv6PayloadLength(bytes, ip);
  return offset + packet === total;
}
