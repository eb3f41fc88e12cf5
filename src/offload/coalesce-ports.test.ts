import test from 'ava';
import { GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NONE } from '../memory/packets.js';
import { FrameVector } from '../memory/vectors.js';
import { NO_COALESCING, OFFLOAD_CSUM, OFFLOAD_TSO4, OFFLOAD_TSO6, OFFLOAD_USO4 } from './offloads.js';
import { ALL, coalescer, counts, MTU, run, superFrame, train } from './test-coalescing.js';
import { buildFrame, noise, Workbench } from './test-frames.js';
import { slowSegments } from './test-segments.js';

test('a port without the offload gets every frame by itself', (t) => {
  for (const [version, offloads] of [
    [4, 0],
    [4, OFFLOAD_TSO4],
    [4, OFFLOAD_CSUM],
    [4, OFFLOAD_CSUM | OFFLOAD_TSO6],
    [6, OFFLOAD_CSUM | OFFLOAD_TSO4],
    [4, ALL | NO_COALESCING],
  ] as const) {
    const bench = new Workbench();
    const frames = train([60, 60], { version });
    const c = run(
      bench,
      frames.map((frame) => bench.place(frame)),
      offloads,
    );
    t.deepEqual(
      bench.written().map(({ bytes }) => bytes),
      frames,
    );
    t.deepEqual(counts(c), { off: 2 });
  }
});

test('an unfinished frame alone is passed with NEEDS_CSUM', (t) => {
  const bench = new Workbench();
  const frame = buildFrame({ protocol: 'udp', unfinished: true, version: 6 });
  run(bench, [bench.placeUnfinished(frame)]);
  t.deepEqual(bench.written(), [{ header: [1, 0, 0, 0, 54, 6, 0], bytes: frame, segments: 1, iovecs: 2 }]);
});

test('a port that finishes no checksums gets a finished one, and the frame itself stays as it is', (t) => {
  for (const given of [
    { protocol: 'udp' },
    { protocol: 'tcp' },
    { version: 6 },
    { payload: new Uint8Array(0) },
  ] as const) {
    const bench = new Workbench();
    const frame = buildFrame({ ...given, unfinished: true });
    const i = bench.placeUnfinished(frame, 1);
    run(bench, [i], 0);
    t.deepEqual(bench.written(), [{ header: [0, 0, 0, 0, 0, 0, 0], bytes: buildFrame(given), segments: 1, iovecs: 2 }]);
    t.deepEqual(bench.bytesOf(i), frame);
  }
});

test('a super-frame is passed as one frame with its gso_size', (t) => {
  const bench = new Workbench();
  const i = superFrame(bench, { payload: noise(5000, 1) }, GSO_TCPV4 | GSO_ECN, 1200);
  const c = run(bench, [i]);
  const [{ header, bytes, segments, iovecs }] = bench.written();
  t.deepEqual(header, [1, GSO_TCPV4 | GSO_ECN, 66, 1200, 34, 16, 0]);
  t.deepEqual(bytes, bench.bytesOf(i));
  t.deepEqual([segments, iovecs], [5, 2]);
  t.deepEqual(counts(c), { 'super-frame': 1 });
});

test('a super-frame of unknown gso_size gets it from the MTU, the VLAN tag not counted', (t) => {
  const bench = new Workbench();
  run(bench, [
    superFrame(bench, { payload: noise(5000, 1) }, GSO_TCPV4, 0),
    superFrame(bench, { payload: noise(5000, 1), version: 6, vlans: [9], sourcePort: 1 }, GSO_TCPV6, 0),
  ]);
  t.deepEqual(
    bench.written().map(({ header }) => header.slice(1, 5)),
    [
      [GSO_TCPV4, 66, MTU - 52, 34],
      [GSO_TCPV6, 90, MTU - 72, 58],
    ],
  );
});

test('a super-frame of unknown gso_size that fits the MTU is a plain frame there', (t) => {
  const bench = new Workbench();
  run(bench, [
    superFrame(bench, { payload: noise(MTU - 52, 1) }, GSO_TCPV4, 0),
    superFrame(bench, { payload: noise(MTU - 51, 1), sourcePort: 1 }, GSO_TCPV4, 0),
  ]);
  t.deepEqual(
    bench.written().map(({ header }) => header.slice(0, 4)),
    [
      [1, 0, 0, 0],
      [1, GSO_TCPV4, 66, MTU - 52],
    ],
  );
});

test('a super-frame ends the run of its flow', (t) => {
  const bench = new Workbench();
  const [a, b] = train([60, 60]);
  const c = run(bench, [bench.place(a), superFrame(bench, { payload: noise(5000, 1) }, GSO_TCPV4, 0), bench.place(b)]);
  t.is(bench.written().length, 3);
  t.deepEqual(counts(c), { opened: 2, 'super-frame': 1 });
});

test('a port that does not take a super-frame gets its segments', (t) => {
  for (const [given, gsoType, offloads] of [
    [{ payload: noise(5000, 1) }, GSO_TCPV4, OFFLOAD_CSUM | OFFLOAD_TSO6],
    [{ payload: noise(5000, 1), version: 6 }, GSO_TCPV6, OFFLOAD_CSUM | OFFLOAD_TSO4],
    [{ payload: noise(5000, 2), protocol: 'udp' }, GSO_UDP_L4, ALL],
    [{ payload: noise(5000, 2), protocol: 'udp', version: 6 }, GSO_UDP_L4, ALL | OFFLOAD_USO4],
  ] as const) {
    const bench = new Workbench();
    const i = superFrame(bench, given, gsoType, 999);
    const before = bench.bytesOf(i);
    const c = run(bench, [i], offloads);
    const written = bench.written();
    t.deepEqual(
      written.map(({ bytes }) => bytes),
      slowSegments(before, 999),
    );
    t.deepEqual(
      written.map(({ header }) => header[0]),
      [0, 0, 0, 0, 0, 0],
    );
    t.deepEqual(counts(c), { segmented: 1 });
    t.deepEqual(bench.bytesOf(i), before);
  }
});

test('a UDP super-frame is passed to a port that takes it', (t) => {
  const bench = new Workbench();
  run(bench, [superFrame(bench, { payload: noise(5000, 2), protocol: 'udp' }, GSO_UDP_L4, 1000)], ALL | OFFLOAD_USO4);
  t.deepEqual(
    bench.written().map(({ header }) => header),
    [[1, GSO_UDP_L4, 42, 1000, 34, 6, 0]],
  );
});

test('super-frames that cannot be cut are dropped and counted', (t) => {
  const bench = new Workbench();
  const c = run(
    bench,
    [
      superFrame(bench, { payload: noise(500, 1), protocol: 'udp' }, GSO_TCPV4, 100),
      superFrame(bench, { payload: noise(500, 1), version: 6 }, GSO_TCPV4, 100),
      superFrame(bench, { payload: noise(500, 1) }, 3, 100),
    ],
    0,
  );
  t.deepEqual(counts(c), { 'bad-super-frame': 3 });
  const tiny = run(bench, [superFrame(bench, { payload: noise(500, 1) }, GSO_TCPV4, 0)], ALL, 52);
  t.deepEqual(counts(tiny), { 'bad-super-frame': 1 });
  const many = run(bench, [superFrame(bench, { payload: noise(5000, 1) }, GSO_TCPV4, 1)], 0);
  t.deepEqual(counts(many), { 'too-many-segments': 1 });
  t.deepEqual(bench.written(), []);
});

test('what does not fit into the vector is left for the next call, in order', (t) => {
  const bench = new Workbench();
  const small = new FrameVector(bench.arena, 4);
  const c = coalescer(bench);
  const frames = Array.from({ length: 11 }, (_, n) => buildFrame({ sourcePort: n }));
  let rest = bench.chain(frames.map((frame) => bench.place(frame)));
  const seen: Uint8Array[] = [];
  for (let calls = 0; rest !== NONE && calls < 11; calls++) {
    small.reset();
    rest = c.run(rest, MTU, ALL, small);
    for (let f = 0; f < small.count; f++) seen.push(bench.gather(small, f).slice(12));
  }
  t.deepEqual(seen, frames);
});

test('a full vector takes nothing and loses nothing', (t) => {
  const bench = new Workbench();
  const small = new FrameVector(bench.arena, 2);
  const c = coalescer(bench);
  const [a, b, d] = [1, 2, 3].map((sourcePort) => bench.place(buildFrame({ sourcePort })));
  t.is(c.run(bench.chain([a, b, d]), MTU, ALL, small), d);
  t.is(c.run(d, MTU, ALL, small), d);
  t.is(small.count, 2);
  small.reset();
  t.is(c.run(d, MTU, ALL, small), NONE);
  t.is(small.count, 1);
});

test('iovecs and headers that others have used are not counted on', (t) => {
  const bench = new Workbench();
  const c = coalescer(bench);
  const indices = [1, 2, 3].map((sourcePort) => bench.place(buildFrame({ sourcePort })));
  const byIovecs = new FrameVector(bench.arena, 16);
  byIovecs.iovecs.used = byIovecs.iovecs.capacity - 5;
  t.is(c.run(bench.chain(indices), MTU, ALL, byIovecs), indices[2]);
  const byHeaders = new FrameVector(bench.arena, 16);
  byHeaders.headers.used = byHeaders.headers.capacity - 100;
  t.is(c.run(bench.chain(indices), MTU, ALL, byHeaders), indices[1]);
});

test('segments that do not fit behind what is there wait for an empty vector', (t) => {
  const bench = new Workbench();
  const small = new FrameVector(bench.arena, 8);
  const c = coalescer(bench);
  const plain = bench.place(buildFrame({ sourcePort: 1 }));
  const large = superFrame(bench, { payload: noise(800, 1) }, GSO_TCPV4, 100);
  t.is(c.run(bench.chain([plain, large]), MTU, 0, small), large);
  small.reset();
  t.is(c.run(large, MTU, 0, small), NONE);
  t.is(small.count, 8);
});

test('a chain longer than the capacity is taken in parts', (t) => {
  const bench = new Workbench();
  const c = coalescer(bench, 3);
  const indices = [1, 2, 3, 4, 5].map((sourcePort) => bench.place(buildFrame({ sourcePort })));
  t.is(c.run(bench.chain(indices), MTU, ALL, bench.frames), indices[3]);
  t.is(c.run(indices[3], MTU, ALL, bench.frames), NONE);
  t.is(bench.frames.count, 5);
});
