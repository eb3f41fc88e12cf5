/**
 * The flow key: what the classifier looks at, as 56 words of 32 bits. One word per small field keeps extraction and
 * masking free of shifts; only the words that a mask covers are ever hashed, so width costs nothing at look-up.
 *
 * Words 40 to 55 are a tunnel record as it stands (memory/tunnel.ts). Numbers are in host order; addresses and MACs
 * are big-endian readings of their bytes, an IPv4 address in the first of four words. A field that the frame does
 * not have reads as 0, as in the kernel's dissector.
 */
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';

export const KEY_TUNNEL = 40;
export const KEY_WORDS = KEY_TUNNEL + TUNNEL_WORDS;

/** First word of each field. */
export const KeyWord = {
  /** ifindex of the device the frame came in on. */
  INDEV: 0,
  /** Six bytes of destination and six of source MAC, in three words. */
  ETH_DST: 1,
  ETH_SRC: 2,
  ETH_TYPE: 4,
  IP_PROTO: 5,
  IP_TOS: 6,
  IP_TTL: 7,
  /** Bit 0: fragment, bit 1: first fragment. */
  IP_FLAGS: 8,
  DST_IP: 9,
  SRC_IP: 13,
  /** 16 bits each; look-ups count on it. */
  DST_PORT: 17,
  SRC_PORT: 18,
  TCP_FLAGS: 19,
  ICMP_TYPE: 20,
  ICMP_CODE: 21,
  VLAN_ID: 22,
  VLAN_PRIO: 23,
  VLAN_ETHTYPE: 24,
  CVLAN_ID: 25,
  CVLAN_PRIO: 26,
  CVLAN_ETHTYPE: 27,
  NUM_OF_VLANS: 28,
  ARP_OP: 29,
  ARP_SIP: 30,
  ARP_TIP: 31,
  /** Six bytes each, upper four and lower two (in the upper half of the second word). */
  ARP_SHA: 32,
  ARP_THA: 34,
  L2_MISS: 36,
  /** 4 or 6 where a whole IP header was found, else 0. */
  IP_VERSION: 37,
  /**
   * Only in rules: the first and the last port of a range in the upper and lower half, under a mask of ones. A frame
   * matches whose DST_PORT or SRC_PORT is within; its own key has 0 here.
   */
  DST_PORT_RANGE: 38,
  SRC_PORT_RANGE: 39,
  ENC_FLAGS: KEY_TUNNEL + TunnelWord.FLAGS,
  ENC_KEY_ID: KEY_TUNNEL + TunnelWord.VNI,
  ENC_DST_PORT: KEY_TUNNEL + TunnelWord.DST_PORT,
  ENC_SRC_PORT: KEY_TUNNEL + TunnelWord.SRC_PORT,
  ENC_TOS: KEY_TUNNEL + TunnelWord.TOS,
  ENC_TTL: KEY_TUNNEL + TunnelWord.TTL,
  ENC_DST_IP: KEY_TUNNEL + TunnelWord.DST_IP,
  ENC_SRC_IP: KEY_TUNNEL + TunnelWord.SRC_IP,
  ENC_GBP: KEY_TUNNEL + TunnelWord.GBP,
  /** 4 or 6: family of the outer header. */
  ENC_FAMILY: KEY_TUNNEL + TunnelWord.FAMILY,
} as const;

/** ETH_P_ALL: a filter of `protocol all`. */
export const PROTOCOL_ALL = 3;
