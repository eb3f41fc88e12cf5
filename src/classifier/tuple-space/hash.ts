/**
 * The hash of the masked words of a key: a multiplication and a shift a word, which spreads what stands in the upper
 * bits of addresses down to the bits that choose a slot. It has no secret: only rules are ever stored under it, and
 * frames cannot add rules.
 */
export const HASH_SEED = 0x2545f491;

export function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

export function finish(hash: number): number {
  const product = Math.imul(hash, 0x85ebca6b);
  return product ^ (product >>> 13);
}
