/** What the tests of the dissector share: running it amid poison, and reading its key by name. */
import { Arena } from '../memory/arena.js';
import { Packets } from '../memory/packets.js';
import { dissect } from './dissect.js';
import type { Dissected } from './dissect-oracle.js';
import { KEY_TUNNEL, KEY_WORDS, KeyWord } from './flow-key.js';

const arena = new Arena(1 << 20);
const packets = new Packets(arena, 4);
const buffer = arena.alloc(300_000);
const KEY_AT = 3;

/** The frame in the arena between bytes of `poison`, dissected into a key and columns full of 0xa5. */
export function run(frame: Uint8Array, poison: number): Dissected & { hash: number } {
  const { u8 } = arena;
  const at = buffer + 64 + (poison & 1);
  u8.fill(poison, buffer, buffer + frame.length + 4096);
  u8.set(frame, at);
  packets.reset();
  const i = packets.take(at, frame.length);
  for (const column of [packets.shape, packets.l3, packets.l4, packets.payload, packets.end, packets.hash]) {
    column[i] = 0xa5a5a5;
  }
  const key = new Int32Array(KEY_WORDS + 2 * KEY_AT).fill(0xa5a5a5);
  dissect(u8, at, frame.length, packets, i, key, KEY_AT);
  const untouched = [...key.slice(0, KEY_AT + 1), ...key.slice(KEY_AT + KEY_TUNNEL)];
  if (untouched.some((word) => word !== 0xa5a5a5)) throw new Error('INDEV, the tunnel words or strange memory written');
  const words = key.slice(KEY_AT, KEY_AT + KEY_TUNNEL);
  words[KeyWord.INDEV] = 0;
  return {
    key: words,
    shape: packets.shape[i],
    l3: packets.l3[i],
    l4: packets.l4[i],
    payload: packets.payload[i],
    end: packets.end[i],
    hash: packets.hash[i],
  };
}

/** Dissects `frame` out of bytes that throw a RangeError where one outside of it is read. */
export function runGuarded(frame: Uint8Array): void {
  const at = 1000;
  const guarded = new Proxy(new Uint8Array(0), {
    get: (_, property) => {
      const index = Number(property) - at;
      const byte = frame[index];
      if (byte === undefined) throw new RangeError(`byte ${index} of ${frame.length} was read`);
      return byte;
    },
  });
  packets.reset();
  const i = packets.take(at, frame.length);
  dissect(guarded, at, frame.length, packets, i, new Int32Array(KEY_WORDS), 0);
}

/** Bytes of hex text, white space ignored. */
export function hex(...lines: string[]): Uint8Array {
  return Uint8Array.from(Buffer.from(lines.join('').replace(/\s/g, ''), 'hex'));
}

/** The words of the frame's half of the key that are not 0, by name, the MACs excepted. */
export function words(found: Dissected): Record<string, number> {
  const named: Record<string, number> = {};
  for (const [name, word] of Object.entries(KeyWord)) {
    const value = found.key[word];
    if (word < KEY_TUNNEL && name !== 'ETH_DST' && name !== 'ETH_SRC' && value !== 0 && value !== undefined) {
      named[name] = value;
    }
  }
  return named;
}
