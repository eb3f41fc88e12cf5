import test from 'ava';
import { UNFINISHED } from '../memory/packets.js';
import { Checksummer } from '../wire/checksum.js';
import { simdChecksums } from '../wire/simd-checksums.js';
import { Segmenter } from './segment.js';
import { buildFrame, type FrameSpec, hex, noise, Workbench } from './test-frames.js';
import { slowSegments } from './test-segments.js';

const GSO_TCPV4 = 1;
const GSO_TCPV6 = 4;

/** The segments that a segmenter makes, each as one frame. */
function segments(bench: Workbench, segmenter: Segmenter, spec: Partial<FrameSpec>, gsoSize: number): Uint8Array[] {
  const i = bench.placeUnfinished(buildFrame({ ...spec, unfinished: true }));
  bench.packets.gsoType[i] = spec.version === 6 ? GSO_TCPV6 : GSO_TCPV4;
  if (!segmenter.begin(i, gsoSize)) return [];
  const { u8 } = bench.arena;
  const at = bench.arena.alloc(segmenter.headerBytes, 4);
  return Array.from({ length: segmenter.count }, (_, k) => {
    segmenter.writeHeaders(k, at);
    const payload = segmenter.payloadAt(k);
    return Uint8Array.of(
      ...u8.subarray(at, at + segmenter.headerBytes),
      ...u8.subarray(payload, payload + segmenter.payloadLength(k)),
    );
  });
}

for (const name of ['JavaScript', 'WebAssembly']) {
  for (const [what, bytes, gsoSize] of [
    ['one segment', 900, 1398],
    ['a last one that is shorter', 20_001, 1398],
    ['as many segments as are summed in one call', 2560, 10],
    ['more segments than are summed in one call', 2561, 10],
    ['an odd size', 9001, 901],
  ] as const) {
    test(`checksums made in ${name}: ${what}`, (t) => {
      const bench = new Workbench();
      const { arena, packets } = bench;
      const simd = name === 'WebAssembly' ? simdChecksums(arena.memory) : null;
      t.is(simd !== null, name === 'WebAssembly');
      const segmenter = new Segmenter(arena, packets, new Checksummer(arena.memory.buffer, simd));
      // one after the other: what was summed for a super-frame must not be taken for the next one's
      for (const [seed, version] of [
        [1, 4],
        [2, 6],
        [3, 4],
      ] as const) {
        const spec = { version, payload: noise(bytes, seed), options: '', flags: 0x18 };
        const made = segments(bench, segmenter, spec, gsoSize);
        const wanted = slowSegments(buildFrame(spec), gsoSize);
        t.is(made.length, wanted.length);
        made.forEach((segment, k) => {
          if (Buffer.compare(segment, wanted[k] ?? hex('')) !== 0) t.fail(`segment ${k} of super-frame ${seed}`);
        });
      }
    });
  }
}

test('a super-frame keeps its UNFINISHED mark and its bytes', (t) => {
  const bench = new Workbench();
  const i = bench.placeUnfinished(buildFrame({ payload: noise(4000, 1), unfinished: true }));
  bench.packets.gsoType[i] = GSO_TCPV4;
  const before = bench.bytesOf(i);
  const segmenter = new Segmenter(bench.arena, bench.packets, bench.checksums);
  t.true(segmenter.begin(i, 1000));
  segmenter.writeHeaders(0, bench.arena.alloc(segmenter.headerBytes, 4));
  t.deepEqual(bench.bytesOf(i), before);
  t.true(((bench.packets.flags[i] ?? 0) & UNFINISHED) !== 0);
});
