/** The sum that both modules of this folder are made of; see checksum.ts. Not an entry: nothing here is exported. */

/**
 * The sum of `length` bytes, 0 … 65,535, from `at` on, bytes read as words in the processor's order: unfolded, below
 * 2^31.
 */
export function swappedSum(at: usize, length: i32): u32 {
  let first = i32x4.splat(0);
  let second = i32x4.splat(0);
  const end = at + length;
  for (; at + 64 <= end; at += 64) {
    first = i32x4.add(first, i32x4.extadd_pairwise_i16x8_u(v128.load(at)));
    second = i32x4.add(second, i32x4.extadd_pairwise_i16x8_u(v128.load(at, 16)));
    first = i32x4.add(first, i32x4.extadd_pairwise_i16x8_u(v128.load(at, 32)));
    second = i32x4.add(second, i32x4.extadd_pairwise_i16x8_u(v128.load(at, 48)));
  }
  for (; at + 16 <= end; at += 16) {
    first = i32x4.add(first, i32x4.extadd_pairwise_i16x8_u(v128.load(at)));
  }
  first = i32x4.add(first, second);
  let sum: u32 =
    i32x4.extract_lane(first, 0) +
    i32x4.extract_lane(first, 1) +
    i32x4.extract_lane(first, 2) +
    i32x4.extract_lane(first, 3);
  for (; at + 2 <= end; at += 2) sum += <u32>load<u16>(at);
  if (at < end) sum += <u32>load<u8>(at);
  return sum;
}

/** Folds to 16 bits. */
export function folded(sum: u32): u32 {
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

/** The two lower bytes swapped. */
export function swapped(word: u32): u32 {
  return ((word & 0xff) << 8) | ((word >>> 8) & 0xff);
}
