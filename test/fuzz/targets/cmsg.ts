/** Control messages of a received datagram, against a reader of the same rules (cmsg(3)) that goes through a DataView. */
import * as fc from 'fast-check';
import { ControlMessages } from '../../../src/io/udp/control-messages.js';
import { TUNNEL_WORDS, TunnelWord } from '../../../src/memory/tunnel.js';
import type { Random } from '../random.js';
import { hexRows, hold, type Target } from '../target.js';

const AT = 256;
const ROOM = 4096;
const UNTOUCHED = 0x5a5a5a5a;

interface Told {
  readonly segmentSize: number;
  readonly words: Int32Array;
}

/** Words that no message sets stay UNTOUCHED. */
function readSlowly(bytes: Uint8Array): Told {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Int32Array(TUNNEL_WORDS).fill(UNTOUCHED);
  let segmentSize = 0;
  const { DST_IP, TTL, TOS } = TunnelWord;
  for (let at = 0; at + 16 <= bytes.length; ) {
    const size = view.getBigUint64(at, true);
    if (size < 16n || size > BigInt(bytes.length - at)) break;
    const length = Number(size) - 16;
    const data = at + 16;
    const is = (level: number, type: number, least: number): boolean =>
      view.getInt32(at + 8, true) === level && view.getInt32(at + 12, true) === type && length >= least;
    if (is(0, 8, 12)) words[DST_IP] = view.getInt32(data + 8);
    if (is(0, 2, 4) || is(41, 52, 4)) words[TTL] = view.getUint8(data);
    if (is(0, 1, 1) || is(41, 67, 4)) words[TOS] = view.getUint8(data);
    if (is(41, 50, 16)) for (let n = 0; n < 4; n++) words[DST_IP + n] = view.getInt32(data + n * 4);
    if (is(17, 104, 4)) segmentSize = view.getInt32(data, true);
    at += (Number(size) + 7) & ~7;
  }
  return { segmentSize, words };
}

const memory = new Uint8Array(ROOM);
const words = new Int32Array(memory.buffer);
const reader = new ControlMessages();

function read(bytes: Uint8Array, poison: number): Told {
  memory.fill(poison);
  memory.set(bytes, AT);
  const tunnels = new Int32Array(3 * TUNNEL_WORDS).fill(UNTOUCHED);
  reader.read(words, AT, bytes.length, tunnels, TUNNEL_WORDS);
  tunnels.forEach((word, n) => {
    const isOwn = n >= TUNNEL_WORDS && n < 2 * TUNNEL_WORDS;
    hold(isOwn || word === UNTOUCHED, () => `word ${n - TUNNEL_WORDS} of the tunnel record was written`);
  });
  const isUntouched = memory.every((byte, n) => byte === (n >= AT && n < AT + bytes.length ? bytes[n - AT] : poison));
  hold(isUntouched, 'the control messages were changed');
  return { segmentSize: reader.segmentSize, words: tunnels.slice(TUNNEL_WORDS, 2 * TUNNEL_WORDS) };
}

function run(input: Uint8Array): void {
  const expected = readSlowly(input);
  for (const poison of [0x00, 0xff, 0x14]) {
    const found = read(input, poison);
    hold(
      found.segmentSize === expected.segmentSize,
      `the segment size is ${found.segmentSize} instead of ${expected.segmentSize}`,
    );
    hold(found.words.join() === expected.words.join(), `the record is ${found.words} instead of ${expected.words}`);
  }
}

const TYPES = [
  ...[0, 0, 0, 0].map((level, n) => [level, [1, 2, 8, 68][n]]),
  ...[41, 41, 41].map((level, n) => [level, [50, 52, 67][n]]),
  [17, 104],
  [1, 40],
  [1, 29],
  [-1, 104],
  [17, 103],
] as const;

/** One message: 64 bits of length, level, type, data and padding to 8 bytes. */
function message(level: number, type: number, length: number, high: number, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(16 + ((data.length + 7) & ~7));
  bytes.writeInt32LE(length | 0, 0);
  bytes.writeInt32LE(high | 0, 4);
  bytes.writeInt32LE(level, 8);
  bytes.writeInt32LE(type, 12);
  bytes.set(data, 16);
  return bytes;
}

const one = fc
  .record({
    kind: fc.constantFrom(...TYPES),
    data: fc.oneof(
      fc.uint8Array({ maxLength: 24 }),
      fc.constantFrom(4, 12, 20).map((length) => new Uint8Array(length).fill(0x11)),
    ),
    lie: fc.oneof(
      { weight: 8, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -20, max: 20 }) },
    ),
    high: fc.oneof(
      { weight: 20, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constantFrom(1, -1, 0x80000000) },
    ),
  })
  .map(({ kind: [level = 0, type = 0], data, lie, high }) => message(level, type, 16 + data.length + lie, high, data));

const generated = fc
  .tuple(
    fc.array(one, { maxLength: 6 }),
    fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(20) }),
  )
  .map(([messages, cut]) => {
    const all = Buffer.concat(messages);
    return Uint8Array.from(all.subarray(0, Math.max(0, all.length - cut)));
  });

/** Changes a length, a level or a type of one of the messages. */
function mutate(input: Uint8Array, random: Random): Uint8Array {
  const bytes = Buffer.from(input);
  const at = random.below(bytes.length >> 3) * 8;
  if (at + 16 > bytes.length)
    return Uint8Array.from([...input, ...message(17, 104, 20, 0, Uint8Array.of(random.below(256), 5, 0, 0))]);
  const [level = 0, type = 0] = random.pick(TYPES);
  switch (random.below(4)) {
    case 0:
      bytes.writeInt32LE(
        random.pick([0, 15, 16, 17, 19, 20, 28, 32, 36, 0x7fffffff, -1, bytes.length - at, bytes.length - at + 1]),
        at,
      );
      break;
    case 1:
      bytes.writeInt32LE(bytes.readInt32LE(at) + random.below(9) - 4, at);
      break;
    case 2:
      bytes.writeInt32LE(level, at + 8);
      bytes.writeInt32LE(type, at + 12);
      break;
    default:
      return Uint8Array.from(bytes.subarray(0, bytes.length - random.below(12)));
  }
  return Uint8Array.from(bytes);
}

export const target: Target = {
  name: 'cmsg',
  title:
    'control messages of a datagram: what cmsg(3) says is found, whatever the lengths, and nothing else read or written',
  covers: ['io/udp/control-messages', 'io/udp/byte-order'],
  generated,
  mutate,
  longest: 512,
  run,
  show: hexRows,
};
