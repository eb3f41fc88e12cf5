import { formatIp } from '../iproute/address.js';

/** An address of a tunnel record, whose words begin at `at`. */
export function addressText(words: Int32Array, at: number, family: number): string {
  const bytes = new Uint8Array(family === 6 ? 16 : 4);
  const view = new DataView(bytes.buffer);
  for (let n = 0; n < bytes.length; n += 4) view.setInt32(n, words[at + n / 4] ?? 0);
  return formatIp(bytes);
}
