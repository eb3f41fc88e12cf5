import type { Dissected } from '../../src/classifier/dissect-oracle.js';
import { SHAPE_IPV4, SHAPE_TCP } from '../../src/memory/packets.js';
import { naiveSum } from '../../src/offload/test-frames.js';

type Layers = Pick<Dissected, 'shape' | 'l3' | 'l4' | 'end'>;

/** The folded sum of the pseudo-header of a frame with a whole TCP or UDP header (RFC 9293 section 3.1, RFC 8200 section 8.1). */
export function naivePseudo(frame: Uint8Array, { shape, l3, l4, end }: Layers): number {
  const addresses = (shape & SHAPE_IPV4) !== 0 ? frame.slice(l3 + 12, l3 + 20) : frame.slice(l3 + 8, l3 + 40);
  const length = end - l4;
  return naiveSum(Uint8Array.of(...addresses, 0, (shape & SHAPE_TCP) !== 0 ? 6 : 17, length >>> 8, length));
}

/** The frame with a right transport checksum; it has a whole TCP or UDP header. */
export function naivelyFinished(frame: Uint8Array, found: Dissected): Uint8Array {
  const bytes = frame.slice();
  const field = found.l4 + ((found.shape & SHAPE_TCP) !== 0 ? 16 : 6);
  const pseudo = naivePseudo(frame, found);
  bytes[field] = 0;
  bytes[field + 1] = 0;
  const segment = [...bytes.slice(found.l4, found.end)];
  if (segment.length % 2 === 1) segment.push(0);
  const sum = ~naiveSum(Uint8Array.of(...segment, pseudo >>> 8, pseudo)) & 0xffff;
  const checksum = sum === 0 && (found.shape & SHAPE_TCP) === 0 ? 0xffff : sum;
  bytes[field] = checksum >>> 8;
  bytes[field + 1] = checksum;
  return bytes;
}
