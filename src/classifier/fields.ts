/**
 * The match fields of tc flower: where each stands in the flow key. One row a field; whoever adds a field adds a row.
 *
 * Read as one string of bytes, big-endian word after word, the key holds every field as consecutive bytes in network
 * order: a number in the low bytes of its word, a MAC or address from its first byte on. So a row is a place and a
 * width, and the fields that straddle words need no case of their own.
 */
import { TUNNEL_VXLAN_OPT } from '../memory/tunnel.js';
import { KEY_WORDS, KeyWord } from './flow-key.js';

/** A word that a field fixes by being matched at all, such as the IP version. */
interface Implied {
  readonly word: number;
  /** Value by the width of the field's value in bytes. */
  readonly byWidth: Readonly<Record<number, number>>;
}

export interface Field {
  /** First word of the key that the field touches. */
  readonly word: number;
  /** Place of the first byte (network order) of a value of the greatest width, in bytes from the start of the key. */
  readonly byte: number;
  /** Widths in bytes that a value may have; addresses have two. All begin at `byte`. */
  readonly widths: readonly number[];
  /** Bits that count, from the least significant on; the rest of the value must be zero. */
  readonly bits: number;
  readonly implied?: Implied;
  /** Bits of another word that must be set for there to be such a field at all. */
  readonly present?: { readonly word: number; readonly bits: number };
}

/** A number of `width` bytes in a word of its own. */
function number(word: number, width: number, bits = width * 8): Field {
  return { word, byte: word * 4 + 4 - width, widths: [width], bits };
}

/** Six bytes from byte `skip` of `word` on. */
function mac(word: number, skip = 0): Field {
  const byte = word * 4 + skip;
  return { word: byte >> 2, byte, widths: [6], bits: 48 };
}

/** Four or sixteen bytes; the family goes into `familyWord`. */
function address(word: number, familyWord: number): Field {
  return {
    word,
    byte: word * 4,
    widths: [4, 16],
    bits: 128,
    implied: { word: familyWord, byWidth: { 4: 4, 16: 6 } },
  };
}

/** By the name that tc gives them, in the order in which it prints them. */
export const FIELDS = {
  /** Four bytes of ifindex (the kernel resolves the name when the filter is added, as fl_set_key does). */
  indev: number(KeyWord.INDEV, 4),
  num_of_vlans: number(KeyWord.NUM_OF_VLANS, 1),
  vlan_id: number(KeyWord.VLAN_ID, 2, 12),
  vlan_prio: number(KeyWord.VLAN_PRIO, 1, 3),
  vlan_ethtype: number(KeyWord.VLAN_ETHTYPE, 2),
  cvlan_id: number(KeyWord.CVLAN_ID, 2, 12),
  cvlan_prio: number(KeyWord.CVLAN_PRIO, 1, 3),
  cvlan_ethtype: number(KeyWord.CVLAN_ETHTYPE, 2),
  dst_mac: mac(KeyWord.ETH_DST),
  src_mac: mac(KeyWord.ETH_DST, 6),
  eth_type: number(KeyWord.ETH_TYPE, 2),
  ip_proto: number(KeyWord.IP_PROTO, 1),
  ip_tos: number(KeyWord.IP_TOS, 1),
  ip_ttl: number(KeyWord.IP_TTL, 1),
  dst_ip: address(KeyWord.DST_IP, KeyWord.IP_VERSION),
  src_ip: address(KeyWord.SRC_IP, KeyWord.IP_VERSION),
  dst_port: number(KeyWord.DST_PORT, 2),
  src_port: number(KeyWord.SRC_PORT, 2),
  /** Two bytes of first port, two of last. */
  dst_port_range: number(KeyWord.DST_PORT_RANGE, 4),
  src_port_range: number(KeyWord.SRC_PORT_RANGE, 4),
  tcp_flags: number(KeyWord.TCP_FLAGS, 2, 12),
  icmp_type: number(KeyWord.ICMP_TYPE, 1),
  icmp_code: number(KeyWord.ICMP_CODE, 1),
  arp_sip: number(KeyWord.ARP_SIP, 4),
  arp_tip: number(KeyWord.ARP_TIP, 4),
  arp_op: number(KeyWord.ARP_OP, 1),
  arp_sha: mac(KeyWord.ARP_SHA),
  arp_tha: mac(KeyWord.ARP_THA),
  enc_dst_ip: address(KeyWord.ENC_DST_IP, KeyWord.ENC_FAMILY),
  enc_src_ip: address(KeyWord.ENC_SRC_IP, KeyWord.ENC_FAMILY),
  /** A VNI; four bytes, as in the kernel. */
  enc_key_id: number(KeyWord.ENC_KEY_ID, 4),
  enc_dst_port: number(KeyWord.ENC_DST_PORT, 2),
  enc_src_port: number(KeyWord.ENC_SRC_PORT, 2),
  enc_tos: number(KeyWord.ENC_TOS, 1),
  enc_ttl: number(KeyWord.ENC_TTL, 1),
  /** The group policy of VXLAN-GBP (`vxlan_opts`), which a frame has or has not. */
  vxlan_opts: { ...number(KeyWord.ENC_GBP, 4), present: { word: KeyWord.ENC_FLAGS, bits: TUNNEL_VXLAN_OPT } },
  /** TCA_FLOWER_KEY_FLAGS_IS_FRAGMENT and _FRAG_IS_FIRST. */
  ip_flags: number(KeyWord.IP_FLAGS, 4, 2),
  /** TCA_FLOWER_KEY_FLAGS_TUNNEL_*, counted from 0 (memory/tunnel.ts). */
  enc_flags: number(KeyWord.ENC_FLAGS, 4, 4),
  l2_miss: number(KeyWord.L2_MISS, 1, 1),
} as const satisfies Record<string, Field>;

export type FieldName = keyof typeof FIELDS;

export function isFieldName(name: string): name is FieldName {
  return Object.hasOwn(FIELDS, name);
}

/**
 * Adds one field to the key and mask of a rule (KEY_WORDS words each, zeroed before the first field). `value` and
 * `mask` are in network order and of a width that the field has; the key gets the masked value. What the field
 * implies is matched in full, under an empty mask too (fl_set_key: addr_type).
 *
 * Throws a RangeError on a wrong width, on value bits that the field does not have, and where the family of an
 * address contradicts one given before. Mask bits that the field does not have are left out.
 */
export function encodeField(
  name: FieldName,
  value: Uint8Array,
  mask: Uint8Array,
  key: Int32Array,
  keyMask: Int32Array,
): void {
  const field: Field = FIELDS[name];
  if (key.length !== KEY_WORDS || keyMask.length !== KEY_WORDS) throw new RangeError('a flow key has 56 words');
  if (!field.widths.includes(value.length) || mask.length !== value.length)
    throw new RangeError(`${name}: ${field.widths.join(' or ')} bytes wanted`);
  const { implied } = field;
  const impliedValue = implied === undefined ? 0 : implied.byWidth[value.length];
  if (implied !== undefined && keyMask[implied.word] !== 0 && key[implied.word] !== impliedValue)
    throw new RangeError(`${name}: contradicts the address family of another field`);
  for (let i = 0; i < value.length; i++) {
    if ((value[i] & ~meaningful(field, value.length, i)) !== 0)
      throw new RangeError(`${name}: more than ${field.bits} bits`);
  }

  for (let i = 0; i < value.length; i++) {
    const word = (field.byte + i) >> 2;
    const shift = 24 - 8 * ((field.byte + i) & 3);
    const bits = mask[i] & meaningful(field, value.length, i);
    key[word] |= (value[i] & bits) << shift;
    keyMask[word] |= bits << shift;
  }
  if (implied !== undefined) {
    key[implied.word] = impliedValue;
    keyMask[implied.word] = -1;
  }
  if (field.present !== undefined) {
    key[field.present.word] |= field.present.bits;
    keyMask[field.present.word] |= field.present.bits;
  }
}

/** The bits of byte `i` of a value of `width` bytes that count. */
function meaningful(field: Field, width: number, i: number): number {
  const below = (width - 1 - i) * 8;
  const bits = Math.min(Math.max(field.bits - below, 0), 8);
  return (1 << bits) - 1;
}
