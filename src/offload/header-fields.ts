/**
 * The few header fields that offloads read and write, as offsets from the start of their header, and accessors for
 * numbers in network byte order. Nothing is checked: the shape of a packet says which headers stand whole.
 */
import type { Arena } from '../memory/arena.js';

export const IPV4_TOS = 1;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_ID = 4;
/** Reserved bit, DF, MF and the fragment's offset. */
export const IPV4_FRAGMENT = 6;
export const IPV4_TTL = 8;
export const IPV4_CHECKSUM = 10;
/** Source, then destination. */
export const IPV4_ADDRESSES = 12;
export const IPV4_BYTES = 20;
export const IPV4_DONT_FRAGMENT = 0x4000;

export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_HOP_LIMIT = 7;
/** Source, then destination. */
export const IPV6_ADDRESSES = 8;
export const IPV6_BYTES = 40;

export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;

export const TCP_SEQUENCE = 4;
export const TCP_ACKNOWLEDGEMENT = 8;
/** Header length in words and four reserved bits (the last of them AE/NS). */
export const TCP_DATA_OFFSET = 12;
export const TCP_FLAGS = 13;
export const TCP_WINDOW = 14;
export const TCP_CHECKSUM = 16;
export const TCP_URGENT = 18;
export const TCP_OPTIONS = 20;
export const TCP_BYTES = 20;

export const TCP_FIN = 0x01;
export const TCP_PSH = 0x08;
export const TCP_ACK = 0x10;
export const TCP_CWR = 0x80;

export const UDP_LENGTH = 4;
export const UDP_CHECKSUM = 6;
export const UDP_BYTES = 8;

export function read16(u8: Uint8Array, at: number): number {
  return (u8[at] << 8) | u8[at + 1];
}

/** 32 bits as a signed integer, which is what `| 0` arithmetic compares with. */
export function read32(u8: Uint8Array, at: number): number {
  return (u8[at] << 24) | (u8[at + 1] << 16) | (u8[at + 2] << 8) | u8[at + 3];
}

/** Writes the lower 16 bits of `value`. */
export function write16(u8: Uint8Array, at: number, value: number): void {
  u8[at] = value >>> 8;
  u8[at + 1] = value;
}

/** Writes the lower 32 bits of `value`. */
export function write32(u8: Uint8Array, at: number, value: number): void {
  u8[at] = value >>> 24;
  u8[at + 1] = value >>> 16;
  u8[at + 2] = value >>> 8;
  u8[at + 3] = value;
}

/** Whether `length` bytes at `a` and at `b` are the same. */
export function sameBytes(arena: Arena, a: number, b: number, length: number): boolean {
  const u8 = arena.u8;
  let i = 0;
  if (((a | b) & 1) === 0) {
    const u16 = arena.u16;
    for (; i + 2 <= length; i += 2) if (u16[(a + i) >> 1] !== u16[(b + i) >> 1]) return false;
  }
  for (; i < length; i++) if (u8[a + i] !== u8[b + i]) return false;
  return true;
}

/** Copies `length` bytes from `from` to `to`, which do not overlap. Meant for headers: some tens of bytes. */
export function copyBytes(arena: Arena, to: number, from: number, length: number): void {
  const u8 = arena.u8;
  let i = 0;
  if (((to | from) & 3) === 0) {
    const i32 = arena.i32;
    for (; i + 4 <= length; i += 4) i32[(to + i) >> 2] = i32[(from + i) >> 2];
  } else if (((to | from) & 1) === 0) {
    const u16 = arena.u16;
    for (; i + 2 <= length; i += 2) u16[(to + i) >> 1] = u16[(from + i) >> 1];
  }
  for (; i < length; i++) u8[to + i] = u8[from + i];
}
