import test from 'ava';
import fc from 'fast-check';
import { GSO_NONE, GSO_UDP_L4 } from '../memory/packets.js';
import { MAX_UDP_SEGMENTS } from './lanes/udp.js';
import { OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4, OFFLOAD_USO6 } from './offloads.js';
import type { OutcomeName } from './outcomes.js';
import { counts, run, train } from './test-coalescing.js';
import { buildFrame, type FrameSpec, hex, noise, Workbench } from './test-frames.js';
import { slowSegments } from './test-segments.js';

const ALL = OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_USO4 | OFFLOAD_USO6;

/** Datagrams of one flow: sizes are their payloads. */
function datagrams(sizes: readonly number[], given: Partial<FrameSpec> = {}): Uint8Array[] {
  return sizes.map((size, n) =>
    buildFrame({ protocol: 'udp', id: 1000 + n, payload: noise(size, n + size), ...given }),
  );
}

/** Every frame that was written, super-frames cut again. */
function cut(bench: Workbench): Uint8Array[] {
  return bench
    .written()
    .flatMap(({ header, bytes }) => (header[1] === GSO_NONE ? [bytes] : slowSegments(bytes, header[3])));
}

test('two datagrams become a super-frame, byte for byte', (t) => {
  const bench = new Workbench();
  const addresses = '0a000001 0a000002';
  const given = { protocol: 'udp', destinationPort: 53 } as const;
  const first = buildFrame({ ...given, payload: new Uint8Array(Buffer.from('abcd')) });
  const second = buildFrame({ ...given, id: 1001, payload: new Uint8Array(Buffer.from('efg')) });
  run(bench, [bench.place(first), bench.place(second)], ALL);
  const [merged, ...others] = bench.written();
  t.is(others.length, 0);
  const expected = hex(
    `52540000000b 52540000000a 0800
    4500 0023 03e8 4000 4011 22e0 ${addresses}   # total length 35, ID 1000, DF, TTL 64
    9c40 0035 000f 1423                          # UDP length 15, pseudo-header sum
    61626364656667`,
  );
  t.is(Buffer.from(merged.bytes).toString('hex'), Buffer.from(expected).toString('hex'));
  // NEEDS_CSUM, UDP_L4, hdr_len 42, gso_size 4, csum_start 34, csum_offset 6, num_buffers 0
  t.deepEqual(merged.header, [1, GSO_UDP_L4, 42, 4, 34, 6, 0]);
  t.deepEqual([merged.segments, merged.iovecs], [2, 3]);
});

for (const version of [4, 6] as const) {
  for (const vlans of [[], [5]]) {
    test(`IPv${version} with ${vlans.length} VLAN tags: merged and cut again it is what came in`, (t) => {
      const bench = new Workbench();
      const frames = datagrams([700, 700, 700, 333], { version, vlans });
      const c = run(
        bench,
        frames.map((frame, n) => bench.place(frame, n)),
        ALL,
      );
      t.deepEqual(cut(bench), frames);
      t.deepEqual(counts(c), { opened: 1, merged: 3 });
    });
  }
}

/** Pairs of a first datagram and a second one that must not join it: how the second differs, and the outcome. */
const REFUSALS: readonly (readonly [string, Partial<FrameSpec>, OutcomeName, Partial<FrameSpec>?])[] = [
  ['another TOS', { tos: 4 }, 'other-tos'],
  ['another TTL', { ttl: 63 }, 'other-ttl'],
  ['another hop limit', { ttl: 63, version: 6 }, 'other-ttl', { version: 6 }],
  ['DF where the first has none', { fragment: 0x4000 }, 'other-fragment-bits', { fragment: 0 }],
  ['an ID that is not the next, without DF', { fragment: 0, id: 1002 }, 'other-id', { fragment: 0 }],
  ['another MAC address', { ethernet: '52540000000b52540000000c' }, 'other-ethernet'],
  ['more payload', { payload: new Uint8Array(101) }, 'longer'],
  ['no payload', { payload: new Uint8Array(0) }, 'no-payload'],
  ['no checksum', { noChecksum: true }, 'no-checksum'],
  ['a wrong checksum', { badChecksum: true }, 'transport-checksum'],
  ['a wrong checksum over IPv6', { badChecksum: true, version: 6 }, 'transport-checksum', { version: 6 }],
  ['a wrong IPv4 header checksum', { badIpChecksum: true }, 'ip-checksum'],
  ['IPv4 options', { ipOptions: '01010100' }, 'ip-options'],
  ['padding', { padding: 3 }, 'padded'],
  ['a first fragment', { fragment: 0x2000 }, 'fragment'],
];

for (const [name, differs, outcome, first = {}] of REFUSALS) {
  test(`kept out of a run: ${name}`, (t) => {
    const bench = new Workbench();
    const frames = [
      buildFrame({ protocol: 'udp', id: 1000, ...first }),
      buildFrame({ protocol: 'udp', id: 1001, ...first, ...differs }),
    ];
    const c = run(
      bench,
      frames.map((frame) => bench.place(frame)),
      ALL,
    );
    t.deepEqual(counts(c), { opened: 1, [outcome]: 1 });
    t.deepEqual(
      bench.written().map(({ bytes }) => bytes),
      frames,
    );
  });
}

test('kept out of a run: a UDP length that is not that of the IP packet', (t) => {
  const bench = new Workbench();
  const [first, second] = datagrams([100, 100]) as [Uint8Array, Uint8Array];
  second[39] -= 1;
  const c = run(bench, [bench.place(first), bench.place(second)], ALL);
  t.deepEqual(counts(c), { opened: 1, 'other-length': 1 });
});

test('a first datagram whose checksum is wrong is passed as it is, and the next opens a run', (t) => {
  const bench = new Workbench();
  const frames = [...datagrams([100], { badChecksum: true }), ...datagrams([100, 100])];
  const c = run(
    bench,
    frames.map((frame) => bench.place(frame)),
    ALL,
  );
  t.deepEqual(counts(c), { opened: 1, 'head-checksum': 1, merged: 1 });
  t.deepEqual(cut(bench), frames);
});

test('unfinished checksums merge, with each other and with finished ones', (t) => {
  const bench = new Workbench();
  const finished = datagrams([100, 100, 100]);
  const [first, , third] = datagrams([100, 100, 100], { unfinished: true });
  const indices = [bench.placeUnfinished(first), bench.place(finished[1]), bench.placeUnfinished(third)];
  const c = run(bench, indices, ALL);
  t.deepEqual(counts(c), { opened: 1, merged: 2 });
  t.deepEqual(cut(bench), finished);
});

test('other ports are another flow', (t) => {
  const bench = new Workbench();
  const frames = [1, 2, 1, 2].flatMap((sourcePort) => datagrams([50], { sourcePort }));
  const c = run(
    bench,
    frames.map((frame) => bench.place(frame)),
    ALL,
  );
  t.deepEqual(counts(c), { opened: 2, merged: 2 });
});

test('a run has at most 64 datagrams', (t) => {
  const bench = new Workbench();
  const frames = datagrams(new Array<number>(70).fill(20));
  const c = run(
    bench,
    frames.map((frame) => bench.place(frame)),
    ALL,
  );
  t.deepEqual(
    bench.written().map(({ segments }) => segments),
    [MAX_UDP_SEGMENTS, 6],
  );
  t.deepEqual(counts(c), { opened: 1, merged: 68, 'too-many': 1 });
  t.deepEqual(cut(bench), frames);
});

for (const [what, offloads] of [
  ['no UDP super-frames', OFFLOAD_CSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6],
  ['them over IPv6 only', OFFLOAD_CSUM | OFFLOAD_USO6],
  ['no unfinished checksums', OFFLOAD_USO4],
] as const) {
  test(`a port that takes ${what} gets single datagrams`, (t) => {
    const bench = new Workbench();
    const frames = datagrams([50, 50]);
    const c = run(
      bench,
      frames.map((frame) => bench.place(frame)),
      offloads,
    );
    t.deepEqual(counts(c), { off: 2 });
    t.deepEqual(cut(bench), frames);
  });
}

test('UDP and TCP of the same addresses and ports do not disturb each other', (t) => {
  const bench = new Workbench();
  const [udp, tcp] = [datagrams([60, 60, 60]), train([80, 80, 80])];
  const frames = udp.flatMap((datagram, n) => [datagram, tcp[n] ?? datagram]);
  const c = run(
    bench,
    frames.map((frame) => bench.place(frame)),
    ALL,
  );
  t.deepEqual(counts(c), { opened: 2, merged: 4 });
  t.deepEqual(cut(bench), [...udp, ...tcp]);
});

test('merged and cut again every flow is what it was, whatever comes', (t) => {
  let merged = 0;
  const step = fc.record({
    flow: fc.noBias(fc.nat(3)),
    size: fc.noBias(fc.constantFrom(64, 64, 64, 64, 64, 63, 65, 1, 0)),
    event: fc.noBias(fc.nat(29)),
    alignment: fc.nat(3),
  });
  const flowOf = (frame: Uint8Array): string => {
    const l4 = (frame[14] ?? 0) >> 4 === 4 ? 34 : 54;
    return Buffer.from(frame.subarray(l4, l4 + 2)).toString('hex');
  };
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 100, size: 'max' }), (steps) => {
      const bench = new Workbench(1 << 20, 256, 256);
      const ids = [0, 0, 0xfff0, 0];
      const frames = steps.map(({ flow, size, event }, n) => {
        const id = ids[flow] ?? 0;
        ids[flow] = (id + 1) & 0xffff;
        return buildFrame({
          protocol: 'udp',
          version: flow % 2 === 0 ? 4 : 6,
          sourcePort: 1000 + flow,
          fragment: flow === 2 ? 0 : 0x4000,
          id,
          payload: noise(size, n),
          noChecksum: event === 0,
          badChecksum: event === 1,
          badIpChecksum: event === 2,
          tos: event === 3 ? 1 : 0,
        });
      });
      const c = run(
        bench,
        frames.map((frame, n) => bench.place(frame, steps[n]?.alignment)),
        ALL,
      );
      merged += counts(c).merged ?? 0;
      const after = cut(bench);
      t.is(after.length, frames.length);
      for (const flow of new Set(frames.map(flowOf))) {
        const own = (all: Uint8Array[]) => all.filter((frame) => flowOf(frame) === flow);
        t.deepEqual(own(after), own(frames));
      }
    }),
    { seed: 768, numRuns: 100 },
  );
  t.true(merged > 1000, `${merged} datagrams were merged`);
});
