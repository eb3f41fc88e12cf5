/**
 * The sums of checksum.ts with 128-bit instructions, in AssemblyScript (TypeScript's syntax, WebAssembly's types):
 * not compiled by tsc but by `npm run wasm`, into ../checksum-module.ts. See checksum.ts for what a sum is, and
 * docs/decisions/checksums-in-webassembly.md for why it is here.
 *
 * The module owns no memory: it works in the arena it is instantiated over and writes nowhere but where `sumSlices`
 * is told to. A range that leaves the memory traps; callers have checked it.
 *
 * Vectors are loaded from any address (no instruction here wants alignment), and the eight 16-bit words of each are
 * added in pairs to four 32-bit lanes. 65,535 bytes are 4,096 vectors, so that no lane exceeds 2^29. Words are read
 * in the processor's order, least significant byte first; the folded sum is swapped at the end (RFC 1071, section 2).
 */

import { folded, swapped, swappedSum } from './sums';

/** Folds to 16 bits and swaps their bytes: the value in network order. */
function finished(sum: u32): u32 {
  return swapped(folded(sum));
}

/** The folded sum of `length` bytes from `at` on. */
export function sum(at: usize, length: i32): u32 {
  return finished(swappedSum(at, length));
}

/** The folded sum of two ranges: the addresses of an IP header (8 or 32 bytes) and the transport segment behind it. */
export function sumWithAddresses(addresses: usize, addressBytes: i32, at: usize, length: i32): u32 {
  let front: u64 = load<u64>(addresses);
  front = (front & 0xffffffff) + (front >>> 32);
  if (addressBytes > 8) {
    for (let i: usize = 8; i < 32; i += 8) {
      const more = load<u64>(addresses + i);
      front += (more & 0xffffffff) + (more >>> 32);
    }
  }
  const addressSum: u32 = <u32>((front & 0xffff) + ((front >>> 16) & 0xffff) + (front >>> 32));
  return finished(swappedSum(at, length) + addressSum);
}

/**
 * The folded sums of consecutive slices of `each` bytes (the last one may be shorter) of the `length` bytes from `at`
 * on, as 32-bit integers from `out` (a multiple of 4) on.
 */
export function sumSlices(at: usize, length: i32, each: i32, out: usize): void {
  while (length > 0) {
    const bytes = length < each ? length : each;
    store<u32>(out, finished(swappedSum(at, bytes)));
    out += 4;
    at += each;
    length -= each;
  }
}
