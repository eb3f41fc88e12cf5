/**
 * Two extensions that put reserved bits of the VXLAN header to use, as signed first words of the header:
 *
 * - group policy (draft-smith-vxlan-group-policy): `G . . . I . . . | . D . . A . . . | group policy id (16)`;
 * - generic protocol (draft-ietf-nvo3-vxlan-gpe): `. . V V I P . O | reserved (16) | next protocol (8)`.
 */
import { i32 } from './bytes.js';
import { VXLAN_FLAG_VNI, VXLAN_FLAGS } from './vxlan.js';

/** The G bit: there is a group policy id. */
export const GBP_FLAG = 0x80000000 | 0;
/** The bits of a policy: D (don't learn), A (policy applied) and the id; the same in the header and in metadata. */
export const GBP_MASK = 0x0048ffff;
/** What the extension may set in the header beside the I flag (VXLAN_GBP_USED_BITS). */
export const GBP_USED = GBP_FLAG | 0x00ffffff;

/** The P bit: there is a next protocol. */
export const GPE_FLAG = 0x04000000;
export const GPE_VERSION = 0x30000000;
/** An OAM packet. */
export const GPE_OAM = 0x01000000;
/** What the extension may set in the header beside the I flag (VXLAN_GPE_USED_BITS). */
export const GPE_USED = GPE_VERSION | GPE_FLAG | GPE_OAM | 0xff;

/** Next protocols (RFC 9637's registry of VXLAN-GPE). */
export const GPE_IPV4 = 1;
export const GPE_IPV6 = 2;
export const GPE_ETHERNET = 3;

/** The first word of the header at `at`. */
export function vxlanFirstWord(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + VXLAN_FLAGS);
}

/** The first word of a header that carries the policy `gbp`, or none where that is 0 (vxlan_build_gbp_hdr). */
export function gbpWord(gbp: number): number {
  const policy = gbp & GBP_MASK;
  return policy === 0 ? VXLAN_FLAG_VNI : VXLAN_FLAG_VNI | GBP_FLAG | policy;
}

/** The first word of a VXLAN-GPE header before a payload of that protocol. */
export function gpeWord(protocol: number): number {
  return VXLAN_FLAG_VNI | GPE_FLAG | (protocol & 0xff);
}

/**
 * The next protocol that a first word names, 0 … 255; -1 where the packet is to be dropped: no P bit, a version that
 * is not 0, or OAM (vxlan_parse_gpe_proto).
 */
export function gpeProtocol(word: number): number {
  return (word & (GPE_FLAG | GPE_VERSION | GPE_OAM)) === GPE_FLAG ? word & 0xff : -1;
}
