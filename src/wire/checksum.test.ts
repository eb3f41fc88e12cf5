import test from 'ava';
import fc from 'fast-check';
import { Checksummer, finish, fold, SIMD_PAYS, update } from './checksum.js';
import { simdChecksums, type WasmMemory } from './simd-checksums.js';

/** The definition: bytes in pairs, the first of each the upper one, an odd last byte padded with zero. */
function naive(bytes: Uint8Array, at: number, length: number, initial: number): number {
  let sum = initial;
  for (let i = 0; i < length; i++) sum += i % 2 === 0 ? bytes[at + i] * 256 : bytes[at + i];
  while (sum > 0xffff) sum = (sum % 65536) + Math.floor(sum / 65536);
  return sum;
}

const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (pages: { initial: number; maximum: number; shared: true }) => WasmMemory };
  }
).WebAssembly;

/** The two that must agree with the naive loop, over as many bytes. */
const KINDS: readonly (readonly [string, (bytes: number) => Checksummer])[] = [
  ['JavaScript', (bytes) => new Checksummer(new SharedArrayBuffer(bytes))],
  [
    'WebAssembly',
    (bytes) => {
      const pages = Math.ceil(bytes / 65536);
      const memory = new Memory({ initial: pages, maximum: pages, shared: true });
      const simd = simdChecksums(memory);
      if (simd === null) throw new Error('this machine does not run the module');
      return new Checksummer(memory.buffer, simd);
    },
  ],
];
const [[, inJavaScript]] = KINDS as readonly [(typeof KINDS)[number]];

/** 64 KiB and some more of reproducible noise. */
function noise(seed: number, make = inJavaScript): Checksummer {
  const checksums = make(65536 + 64);
  let state = seed;
  for (let i = 0; i < checksums.u8.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    checksums.u8[i] = state >>> 24;
  }
  return checksums;
}

function fromHex(hex: string): Checksummer {
  const bytes = Buffer.from(hex.replaceAll(/[^0-9a-f]/g, ''), 'hex');
  const checksums = new Checksummer(new ArrayBuffer(128));
  checksums.u8.fill(0xa5);
  checksums.u8.set(bytes);
  return checksums;
}

test('the example of RFC 1071 section 3 sums to ddf2', (t) => {
  const checksums = fromHex('00 01 f2 03 f4 f5 f6 f7');
  t.is(fold(checksums.sum(0, 8, 0)), 0xddf2);
  t.is(finish(checksums.sum(0, 8, 0)), 0x220d);
});

test('an IPv4 header with its checksum in place sums to ffff', (t) => {
  const header = '4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7';
  t.is(fold(fromHex(header).sum(0, 20, 0)), 0xffff);
});

for (const [name, make] of KINDS) {
  test(`${name}: every length from 0 to 2048 at every alignment sums as the naive loop does`, (t) => {
    const checksums = noise(1, make);
    for (let at = 0; at < 8; at++) {
      for (let length = 0; length <= 2048; length++) {
        const fast = fold(checksums.sum(at, length, 0));
        if (fast !== naive(checksums.u8, at, length, 0)) {
          t.fail(`length ${length} at ${at}: ${fast}`);
          return;
        }
      }
    }
    t.pass();
  });

  test(`${name}: the largest range of the largest words does not overflow`, (t) => {
    const checksums = make(65536 + 8);
    checksums.u8.fill(0xff);
    for (let at = 0; at < 8; at++) {
      t.is(fold(checksums.sum(at, 65535, 0xffff)), naive(checksums.u8, at, 65535, 0xffff));
      t.is(fold(checksums.sum(at, 65534, 0)), naive(checksums.u8, at, 65534, 0));
    }
  });

  test(`${name}: random ranges with random initial sums agree with the naive loop`, (t) => {
    const checksums = noise(7, make);
    fc.assert(
      fc.property(fc.nat(63), fc.nat(65535), fc.nat(0x7ffe0000), (at, length, initial) => {
        t.is(fold(checksums.sum(at, length, initial)), naive(checksums.u8, at, length, initial));
      }),
      { seed: 1071, numRuns: 300 },
    );
  });

  test(`${name}: a sum may be made in pieces of even length`, (t) => {
    const checksums = noise(3, make);
    fc.assert(
      fc.property(fc.nat(63), fc.array(fc.nat(700), { maxLength: 12 }), fc.nat(999), (start, halves, last) => {
        let at = start;
        let sum = 0;
        for (const half of halves) {
          sum = checksums.sum(at, half * 2, sum);
          at += half * 2;
        }
        sum = checksums.sum(at, last, sum);
        t.is(fold(sum), naive(checksums.u8, start, at + last - start, 0));
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test(`${name}: zeros sum to zero, and nothing else does`, (t) => {
    const checksums = make(4096);
    t.is(checksums.sum(64, 1000, 0), 0);
    t.is(checksums.sumWithAddresses(64, 32, 128, 1000, 0), 0);
    checksums.u8.fill(0xff, 64, 1064); // 500 words of ffff: congruent to zero
    t.is(fold(checksums.sum(64, 1000, 0)), 0xffff);
    t.is(fold(checksums.sumWithAddresses(64, 8, 128, 500, 0)), 0xffff);
  });

  test(`${name}: addresses and a range are summed in one call as in two`, (t) => {
    const checksums = noise(5, make);
    fc.assert(
      fc.property(
        fc.nat(63),
        fc.constantFrom(8, 32),
        fc.nat(63),
        fc.nat(9000),
        fc.nat(0x7ffe0000),
        (from, bytes, at, length, initial) => {
          const front = naive(checksums.u8, from, bytes, initial);
          const sum = checksums.sumWithAddresses(from, bytes, 200 + at, length, initial);
          t.is(fold(sum), naive(checksums.u8, 200 + at, length, front));
        },
      ),
      { seed: 9293, numRuns: 300 },
    );
  });

  test(`${name}: slices are summed one by one, the last as short as it is, and nothing is written behind them`, (t) => {
    const checksums = noise(9, make);
    const { u8 } = checksums;
    const words = new Uint32Array(u8.buffer);
    fc.assert(
      fc.property(fc.nat(7), fc.nat(9000), fc.integer({ min: 1, max: 3000 }), (at, length, each) => {
        const out = 16384;
        const slices = Math.ceil(length / each);
        words.fill(0xa5a5a5a5, out / 4, out / 4 + slices + 1);
        checksums.sumSlices(at, length, each, out);
        for (let k = 0; k < slices; k++) {
          const bytes = Math.min(each, length - k * each);
          if (words[out / 4 + k] !== naive(u8, at + k * each, bytes, 0)) return false;
        }
        return words[out / 4 + slices] === 0xa5a5a5a5;
      }),
      { seed: 64, numRuns: 300 },
    );
    t.pass();
  });
}

test('short ranges are summed without a call into WebAssembly, long ones with one', (t) => {
  const calls: number[] = [];
  const simd = {
    sum: (_: number, length: number) => {
      calls.push(length);
      return 0x1234;
    },
    sumWithAddresses: () => 0,
    sumSlices: () => {},
    followers: () => 0,
  };
  const checksums = new Checksummer(new SharedArrayBuffer(65536), simd);
  t.is(checksums.sum(0, SIMD_PAYS - 1, 5), 5);
  t.is(checksums.sum(0, SIMD_PAYS, 5), 0x1239);
  t.deepEqual(calls, [SIMD_PAYS]);
});

test('a memory that is not shared is none that the module takes', (t) => {
  t.is(simdChecksums({ buffer: new SharedArrayBuffer(65536) }), null);
});

test('fold keeps zero and makes nothing else zero', (t) => {
  t.is(fold(0), 0);
  t.is(fold(0xffff), 0xffff);
  t.is(fold(0x1fffe), 0xffff);
  t.is(fold(0xffff0000), 0xffff);
  t.is(fold(0xffffffff), 0xffff);
});

test('the IPv4 pseudo-header is addresses, protocol and length', (t) => {
  // 192.0.2.1 → 198.51.100.2, protocol 6, 25 bytes of TCP
  const checksums = fromHex('4500 002d 0000 4000 4006 0000 c000 0201 c633 6402');
  const expected = fromHex('c000 0201 c633 6402 0006 0019');
  t.is(fold(checksums.pseudoHeader4(0, 6, 25)), fold(expected.sum(0, 12, 0)));
});

test('the IPv6 pseudo-header is addresses, a 32-bit length and the next header', (t) => {
  const addresses = '20010db8000000000000000000000001 20010db80000000000000000000000ff';
  const checksums = fromHex(`60000000 0019 1140 ${addresses}`);
  const expected = fromHex(`${addresses} 00012345 00000011`);
  t.is(fold(checksums.pseudoHeader6(0, 17, 0x12345)), fold(expected.sum(0, 40, 0)));
});

test('updating a checksum for a changed word equals computing it anew', (t) => {
  const checksums = noise(11);
  const { u8 } = checksums;
  fc.assert(
    fc.property(fc.nat(999), fc.nat(0xffff), (word, after) => {
      const old = finish(checksums.sum(0, 2000, 0));
      const before = (u8[word * 2] << 8) | u8[word * 2 + 1];
      u8[word * 2] = after >> 8;
      u8[word * 2 + 1] = after & 0xff;
      t.is(update(old, before, after), finish(checksums.sum(0, 2000, 0)));
    }),
    { seed: 1624, numRuns: 300 },
  );
});

test('the example of RFC 1624 section 4 updates to 0000, not to ffff', (t) => {
  t.is(update(0xdd2f, 0x5555, 0x3285), 0x0000);
});
