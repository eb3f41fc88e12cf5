import test from 'ava';
import { OUTCOME, OUTCOMES } from './outcomes.js';
import { ALL, coalescer, counts, MTU, run, train } from './test-coalescing.js';
import { buildFrame, concat, hex, noise, Workbench } from './test-frames.js';
import { slowSegments } from './test-segments.js';

test('PSH ends a run, and a first packet with PSH begins none', (t) => {
  const bench = new Workbench();
  const frames = train([50, 50, 50, 50, 50]);
  frames[1] = buildFrame({ id: 1001, sequence: 1050, payload: noise(50, 51), flags: 0x18 });
  frames[2] = buildFrame({ id: 1002, sequence: 1100, payload: noise(50, 52), flags: 0x18 });
  const c = run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  const written = bench.written();
  t.deepEqual(
    written.map(({ segments }) => segments),
    [2, 1, 2],
  );
  t.deepEqual(
    written.flatMap(({ bytes, segments }) => (segments > 1 ? slowSegments(bytes, 50) : [bytes])),
    frames,
  );
  t.deepEqual(counts(c), { opened: 3, merged: 2 });
});

test('a shorter segment ends a run', (t) => {
  const bench = new Workbench();
  const frames = train([50, 49, 49]);
  const c = run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  t.deepEqual(
    bench.written().map(({ segments }) => segments),
    [2, 1],
  );
  t.deepEqual(counts(c), { opened: 2, merged: 1 });
});

test('sequence numbers wrap from 0xffffffff to 0 within a run', (t) => {
  const bench = new Workbench();
  const frames = train([100, 100, 100, 100], { sequence: 0xffffffff - 149 });
  run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  const [merged, ...others] = bench.written();
  t.is(others.length, 0);
  t.deepEqual(slowSegments(merged.bytes, 100), frames);
});

test('sequence numbers pass 2^31 within a run', (t) => {
  const bench = new Workbench();
  const frames = train([100, 100, 100], { sequence: 0x7fffffff - 149 });
  run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  const [merged, ...others] = bench.written();
  t.is(others.length, 0);
  t.deepEqual(slowSegments(merged.bytes, 100), frames);
});

test('a run ends with the call: the next segment opens another', (t) => {
  const bench = new Workbench();
  const c = coalescer(bench);
  const frames = train([100, 100, 100]);
  const [a, b, d] = frames.map((frame) => bench.place(frame));
  c.run(bench.chain([a]), MTU, ALL, bench.frames);
  c.run(bench.chain([b, d]), MTU, ALL, bench.frames);
  t.deepEqual(
    bench.written().map(({ segments }) => segments),
    [1, 2],
  );
  t.deepEqual(counts(c), { opened: 2, merged: 1 });
});

test('without DF consecutive IDs are merged, also from 65535 to 0', (t) => {
  const bench = new Workbench();
  const frames = [0xffff, 0].map((id, n) => buildFrame({ id, fragment: 0, sequence: 1000 + n * 100 }));
  run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  const [merged] = bench.written();
  t.deepEqual(slowSegments(merged.bytes, 100), frames);
});

test('with DF the ID is not looked at', (t) => {
  const bench = new Workbench();
  const frames = [0, 0, 0].map((id, n) => buildFrame({ id, sequence: 1000 + n * 100 }));
  run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  t.deepEqual(
    bench.written().map(({ segments }) => segments),
    [3],
  );
});

test('a run ends before its IP packet is longer than 65,535 bytes', (t) => {
  const bench = new Workbench();
  const frames = train(new Array(46).fill(1448));
  const c = run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  const written = bench.written();
  t.deepEqual(
    written.map(({ segments }) => segments),
    [45, 1],
  );
  t.deepEqual(counts(c), { opened: 1, merged: 44, 'too-long': 1 });
  t.deepEqual(slowSegments(written[0].bytes, 1448), frames.slice(0, 45));
  // To the byte: 52 bytes of headers and 65,483 of payload fit, one more does not.
  for (const [last, entries] of [
    [65483 - 45 * 1448, 1],
    [65484 - 45 * 1448, 2],
  ]) {
    const exact = new Workbench();
    const sizes = [...new Array(45).fill(1448), last];
    run(
      exact,
      train(sizes).map((frame) => exact.place(frame)),
    );
    t.is(exact.written().length, entries);
  }
});

test('a run has at most 500 segments', (t) => {
  const bench = new Workbench();
  const frames = train(new Array(501).fill(2));
  const c = coalescer(bench, 600);
  c.run(bench.chain(frames.map((frame) => bench.place(frame))), MTU, ALL, bench.frames);
  const written = bench.written();
  t.deepEqual(
    written.map(({ segments, iovecs }) => [segments, iovecs]),
    [
      [500, 501],
      [1, 2],
    ],
  );
  t.is(c.outcomes[OUTCOME['too-many']], 1);
});

test('interleaved flows are merged each by itself, and written in the order of their first packets', (t) => {
  const bench = new Workbench();
  const flows = [0, 1, 2, 3].map((n) => train([80, 80, 80], { sourcePort: 50000 + n, version: n % 2 ? 6 : 4 }));
  const frames = [0, 1, 2].flatMap((k) => flows.map((flow) => flow[k]));
  run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  const written = bench.written();
  t.deepEqual(
    written.map(({ bytes }) => slowSegments(bytes, 80)),
    flows,
  );
});

test('flows of equal hash are told apart by their fields', (t) => {
  const bench = new Workbench();
  const frames = [1, 2].flatMap((source) => train([80, 80], { source }));
  const indices = [0, 2, 1, 3].map((n) => bench.place(frames[n]));
  for (const i of indices) bench.packets.hash[i] = 0x12345678;
  run(bench, indices);
  t.deepEqual(
    bench.written().map(({ bytes }) => slowSegments(bytes, 80)),
    [frames.slice(0, 2), frames.slice(2)],
  );
});

test('a pure ACK of the flow comes out where it came in, as do duplicates', (t) => {
  const bench = new Workbench();
  const [a, b, c, d] = train([60, 60, 60, 60]);
  const ack = buildFrame({ sequence: 1120, payload: new Uint8Array(0) });
  const frames = [a, b, ack, ack, c, d];
  run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  const written = bench.written();
  t.deepEqual(
    written.map(({ segments }) => segments),
    [2, 1, 1, 2],
  );
  t.deepEqual(
    written.flatMap(({ bytes, segments }) => (segments > 1 ? slowSegments(bytes, 60) : [bytes])),
    frames,
  );
});

test('fragments and frames whose headers disagree end the runs of all flows', (t) => {
  const [a, b] = train([60, 60]);
  const fragment = buildFrame({ source: 9, fragment: 0x0010 });
  const cut = buildFrame({ source: 9 }).slice(0, 80);
  for (const [between, outcome] of [
    [fragment, 'fragment'],
    [cut, 'odd'],
  ] as const) {
    const bench = new Workbench();
    const c = run(
      bench,
      [a, between, b].map((frame) => bench.place(frame)),
    );
    t.deepEqual(
      bench.written().map(({ bytes }) => bytes),
      [a, between, b],
    );
    t.deepEqual(counts(c), { opened: 2, [outcome]: 1 });
  }
});

test('UDP, ARP and what is no IP pass between the segments of a run', (t) => {
  const bench = new Workbench();
  const [a, b] = train([60, 60]);
  const arp = concat(hex('ffffffffffff52540000000a0806'), new Uint8Array(28));
  const udp = buildFrame({ protocol: 'udp' });
  const c = run(
    bench,
    [a, arp, udp, b].map((frame) => bench.place(frame)),
  );
  const written = bench.written();
  t.deepEqual(slowSegments(written[0].bytes, 60), [a, b]);
  t.deepEqual(
    written.slice(1).map(({ bytes }) => bytes),
    [arp, udp],
  );
  t.deepEqual(counts(c), { opened: 1, merged: 1, 'no-lane': 1, off: 1 });
});

test('unfinished segments are merged without being verified, also with finished ones', (t) => {
  for (const version of [4, 6] as const) {
    const bench = new Workbench();
    const finished = train([60, 60, 60], { version });
    const unfinished = train([60, 60, 60], { version, unfinished: true });
    run(bench, [bench.placeUnfinished(unfinished[0]), bench.place(finished[1]), bench.placeUnfinished(unfinished[2])]);
    const [merged, ...others] = bench.written();
    t.is(others.length, 0);
    t.deepEqual(slowSegments(merged.bytes, 60), finished);
  }
});

test('an unfinished checksum elsewhere than TCP keeps its own is not merged', (t) => {
  const bench = new Workbench();
  const indices = train([60, 60], { unfinished: true }).map((frame) => bench.placeUnfinished(frame));
  bench.packets.csumOffset[indices[1]] = 6;
  const c = run(bench, indices);
  t.deepEqual(counts(c), { opened: 1, 'other-checksum': 1 });
  t.deepEqual(
    bench.written().map(({ header }) => header),
    [
      [1, 0, 0, 0, 34, 16, 0],
      [1, 0, 0, 0, 34, 6, 0],
    ],
  );
});

test('every outcome is named once and has a sentence', (t) => {
  t.is(new Set(OUTCOMES.map(({ name }) => name)).size, OUTCOMES.length);
  for (const { sentence } of OUTCOMES) t.true(sentence.length > 10);
});
