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

/** Word offsets within a record. */
export const TunnelWord = {
  FLAGS: 0,
  VNI: 1,
  DST_PORT: 2,
  /** In a record received. */
  SRC_PORT: 3,
  /** In a record for transmit: interface to leave by; 0: the route's. */
  IFINDEX: 3,
  TOS: 4,
  /** 0 in a record for transmit means "the device's default". */
  TTL: 5,
  DST_IP: 6,
  SRC_IP: 10,
  GBP: 14,
  /** Address family of the outer header: 4 or 6; 0 marks an empty record. */
  FAMILY: 15,
} as const;
