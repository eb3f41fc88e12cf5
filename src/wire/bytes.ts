/**
 * Big-endian access to bytes in place. Nothing here checks bounds: the caller has checked once that the header it
 * reads lies within its frame. A 32-bit value comes in two kinds, because JavaScript has no unsigned 32-bit integer:
 * `i32` keeps it in a small integer (for keys, hashes and sequence arithmetic on the hot path), `u32` is its value as
 * a number of 0 … 2^32-1 (for people, and for comparisons).
 */

/** 16 bits in network order, 0 … 65535. */
export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

/** 32 bits in network order as a signed integer, -2^31 … 2^31-1: the same bits, never a heap number. */
export function i32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** 32 bits in network order, unsigned: 0 … 2^32-1. */
export function u32(bytes: Uint8Array, at: number): number {
  return i32(bytes, at) >>> 0;
}

/** Writes the lower 16 bits of `value` in network order. */
export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Writes `value` modulo 2^32 in network order; signed and unsigned readings of the same bits write the same bytes. */
export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Whether `count` bytes from `at` on are the same in both places. Bounded by the caller, as all else here. */
export function sameBytes(a: Uint8Array, at: number, b: Uint8Array, bt: number, count: number): boolean {
  for (let k = 0; k < count; k++) if (a[at + k] !== b[bt + k]) return false;
  return true;
}

/**
 * Throws a RangeError unless `size` bytes fit at `at`: every record emitter calls it first, because a typed array
 * swallows writes behind its end.
 */
export function requireRoom(bytes: Uint8Array, at: number, size: number, what: string): void {
  if (at < 0 || at + size > bytes.length) {
    throw new RangeError(`${what}: ${size} bytes do not fit at ${at} of ${bytes.length}`);
  }
}

/** Throws a RangeError unless `field` holds exactly `size` bytes. */
export function requireSize(field: Uint8Array, size: number, what: string): void {
  if (field.length !== size) throw new RangeError(`${what}: ${field.length} bytes, ${size} wanted`);
}
