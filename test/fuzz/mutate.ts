/** Changes of bytes that know nothing of their meaning. */
import type { Random } from './random.js';

const BYTES = [0, 1, 0x7f, 0x80, 0xff, 0x08, 0x45, 0x46, 0x60, 0x06, 0x11] as const;
const NUMBERS = [0, 1, 7, 8, 19, 20, 21, 39, 40, 41, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, -1] as const;

function splice(bytes: Uint8Array, at: number, remove: number, put: Uint8Array): Uint8Array {
  const changed = new Uint8Array(bytes.length - remove + put.length);
  changed.set(bytes.subarray(0, at));
  changed.set(put, at);
  changed.set(bytes.subarray(at + remove), at + put.length);
  return changed;
}

/** A number of 1, 2 or 4 bytes, in either order. */
function putNumber(bytes: Uint8Array, at: number, random: Random, value: number): void {
  const size = random.pick([1, 2, 4]);
  const isBig = random.once(2);
  for (let n = 0; n < size && at + n < bytes.length; n++) {
    bytes[at + n] = value >>> ((isBig ? size - 1 - n : n) * 8);
  }
}

function once(bytes: Uint8Array, other: Uint8Array, random: Random, words: readonly string[]): Uint8Array {
  const at = random.below(bytes.length);
  const length = 1 + random.below(Math.min(bytes.length - at, random.pick([1, 4, 16, 64])));
  switch (random.below(words.length > 0 ? 10 : 9)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = random.once(2) ? random.below(256) : random.pick(BYTES);
      return bytes;
    case 2:
      putNumber(bytes, at, random, random.pick(NUMBERS));
      return bytes;
    case 3:
      putNumber(bytes, at, random, (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)) + random.below(17) - 8);
      return bytes;
    case 4:
      return splice(bytes, at, length, new Uint8Array(0));
    case 5:
      return splice(bytes, at, 0, bytes.slice(at, at + length));
    case 6:
      return splice(bytes, at, 0, new Uint8Array(length).fill(random.below(256)));
    case 7: {
      const from = random.below(other.length);
      const taken = other.slice(from, from + 1 + random.below(other.length - from));
      return splice(bytes, at, random.once(2) ? 0 : length, taken);
    }
    case 8:
      return bytes.slice(0, at);
    default:
      return splice(bytes, at, random.once(2) ? 0 : length, Buffer.from(random.pick(words)));
  }
}

/** Another input, from `input` and parts of `other`; at most `longest` bytes. */
export function mutateBytes(
  input: Uint8Array,
  other: Uint8Array,
  random: Random,
  longest: number,
  words: readonly string[] = [],
): Uint8Array {
  let bytes: Uint8Array = input.slice();
  for (let n = 1 << random.below(4); n > 0; n--) {
    if (bytes.length === 0) bytes = Uint8Array.of(random.below(256));
    bytes = once(bytes, other, random, words);
  }
  return bytes.slice(0, longest);
}
