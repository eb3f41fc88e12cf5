import test from 'ava';
import fc from 'fast-check';
import { GSO_NONE, type PacketIndex, UNFINISHED } from '../memory/packets.js';
import { DatagramVector } from '../memory/vectors.js';
import { ENCAPSULATED, Encapsulator } from './encapsulate.js';
import { ALL, counts, run } from './test-coalescing.js';
import { buildFrame, type FrameSpec, noise, Workbench } from './test-frames.js';

interface Step {
  readonly flow: number;
  readonly size: number;
  readonly alignment: number;
  /** 0 … 99; most steps just send the next segment, some do something else. */
  readonly event: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  flow: fc.noBias(fc.nat(4)),
  size: fc.noBias(fc.constantFrom(100, 100, 100, 100, 100, 99, 37, 1, 101)),
  alignment: fc.nat(3),
  event: fc.noBias(fc.nat(99)),
});

/** The frames of several flows as a network might mix them: gaps, ACKs, damage, other protocols. */
function traffic(steps: readonly Step[]): Uint8Array[] {
  const sent = [0xffffff00, 5, 5, 5, 5];
  const ids = [0, 0xfff8, 3, 4, 5];
  const base = (flow: number): Partial<FrameSpec> => ({
    version: flow % 2 === 0 ? 4 : 6,
    sourcePort: 1000 + flow,
    vlans: flow === 3 ? [30] : [],
    options: flow === 2 ? '' : '0101080a0000000100000002',
    fragment: flow === 4 ? 0 : 0x4000,
  });
  return steps.map(({ flow, size, event }, n) => {
    const common = { ...base(flow), sequence: sent[flow], id: ids[flow] };
    if (event === 0) return buildFrame({ ...common, payload: new Uint8Array(0) });
    if (event === 1) return buildFrame({ ...common, protocol: 'udp', payload: noise(size, n) });
    if (event === 2) return buildFrame({ ...common, fragment: 0x2000, version: 4, payload: noise(size, n) });
    if (event === 3) sent[flow] = (sent[flow] + 50) >>> 0;
    const frame = buildFrame({
      ...common,
      sequence: sent[flow],
      payload: noise(size, n),
      flags: event > 3 && event < 12 ? 0x18 : event === 12 ? 0x11 : 0x10,
      ack: event === 13 ? 78 : 77,
      tos: event === 14 ? 1 : 0,
      badChecksum: event === 15,
      badIpChecksum: event === 16,
    });
    sent[flow] = (sent[flow] + size) >>> 0;
    ids[flow] = (ids[flow] + 1) & 0xffff;
    return frame;
  });
}

/** The flow of a frame made by `traffic`: version and source port, wherever they stand. */
function flowOf(frame: Uint8Array): string {
  let l3 = 14;
  while (frame[l3 - 2] === 0x81) l3 += 4;
  const l4 = frame[l3] >> 4 === 4 ? l3 + 20 : l3 + 40;
  const protocol = frame[l3] >> 4 === 4 ? frame[l3 + 9] : frame[l3 + 6];
  return `${protocol} ${frame[l4] * 256 + frame[l4 + 1]}`;
}

/** What a vxlan device at the other end would see: every frame that the coalescer wrote, sent through the segmenter. */
function resend(bench: Workbench): Uint8Array[] {
  const { arena, packets, checksums } = bench;
  const encapsulator = new Encapsulator(arena, packets, checksums);
  const out = new DatagramVector(arena, 16, 1024, 65536);
  const frames: Uint8Array[] = [];
  for (const { header, bytes } of bench.written()) {
    const [flags, gsoType, , gsoSize, csumStart, csumOffset] = header;
    const i = bench.place(bytes);
    packets.flags[i] = flags === 1 ? UNFINISHED : 0;
    packets.gsoType[i] = gsoType;
    packets.gsoSize[i] = gsoSize;
    packets.csumStart[i] = csumStart;
    packets.csumOffset[i] = csumOffset;
    out.reset();
    if (encapsulator.add(i, 4, 0, out) !== ENCAPSULATED) throw new Error('refused');
    for (let m = 0; m < out.count; m++) {
      const all = bench.gather(out, m);
      const size = out.segmentSize[m] || all.length;
      for (let at = 0; at < all.length; at += size) frames.push(all.slice(at + 8, at + size));
    }
  }
  return frames;
}

const text = (frame: Uint8Array): string => Buffer.from(frame).toString('hex');

test('merged and segmented again every flow is what it was: no frame lost, added, changed or out of order', (t) => {
  let merged = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }), (steps) => {
      const bench = new Workbench(1 << 20, 256, 256);
      const frames = traffic(steps);
      const c = run(
        bench,
        frames.map((frame, n) => bench.place(frame, steps[n].alignment)),
      );
      merged += counts(c).merged ?? 0;
      t.is(
        c.outcomes.reduce((sum, n) => sum + n, 0),
        frames.length,
        'one outcome a packet',
      );
      const after = resend(bench);
      t.deepEqual(after.map(text).sort(), frames.map(text).sort());
      const flows = new Set(frames.map(flowOf));
      for (const flow of flows) {
        const own = (all: Uint8Array[]): string[] => all.filter((frame) => flowOf(frame) === flow).map(text);
        t.deepEqual(own(after), own(frames));
      }
    }),
    { seed: 2024, numRuns: 150 },
  );
  t.true(merged > 1000, `${merged} packets were merged`);
});

test('damage anywhere in a segment keeps it, and it alone, out of every run', (t) => {
  fc.assert(
    fc.property(fc.nat(3), fc.nat(7), fc.nat(), fc.constantFrom<4 | 6>(4, 6), (which, bit, where, version) => {
      const bench = new Workbench(1 << 20, 64, 64);
      const frames = [0, 1, 2, 3].map((n) =>
        buildFrame({ version, id: n, sequence: 1 + n * 100, payload: noise(100, n), ack: 0x01020304 }),
      );
      const damaged = frames[which];
      // Behind the Ethernet header, whose damage no checksum of these layers sees.
      const first = version === 4 ? 14 : 54;
      damaged[first + (where % (damaged.length - first))] ^= 1 << bit;
      run(
        bench,
        frames.map((frame) => bench.place(frame)),
      );
      const written = bench.written();
      const alone = written.filter(({ header }) => header[1] === GSO_NONE).map(({ bytes }) => text(bytes));
      t.true(alone.includes(text(damaged)), 'passed as it is');
      t.deepEqual(resend(bench).map(text).sort(), frames.map(text).sort());
    }),
    { seed: 23, numRuns: 300 },
  );
});

test('a shared packet may stand in two chains', (t) => {
  const bench = new Workbench();
  const frames = [0, 1].map((n) => buildFrame({ id: n, sequence: 1 + n * 100 }));
  const originals = frames.map((frame) => bench.place(frame));
  const copies: PacketIndex[] = originals.map((i) => bench.packets.share(i));
  run(bench, originals, ALL);
  run(bench, copies, ALL);
  const [first, second] = bench.written();
  t.deepEqual(first, second);
  t.deepEqual(
    originals.map((i) => bench.bytesOf(i)),
    frames,
  );
});
