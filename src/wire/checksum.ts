/**
 * The Internet checksum (RFC 1071): the ones' complement sum of 16-bit words, most significant byte first.
 *
 * The sum does not care in which byte order it is made, as long as the result is swapped back, nor how the words are
 * grouped. So memory is read in its own (little-endian) order, 32 bits at a time, into two accumulators: `all` is the
 * sum of the 32-bit words modulo 2^32, `high` that of their upper halves. The sum of the lower halves is what is left
 * of `all` without `high`; no sum of halves reaches 2^31 within 65,535 bytes, so both stay small integers and nothing
 * is lost. Bytes before and behind the aligned middle are added one by one. Where a range begins at an odd address
 * its words straddle those of memory, which swaps the bytes of the sum once more: the two swaps cancel.
 *
 * From SIMD_PAYS bytes on the sum is made in WebAssembly with 128-bit instructions (assembly/checksum.ts) where the
 * machine has them. Measured (`npm run bench -- checksum`; Node 20, one core of a small machine), for 1,408 bytes:
 * 170 ns in JavaScript, 32 ns in WebAssembly. What is said above is the fallback, and the oracle of the tests.
 *
 * Sums are plain numbers with the value that the bytes have when read most significant byte first; they are partial
 * and unfolded until `fold`. A range of odd length is padded with a zero byte, so only the last range of a chain of
 * sums may be odd.
 */

import type { SimdChecksums } from './simd-checksums.js';

/** Bytes from which the call into WebAssembly (about 8 ns) costs less than it saves. */
export const SIMD_PAYS = 48;

/** Folds a partial sum (0 … 2^32 - 1) to 16 bits. Zero stays zero; nothing else becomes zero. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** What a checksum field gets: the complement of the folded sum. UDP's rule (send 0 as 0xffff) is the caller's. */
export function finish(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/**
 * A checksum after one of the 16-bit words it covers changed from `before` to `after`, without the data
 * (RFC 1624, equation 3).
 */
export function update(checksum: number, before: number, after: number): number {
  return finish((~checksum & 0xffff) + (~before & 0xffff) + after);
}

/** Sums over one memory. Offsets are in bytes from its start; nothing is checked against its end. */
export class Checksummer {
  readonly u8: Uint8Array;
  private readonly u16: Uint16Array;
  private readonly i32: Int32Array;
  private readonly simd: SimdChecksums | null;

  /**
   * `buffer` must be a multiple of 4 bytes long. `simd`: the same sums in WebAssembly over the same memory, or null
   * for JavaScript alone.
   */
  constructor(buffer: ArrayBufferLike, simd: SimdChecksums | null = null) {
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.simd = simd;
  }

  /**
   * `initial` plus the sum of `length` bytes (0 … 65,535) from `at` on, any alignment. What is added is at most
   * 0x1feff, so some ten thousand sums can be chained before one must fold.
   */
  sum(at: number, length: number, initial: number): number {
    if (length >= SIMD_PAYS && this.simd !== null) return initial + this.simd.sum(at, length);
    if (length <= 0) return initial;
    const { u8, u16, i32 } = this;
    const end = at + length;
    const odd = at & 1;
    let byte = at;
    let head = 0;
    if (odd !== 0) {
      head = u8[byte] << 8;
      byte++;
    }
    let edges = 0;
    if ((byte & 2) !== 0 && byte + 2 <= end) {
      edges = u16[byte >> 1];
      byte += 2;
    }
    let all = 0;
    let high = 0;
    if ((byte & 2) === 0) {
      const words = byte >> 2;
      const stop = words + ((end - byte) >> 2);
      let w = words;
      for (; w + 8 <= stop; w += 8) {
        let word = i32[w];
        all = (all + word) | 0;
        let eight = word >>> 16;
        word = i32[w + 1];
        all = (all + word) | 0;
        eight = (eight + (word >>> 16)) | 0;
        word = i32[w + 2];
        all = (all + word) | 0;
        eight = (eight + (word >>> 16)) | 0;
        word = i32[w + 3];
        all = (all + word) | 0;
        eight = (eight + (word >>> 16)) | 0;
        word = i32[w + 4];
        all = (all + word) | 0;
        eight = (eight + (word >>> 16)) | 0;
        word = i32[w + 5];
        all = (all + word) | 0;
        eight = (eight + (word >>> 16)) | 0;
        word = i32[w + 6];
        all = (all + word) | 0;
        eight = (eight + (word >>> 16)) | 0;
        word = i32[w + 7];
        all = (all + word) | 0;
        eight = (eight + (word >>> 16)) | 0;
        high = (high + eight) | 0;
      }
      for (; w < stop; w++) {
        const word = i32[w];
        all = (all + word) | 0;
        high = (high + (word >>> 16)) | 0;
      }
      byte += (stop - words) << 2;
      if (byte + 2 <= end) {
        edges += u16[byte >> 1];
        byte += 2;
      }
    }
    if (byte < end) edges += u8[byte];
    const low = (all - (high << 16)) >>> 0;
    const folded = fold(low + high + edges);
    return initial + (odd === 0 ? ((folded & 0xff) << 8) | (folded >> 8) : head + folded);
  }

  /**
   * `initial` plus the sums of an IP header's addresses (8 or 32 bytes from `addresses` on) and of `length` bytes from
   * `at` on: a transport checksum's whole sum in one call.
   */
  sumWithAddresses(addresses: number, addressBytes: number, at: number, length: number, initial: number): number {
    if (this.simd !== null) return initial + this.simd.sumWithAddresses(addresses, addressBytes, at, length);
    return this.sum(at, length, this.sum(addresses, addressBytes, initial));
  }

  /**
   * Sums, each folded, of consecutive slices of `each` bytes (the last may be shorter) of the `length` bytes from `at`
   * on, into the 32-bit integers from byte offset `out` (a multiple of 4) on.
   */
  sumSlices(at: number, length: number, each: number, out: number): void {
    if (this.simd !== null) {
      this.simd.sumSlices(at, length, each, out);
      return;
    }
    for (let done = 0; done < length; done += each) {
      const bytes = length - done < each ? length - done : each;
      this.i32[out >> 2] = fold(this.sum(at + done, bytes, 0));
      out += 4;
    }
  }

  /**
   * The sum of the pseudo-header (RFC 9293 section 3.1, RFC 768) of the IPv4 header at `ip`: addresses, protocol,
   * and `length`, the bytes of transport header and payload.
   */
  pseudoHeader4(ip: number, protocol: number, length: number): number {
    return this.sum(ip + 12, 8, protocol + length);
  }

  /** The same for the IPv6 header at `ip` (RFC 8200 section 8.1); `protocol` is the transport's, 0 … 255. */
  pseudoHeader6(ip: number, protocol: number, length: number): number {
    return this.sum(ip + 8, 32, protocol + (length & 0xffff) + (length >>> 16));
  }
}
