/** What concerns both IP versions. */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ether-type.js';
import { ETH_HEADER, ethType } from './ethernet.js';
import { IPV4_HEADER } from './ipv4.js';
import { IPV6_HEADER } from './ipv6.js';

/**
 * Whether a frame claims IPv4 or IPv6 and is too short for the fixed header. The kernel drops such a frame after
 * decapsulation, counting rx_errors and rx_length_errors (pskb_inet_may_pull in vxlan_rcv). As there, only the
 * outermost EtherType counts. `length` is the frame's, at least 14.
 */
export function ipHeaderCut(bytes: Uint8Array, frame: number, length: number): boolean {
  if (length >= ETH_HEADER + IPV6_HEADER) return false;
  const type = ethType(bytes, frame);
  return type === ETHERTYPE_IPV6 || (type === ETHERTYPE_IPV4 && length < ETH_HEADER + IPV4_HEADER);
}
