/**
 * Tunnel metadata: what the kernel keeps beside a frame as `struct ip_tunnel_info`. A record is 16 words of 32 bits.
 * The same layout serves what was received (records of a batch), what `tunnel_key set` prescribes (records of a rule
 * snapshot) and the enc_* words of the flow key, so that moving metadata is copying words.
 *
 * Numbers are in host order (a VNI of 4 is 4). An address is four words, each the big-endian reading of four bytes;
 * an IPv4 address stands in the first and leaves the others zero. An index is a record's number, not its offset.
 */
export const TUNNEL_WORDS = 16;

/** Bits of `TunnelWord.FLAGS`; the lower four are those of the kernel's TCA_FLOWER_KEY_FLAGS_TUNNEL_* in order. */
export const TUNNEL_CSUM = 1;
export const TUNNEL_DONT_FRAGMENT = 2;
export const TUNNEL_OAM = 4;
export const TUNNEL_CRIT_OPT = 8;
/** The VNI is meant (kernel: IP_TUNNEL_KEY_BIT). */
export const TUNNEL_KEY = 16;
/** GBP is meant, even where it is 0 (kernel: IP_TUNNEL_VXLAN_OPT_BIT). */
export const TUNNEL_VXLAN_OPT = 32;
/** Of a record to transmit: TOS is meant, even where it is 0; without it 0 is the device's default. */
export const TUNNEL_TOS = 64;
/** Of a record to transmit: TTL is meant, even where it is 0 (the route's hop limit); else 0 is the device's default. */
export const TUNNEL_TTL = 128;

/** Word offsets within a record. */
export const TunnelWord = {
  FLAGS: 0,
  VNI: 1,
  DST_PORT: 2,
  /** In a record received. */
  SRC_PORT: 3,
  /** Of a record to transmit, whose source port a hash chooses: the IPv6 flow label, 20 bits. */
  FLOW_LABEL: 3,
  TOS: 4,
  /** 0 in a record to transmit is the device's default (see TUNNEL_TTL), and in one that is sent the route's. */
  TTL: 5,
  DST_IP: 6,
  SRC_IP: 10,
  /** Group policy (draft-smith-vxlan-group-policy): id, and the D and A bits where the header has them. */
  GBP: 14,
  /** Of a record to transmit without TUNNEL_VXLAN_OPT: interface to leave by; 0: the route's. */
  IFINDEX: 14,
  /** Address family of the outer header: 4 or 6; 0 marks an empty record. */
  FAMILY: 15,
} as const;
