/** What a set of rules looks at, from their masks. Control path. */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ether-type.js';
import type { Consulted } from './classifier.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from './flow-key.js';

const PORT_BITS = 0xffff;

/** Protocols whose rules are told apart: IPv4, IPv6, all others. */
export const PROTOCOL_CLASSES = 3;

export function protocolClass(protocol: number): number {
  return protocol === ETHERTYPE_IPV4 ? 0 : protocol === ETHERTYPE_IPV6 ? 1 : 2;
}

/** Whether rules of `protocol` are met by frames of a class. */
export function isOfClass(protocol: number, frames: number): boolean {
  return protocol === PROTOCOL_ALL || protocolClass(protocol) === frames;
}

/** Adds the bits that a mask looks at to `bits`, KEY_WORDS words. A range looks at the whole port. */
export function addConsulted(mask: Int32Array, bits: Int32Array): void {
  for (let i = 0; i < KEY_WORDS; i++) bits[i] |= mask[i];
  if (bits[KeyWord.DST_PORT_RANGE] !== 0) bits[KeyWord.DST_PORT] |= PORT_BITS;
  if (bits[KeyWord.SRC_PORT_RANGE] !== 0) bits[KeyWord.SRC_PORT] |= PORT_BITS;
  // Frames have none of these.
  bits[KeyWord.DST_PORT_RANGE] = 0;
  bits[KeyWord.SRC_PORT_RANGE] = 0;
}

/** The words of `bits` that are not zero. */
export function consultedWords(bits: Int32Array, tables: number): Consulted {
  const indices = [...bits.keys()].filter((i) => bits[i] !== 0);
  return { indices: Int32Array.from(indices), bits: Int32Array.from(indices, (i) => bits[i]), tables };
}

export function consultedOf(masks: Iterable<Int32Array>, tables: number): Consulted {
  const bits = new Int32Array(KEY_WORDS);
  for (const mask of masks) addConsulted(mask, bits);
  return consultedWords(bits, tables);
}
