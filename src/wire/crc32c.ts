/** CRC32c (RFC 9260 appendix A: Castagnoli's polynomial, reflected), which SCTP has in place of a checksum. */
const POLYNOMIAL = 0x82f63b78;

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
  return crc;
});

/** Goes on with `crc` (-1 at first) over `length` bytes from `at` on. The result is what the last call answers, inverted. */
export function crc32c(bytes: Uint8Array, at: number, length: number, crc: number): number {
  let sum = crc;
  for (let i = at; i < at + length; i++) sum = (sum >>> 8) ^ table[(sum ^ bytes[i]) & 0xff];
  return sum;
}
