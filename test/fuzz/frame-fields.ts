/** Where the fields of a frame lie, found slowly, and its checksums made right: for mutations and for oracles. */
import { naiveSum } from '../../src/offload/test-frames.js';

/** Offsets from the frame's start; -1 where there is none. A field may lie behind the end of a frame that is cut. */
export interface Layout {
  readonly version: 0 | 4 | 6;
  readonly tags: number;
  readonly l3: number;
  readonly l4: number;
  readonly protocol: number;
  /** Where the IP packet ends by its own account. */
  readonly end: number;
}

const at16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

export function layoutOf(frame: Uint8Array): Layout {
  let l3 = 14;
  while ([0x8100, 0x88a8].includes(at16(frame, l3 - 2)) && l3 < frame.length) l3 += 4;
  const tags = (l3 - 14) / 4;
  const type = at16(frame, l3 - 2);
  const first = frame[l3] ?? 0;
  if (type === 0x0800 && frame.length >= l3 + 20) {
    const l4 = l3 + (first & 15) * 4;
    return { version: 4, tags, l3, l4, protocol: frame[l3 + 9] ?? 0, end: l3 + at16(frame, l3 + 2) };
  }
  if (type === 0x86dd && frame.length >= l3 + 40) {
    return { version: 6, tags, l3, l4: l3 + 40, protocol: frame[l3 + 6] ?? 0, end: l3 + 40 + at16(frame, l3 + 4) };
  }
  return { version: 0, tags, l3, l4: -1, protocol: -1, end: frame.length };
}

/** The offset of the transport's checksum, or -1 where no whole TCP or UDP header is. */
function checksumField(frame: Uint8Array, { l4, protocol, end }: Layout): number {
  const field = protocol === 6 ? l4 + 16 : protocol === 17 ? l4 + 6 : -1;
  return field < 0 || field + 2 > Math.min(end, frame.length) ? -1 : field;
}

function pseudoSum(frame: Uint8Array, { version, l3, l4, protocol, end }: Layout): number {
  const addresses = version === 4 ? frame.slice(l3 + 12, l3 + 20) : frame.slice(l3 + 8, l3 + 40);
  const length = end - l4;
  return naiveSum(Uint8Array.of(...addresses, 0, protocol, length >>> 8, length));
}

/** Whether the transport's checksum field holds the sum of the pseudo-header, and nothing more. */
export function isUnfinished(frame: Uint8Array): boolean {
  const layout = layoutOf(frame);
  const field = checksumField(frame, layout);
  return field >= 0 && at16(frame, field) === pseudoSum(frame, layout);
}

/** A copy with right IPv4 and transport checksums, as far as there are such fields. */
export function repaired(frame: Uint8Array): Uint8Array {
  const bytes = frame.slice();
  const layout = layoutOf(bytes);
  const { version, l3, l4 } = layout;
  const put = (at: number, value: number): void => {
    bytes[at] = value >>> 8;
    bytes[at + 1] = value;
  };
  if (version === 4 && l4 >= l3 + 20 && l4 <= bytes.length) {
    put(l3 + 10, 0);
    put(l3 + 10, ~naiveSum(bytes.slice(l3, l4)) & 0xffff);
  }
  return finished(bytes);
}

/** A copy with a right transport checksum. */
export function finished(frame: Uint8Array): Uint8Array {
  const bytes = frame.slice();
  const layout = layoutOf(bytes);
  const field = checksumField(bytes, layout);
  if (field < 0 || layout.end > bytes.length) return bytes;
  bytes[field] = 0;
  bytes[field + 1] = 0;
  const segment = bytes.slice(layout.l4, layout.end);
  const pseudo = pseudoSum(bytes, layout);
  const sum = ~naiveSum(
    Uint8Array.of(...segment, ...new Array<number>(segment.length % 2).fill(0), pseudo >>> 8, pseudo),
  );
  const checksum = sum & 0xffff || (layout.protocol === 17 ? 0xffff : 0);
  bytes[field] = checksum >>> 8;
  bytes[field + 1] = checksum;
  return bytes;
}
