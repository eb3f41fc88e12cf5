/** Swaps between memory order (network) and numbers, for little-endian machines. Free of allocation. */

/** The four bytes of a 32-bit word reversed; the result is signed. */
export function swap32(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** The two bytes of a 16-bit number reversed. */
export function swap16(number: number): number {
  return ((number & 0xff) << 8) | ((number >>> 8) & 0xff);
}
