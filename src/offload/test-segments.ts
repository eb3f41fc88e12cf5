import { concat, naiveSum } from './test-frames.js';

/**
 * The segments of a super-frame, each built as a frame of its own: the slow oracle of every segmenter. Works on
 * frames without IPv6 extension headers.
 */
export function slowSegments(frame: Uint8Array, gsoSize: number, udpWithoutChecksum = false): Uint8Array[] {
  let l3 = 14;
  while ([0x8100, 0x88a8].includes(frame[l3 - 2] * 256 + frame[l3 - 1])) l3 += 4;
  const v4 = frame[l3] >> 4 === 4;
  const l4 = v4 ? l3 + (frame[l3] & 15) * 4 : l3 + 40;
  const protocol = v4 ? frame[l3 + 9] : frame[l3 + 6];
  const payload = protocol === 6 ? l4 + (frame[l4 + 12] >> 4) * 4 : l4 + 8;
  const end = v4 ? l3 + frame[l3 + 2] * 256 + frame[l3 + 3] : l4 + frame[l3 + 4] * 256 + frame[l3 + 5];
  const segments: Uint8Array[] = [];
  for (let from = payload; from < end; from += gsoSize) {
    const last = from + gsoSize >= end;
    const segment = concat(frame.slice(0, payload), frame.slice(from, last ? end : from + gsoSize));
    const v = new DataView(segment.buffer);
    const length = segment.length - l4;
    if (v4) {
      v.setUint16(l3 + 2, segment.length - l3);
      v.setUint16(l3 + 4, (v.getUint16(l3 + 4) + segments.length) & 0xffff);
      v.setUint16(l3 + 10, 0);
      v.setUint16(l3 + 10, ~naiveSum(segment.slice(l3, l4)) & 0xffff);
    } else {
      v.setUint16(l3 + 4, length);
    }
    if (protocol === 6) {
      v.setUint32(l4 + 4, (v.getUint32(l4 + 4) + (from - payload)) >>> 0);
      if (!last) segment[l4 + 13] &= ~0x09;
      if (segments.length > 0) segment[l4 + 13] &= ~0x80;
    } else {
      v.setUint16(l4 + 4, length);
    }
    const field = l4 + (protocol === 6 ? 16 : 6);
    v.setUint16(field, 0);
    const addresses = v4 ? segment.slice(l3 + 12, l3 + 20) : segment.slice(l3 + 8, l3 + 40);
    const pseudo = concat(addresses, new Uint8Array([0, 0, length >> 8, length & 0xff, 0, 0, 0, protocol]));
    const checksum = ~naiveSum(concat(pseudo, segment.slice(l4))) & 0xffff;
    if (!udpWithoutChecksum) v.setUint16(field, protocol === 17 && checksum === 0 ? 0xffff : checksum);
    segments.push(segment);
  }
  return segments;
}
