/**
 * Explicit congestion notification through a tunnel (RFC 6040), as the kernel does it (include/net/inet_ecn.h). The
 * ECN field is the lower two bits of the IPv4 TOS byte and of the IPv6 traffic class.
 */
import { u16 } from './bytes.js';
import { update } from './checksum.js';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ether-type.js';
import { ETH_HEADER, ethType } from './ethernet.js';
import { ipv4Checksum, ipv4Tos, putIpv4Checksum } from './ipv4.js';
import { ipv6TrafficClass, putIpv6TrafficClass } from './ipv6.js';

export const ECN_MASK = 3;
export const ECN_NOT_ECT = 0;
export const ECN_ECT_1 = 1;
export const ECN_ECT_0 = 2;
export const ECN_CE = 3;

/** What became of a packet's ECN field when its outer header was taken off. */
export const ECN_KEPT = 0;
/** The outer field changed the inner one, as it should. */
export const ECN_CHANGED = 1;
/** Combinations that no correct tunnel makes, and that lose nothing: passed on as the inner header has it. */
export const ECN_SUSPICIOUS = 2;
/** Congestion was experienced by a packet whose sender cannot hear of it: to be dropped. */
export const ECN_LOST = 3;

/** The TOS byte of an outer header: DSCP from `tos`, ECN from the inner header's; its CE becomes ECT(0) (normal mode). */
export function ecnEncapsulate(tos: number, inner: number): number {
  const ecn = inner & ECN_MASK;
  return (tos & ~ECN_MASK & 0xff) | (ecn === ECN_CE ? ECN_ECT_0 : ecn);
}

/**
 * Carries the ECN field of the outer TOS byte over to the inner IP packet of a frame, in place, with IPv4's checksum
 * brought up to date. As in the kernel only the outermost EtherType counts: what stands behind a VLAN tag is left
 * alone. The frame is whole up to the end of a fixed IP header (`ipHeaderCut`). Returns ECN_KEPT and its like.
 */
export function ecnDecapsulate(bytes: Uint8Array, frame: number, outer: number): number {
  const mark = outer & ECN_MASK;
  // Nearly every packet: nothing to carry over, and nothing to suspect.
  if (mark === ECN_NOT_ECT) return ECN_KEPT;
  const type = ethType(bytes, frame);
  const ip = frame + ETH_HEADER;
  if (type === ETHERTYPE_IPV4) {
    const inner = ipv4Tos(bytes, ip) & ECN_MASK;
    const verdict = ecnVerdict(inner, mark);
    if (verdict === ECN_CHANGED) {
      const before = u16(bytes, ip);
      bytes[ip + 1] = (bytes[ip + 1] & ~ECN_MASK) | mark;
      putIpv4Checksum(bytes, ip, update(ipv4Checksum(bytes, ip), before, u16(bytes, ip)));
    }
    return verdict;
  }
  if (type !== ETHERTYPE_IPV6) return ECN_KEPT;
  const traffic = ipv6TrafficClass(bytes, ip);
  const verdict = ecnVerdict(traffic & ECN_MASK, mark);
  if (verdict === ECN_CHANGED) putIpv6TrafficClass(bytes, ip, (traffic & ~ECN_MASK) | mark);
  return verdict;
}

/** The table of RFC 6040 figure 4, for an outer field that is not Not-ECT. ECN_CHANGED: the inner becomes the outer. */
function ecnVerdict(inner: number, outer: number): number {
  if (inner === ECN_NOT_ECT) return outer === ECN_CE ? ECN_LOST : ECN_SUSPICIOUS;
  if (inner === ECN_CE) return outer === ECN_ECT_1 ? ECN_SUSPICIOUS : ECN_KEPT;
  if (outer === ECN_CE) return ECN_CHANGED;
  return outer === ECN_ECT_1 && inner === ECN_ECT_0 ? ECN_CHANGED : ECN_KEPT;
}
