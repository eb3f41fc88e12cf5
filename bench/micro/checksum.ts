/**
 * npm run bench -- checksum: nanoseconds a checksum, in JavaScript and in WebAssembly, over the arena of a worker. The
 * ranges lie in slots a few kilobytes apart, as packets of a batch do; each figure is the least of seven measurements.
 */
import { Arena } from '../../src/memory/arena.js';
import { Checksummer } from '../../src/wire/checksum.js';
import { simdChecksums } from '../../src/wire/simd-checksums.js';

const LENGTHS = [8, 20, 32, 48, 64, 128, 256, 512, 1408, 9000, 65535];
const SLOTS = 16;
const SLOT_BYTES = 66 * 1024;
/** A super-frame: 45 segments of 1,398 bytes of payload. */
const SEGMENTS = 45;
const SEGMENT = 1398;

/** Nanoseconds of one call of `work`, which is given a slot's offset. */
function nanoseconds(calls: number, work: (at: number) => number): number {
  let best = Number.POSITIVE_INFINITY;
  let kept = 0;
  for (let n = 0; n < 7; n++) {
    const begin = performance.now();
    for (let i = 0; i < calls; i++) kept ^= work(64 + (i % SLOTS) * SLOT_BYTES);
    best = Math.min(best, ((performance.now() - begin) * 1e6) / calls);
  }
  return kept === 0.5 ? 0 : best; // what is computed must be used, or it is not computed
}

export async function benchChecksums(words: readonly string[]): Promise<number> {
  if (words.length > 0) {
    process.stderr.write('usage: npm run bench -- checksum\n');
    return 2;
  }
  const arena = new Arena(SLOTS * SLOT_BYTES + 65536);
  for (let i = 0; i < arena.u8.length; i++) arena.u8[i] = Math.imul(i, 0x9e3779b1) >>> 24;
  const { buffer } = arena.memory;
  const simd = simdChecksums(arena.memory);
  const script = new Checksummer(buffer);
  const both = new Checksummer(buffer, simd);
  if (simd === null) process.stdout.write('This machine does not run the WebAssembly module.\n');

  process.stdout.write('  bytes   JavaScript   WebAssembly   as used   (ns)\n');
  for (const length of LENGTHS) {
    const calls = Math.max(500, Math.floor(4e6 / (length + 40)));
    const figures = [
      nanoseconds(calls, (at) => script.sum(at, length, 0)),
      simd === null ? Number.NaN : nanoseconds(calls, (at) => simd.sum(at, length)),
      nanoseconds(calls, (at) => both.sum(at, length, 0)),
    ];
    const cells = figures.map((figure, i) => figure.toFixed(1).padStart([13, 14, 10][i] ?? 10));
    process.stdout.write(`${String(length).padStart(7)}${cells.join('')}\n`);
  }

  const out = arena.alloc(0, 4);
  const one = (checksums: Checksummer) => (at: number) => {
    let sum = 0;
    for (let k = 0; k < SEGMENTS; k++) sum ^= checksums.sum(at + k * SEGMENT, SEGMENT, 0);
    return sum;
  };
  const slices = nanoseconds(2000, (at) => {
    both.sumSlices(at, SEGMENTS * SEGMENT, SEGMENT, out);
    return 0;
  });
  const addresses = nanoseconds(200_000, (at) => both.sumWithAddresses(at, 8, at + 8, SEGMENT, 0));
  const apart = nanoseconds(200_000, (at) => both.sum(at + 8, SEGMENT, both.sum(at, 8, 0)));
  process.stdout.write(
    [
      '',
      `${SEGMENTS} segments of ${SEGMENT} bytes, ns each:`,
      `  JavaScript, a call each    ${(nanoseconds(500, one(script)) / SEGMENTS).toFixed(1)}`,
      `  WebAssembly, a call each   ${(nanoseconds(2000, one(both)) / SEGMENTS).toFixed(1)}`,
      `  WebAssembly, one call      ${(slices / SEGMENTS).toFixed(1)}`,
      `addresses and ${SEGMENT} bytes, ns:`,
      `  two sums                   ${apart.toFixed(1)}`,
      `  one call                   ${addresses.toFixed(1)}`,
      '',
    ].join('\n'),
  );
  return 0;
}
