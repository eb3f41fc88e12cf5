// What rewriting actions make of frames, against a model that edits a copy of them byte by byte and makes every
// checksum from scratch: plain frames and super-frames, finished checksums and unfinished ones, from either side, with
// mirrored copies taken on the way.
import test from 'ava';
import * as fc from 'fast-check';
import { AT_EGRESS } from '../actions/outlet.js';
import { PeditHeader, Verdict } from '../actions/program.js';
import { buildFrame, concat, type FrameSpec, naiveSum, noise } from '../offload/test-frames.js';
import { slowSegments } from '../offload/test-segments.js';
import {
  type Action,
  csum,
  gact,
  Harness,
  mirror,
  pedit,
  redirect,
  set,
  TAP0,
  TAP1,
  unset,
  VXLAN0,
  vlanPop,
  vlanPush,
  vxlan,
} from './harness.test.helper.js';

const ALL_CHECKSUMS = 0x7f;

/** An edit, as an action and by the model. */
interface Step {
  readonly action: Action;
  readonly model: (frame: Uint8Array) => Uint8Array;
}

interface Layers {
  readonly l3: number;
  readonly l4: number;
  readonly version: number;
  readonly protocol: number;
}

function isTag(frame: Uint8Array, at: number): boolean {
  return (frame[at] === 0x81 && frame[at + 1] === 0) || (frame[at] === 0x88 && frame[at + 1] === 0xa8);
}

function layersOf(frame: Uint8Array): Layers {
  let type = 12;
  while (isTag(frame, type)) type += 4;
  const l3 = type + 2;
  const version = (frame[l3] ?? 0) >> 4;
  const l4 = l3 + (version === 4 ? ((frame[l3] ?? 0) & 15) * 4 : 40);
  return { l3, l4, version, protocol: frame[version === 4 ? l3 + 9 : l3 + 6] ?? 0 };
}

function put16(frame: Uint8Array, at: number, value: number): void {
  frame[at] = value >> 8;
  frame[at + 1] = value & 0xff;
}

/** Every checksum made anew; a UDP checksum of 0 over IPv4 means none. */
function finished(given: Uint8Array): Uint8Array {
  const frame = given.slice();
  const { l3, l4, version, protocol } = layersOf(frame);
  if (version === 4) {
    put16(frame, l3 + 10, 0);
    put16(frame, l3 + 10, ~naiveSum(frame.slice(l3, l4)) & 0xffff);
  }
  const field = l4 + (protocol === 6 ? 16 : 6);
  if (protocol === 17 && frame[field] === 0 && frame[field + 1] === 0) return frame;
  const addresses = version === 4 ? frame.slice(l3 + 12, l3 + 20) : frame.slice(l3 + 8, l3 + 40);
  const length = frame.length - l4;
  put16(frame, field, 0);
  const pseudo = concat(
    addresses,
    Uint8Array.of(0, length >> 16, (length >> 8) & 255, length & 255, 0, 0, 0, protocol),
  );
  const checksum = ~naiveSum(concat(pseudo, frame.slice(l4))) & 0xffff;
  put16(frame, field, checksum === 0 && protocol === 17 ? 0xffff : checksum);
  return frame;
}

/** One word of a header that every frame here has. */
function word(header: number, base: (layers: Layers) => number, offset: number, mask: number, value: number): Step {
  return {
    action: pedit(header, offset, mask, value),
    model: (given) => {
      const frame = given.slice();
      const view = new DataView(frame.buffer);
      const at = base(layersOf(frame)) + offset;
      view.setInt32(at, (view.getInt32(at) & mask) ^ value);
      return frame;
    },
  };
}

function push(id: number, tpid: number): Step {
  return {
    action: vlanPush(id, tpid),
    model: (frame) =>
      concat(frame.slice(0, 12), Uint8Array.of(tpid >> 8, tpid & 255, id >> 8, id & 255), frame.slice(12)),
  };
}

const pop: Step = {
  action: vlanPop(),
  model: (frame) => (isTag(frame, 12) ? concat(frame.slice(0, 12), frame.slice(16)) : frame),
};

const bits = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/** Edits of a frame with these layers, none of which changes what its layers are. */
function editOf({ version, protocol }: FrameSpec): fc.Arbitrary<Step> {
  const l3 = ({ l3 }: Layers): number => l3;
  const l4 = ({ l4 }: Layers): number => l4;
  const header = protocol === 'tcp' ? PeditHeader.TCP : PeditHeader.UDP;
  const ip = version === 4 ? PeditHeader.IP4 : PeditHeader.IP6;
  const addresses = version === 4 ? [12, 16] : [8, 12, 20, 24, 36];
  return fc.oneof(
    fc.tuple(fc.constantFrom(...addresses), bits).map(([offset, value]) => word(ip, l3, offset, 0, value)),
    fc
      .tuple(fc.constantFrom(...addresses), bits)
      .map(([offset, value]) => word(PeditHeader.NETWORK, l3, offset, 0xffff, value & ~0xffff)),
    bits.map((value) => word(header, l4, 0, 0, value)),
    // TTL or hop limit; traffic class or TOS.
    bits.map((value) =>
      version === 4 ? word(ip, l3, 8, 0x00ffffff, value & ~0xffffff) : word(ip, l3, 4, ~0xff, value & 0xff),
    ),
    bits.map((value) =>
      word(ip, l3, 0, version === 4 ? ~0xff0000 : ~0xff00000, value & (version === 4 ? 0xff0000 : 0xff00000)),
    ),
    bits.map((value) => word(PeditHeader.ETH, () => 0, 4, 0, value)),
    // Inverts the bits of the value.
    bits.map((value) => word(header, l4, 0, -1, value)),
    fc.tuple(fc.integer({ min: 0, max: 4094 }), fc.constantFrom(0x8100, 0x88a8)).map(([id, tpid]) => push(id, tpid)),
    fc.constant(pop),
  );
}

const frameSpec: fc.Arbitrary<Partial<FrameSpec>> = fc
  .record({
    version: fc.constantFrom(4 as const, 6 as const),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    vlans: fc.constantFrom([], [], [0x8100]),
    unfinished: fc.boolean(),
    noChecksum: fc.constantFrom(false, false, true),
    ipOptions: fc.constantFrom('', '01010101'),
    size: fc.constantFrom(1, 2, 99, 700, 1301),
  })
  .map(({ size, noChecksum, ...rest }) => ({
    ...rest,
    payload: noise(size, size),
    ipOptions: rest.version === 4 ? rest.ipOptions : '',
    noChecksum: noChecksum && rest.protocol === 'udp' && rest.version === 4 && !rest.unfinished,
  }));

/** No more than two tags at any time: behind three nothing has layers. */
function withinTags(frame: Uint8Array, steps: readonly Step[]): boolean {
  let now = frame;
  return steps.every(({ model }) => {
    now = model(now);
    return layersOf(now).l3 <= 22;
  });
}

const rounds = (spec: Partial<FrameSpec>): fc.Arbitrary<Step[][]> =>
  fc.array(fc.array(editOf({ ...spec } as FrameSpec), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 });

/** Edits in rounds; behind each the checksums are made, and a copy goes to TAP0; the frame itself goes to TAP1. */
function actionsOf(edits: readonly Step[][]): Action[] {
  const each = edits.flatMap((steps) => [...steps.map(({ action }) => action), csum(ALL_CHECKSUMS), mirror(TAP0)]);
  return [mirror(TAP0), ...each, unset(), redirect(TAP1)];
}

/** The frame at the beginning, and behind each round. */
function states(frame: Uint8Array, edits: readonly Step[][]): Uint8Array[] {
  const all = [frame];
  for (const steps of edits) all.push(steps.reduce((now, { model }) => model(now), all.at(-1) ?? frame));
  return all;
}

const hexOf = (frames: readonly Uint8Array[]): string[] => frames.map((bytes) => Buffer.from(bytes).toString('hex'));

for (const from of ['the host', 'a peer'] as const) {
  test(`frames of ${from} leave as a model edits them, and copies as they were when they were taken`, (t) => {
    let runs = 0;
    fc.assert(
      fc.property(
        frameSpec.chain((spec) => fc.tuple(fc.constant(spec), rounds(spec))),
        ([spec, edits]) => {
          const frame = buildFrame(spec);
          if (!withinTags(frame, edits.flat())) return;
          runs++;
          const harness = new Harness({ offloads: 0 });
          const device = from === 'the host' ? TAP0 : VXLAN0;
          harness.use([{ device, actions: actionsOf(edits) }]);
          const { l4 } = layersOf(frame);
          const checksum = { start: l4, offset: spec.protocol === 'tcp' ? 16 : 6 };
          if (device === VXLAN0) harness.receive(vxlan(4, frame), vxlan(4, frame));
          else harness.send(TAP0, ...[1, 2].map(() => (spec.unfinished ? { bytes: frame, checksum } : frame)));
          const expected = states(frame, edits).map(finished);
          const last = expected.at(-1) ?? frame;
          t.deepEqual(hexOf(harness.tap1.written.map(({ bytes }) => bytes)), hexOf([last, last]));
          t.deepEqual(hexOf(harness.tap0.written.map(({ bytes }) => bytes)), hexOf([...expected, ...expected]));
        },
      ),
      { seed: 41, numRuns: 400, includeErrorInReport: true },
    );
    t.true(runs > 150, `${runs}`);
  });
}

test('super-frames are cut into the segments of what a model makes of them', (t) => {
  let runs = 0;
  fc.assert(
    fc.property(
      frameSpec.chain((spec) => fc.tuple(fc.constant(spec), rounds(spec), fc.constantFrom(1000, 1398))),
      ([given, edits, size]) => {
        const spec: Partial<FrameSpec> = { ...given, ipOptions: '', unfinished: true, payload: noise(4210, size) };
        const frame = buildFrame(spec);
        if (!withinTags(frame, edits.flat())) return;
        runs++;
        const harness = new Harness({ offloads: 0 });
        harness.use([{ device: TAP0, actions: actionsOf(edits) }]);
        const checksum = { start: layersOf(frame).l4, offset: spec.protocol === 'tcp' ? 16 : 6 };
        const type = spec.protocol === 'udp' ? 5 : spec.version === 4 ? 1 : 4;
        harness.send(TAP0, { bytes: frame, checksum, gso: { type, size } });
        const expected = states(frame, edits).map((state) => slowSegments(finished(state), size));
        t.deepEqual(hexOf(harness.tap1.written.map(({ bytes }) => bytes)), hexOf(expected.at(-1) ?? []));
        t.deepEqual(hexOf(harness.tap0.written.map(({ bytes }) => bytes)), hexOf(expected.flat()));
      },
    ),
    { seed: 42, numRuns: 120, includeErrorInReport: true },
  );
  t.true(runs > 50, `${runs}`);
});

test('what goes into the tunnel is what a model makes of it', (t) => {
  fc.assert(
    fc.property(
      frameSpec.chain((spec) => fc.tuple(fc.constant(spec), rounds(spec))),
      ([spec, edits]) => {
        const frame = buildFrame({ ...spec, unfinished: true, noChecksum: false });
        if (!withinTags(frame, edits.flat())) return;
        const harness = new Harness();
        const steps = edits.flatMap((each) => each.map(({ action }) => action));
        // A part of it at the egress of the tunnel device.
        const half = steps.length >> 1;
        harness.use([
          { device: TAP0, actions: [...steps.slice(0, half), set(0), redirect(VXLAN0)] },
          { device: VXLAN0, hook: AT_EGRESS, actions: [...steps.slice(half), csum(ALL_CHECKSUMS)] },
        ]);
        const checksum = { start: layersOf(frame).l4, offset: spec.protocol === 'tcp' ? 16 : 6 };
        harness.send(TAP0, { bytes: frame, checksum });
        const sent = harness.underlay0.sent.map(({ bytes }) => bytes.slice(8));
        t.deepEqual(hexOf(sent), hexOf([finished(states(frame, edits).at(-1) ?? frame)]));
      },
    ),
    { seed: 43, numRuns: 200, includeErrorInReport: true },
  );
});

test('every frame of a bundle takes two tags, and its neighbours stay whole', (t) => {
  const harness = new Harness({ offloads: 0 });
  harness.use([{ device: VXLAN0, actions: [vlanPush(5), vlanPush(6, 0x88a8), redirect(TAP0)] }]);
  const frames = [1, 2, 3, 4].map((n) => buildFrame({ protocol: 'udp', payload: noise(100, n), id: n }));
  const datagrams = frames.map((frame) => vxlan(4, frame));
  harness.receive({ bytes: concat(...datagrams), segmentSize: datagrams[0]?.length ?? 0 });
  const tagged = frames.map((frame) => push(6, 0x88a8).model(push(5, 0x8100).model(frame)));
  t.deepEqual(hexOf(harness.tap0.written.map(({ bytes }) => bytes)), hexOf(tagged));
});

test('copies have room for as much as a batch brings, and what is beyond is dropped by name', (t) => {
  const harness = new Harness({ offloads: 0 });
  const big = buildFrame({ payload: noise(60_000, 1), unfinished: true });
  harness.use([
    {
      device: TAP0,
      // Each rewriting behind a mirror takes another copy: five of them, of 16 frames, are more than 4 MiB.
      actions: [...[1, 2, 3, 4, 5].flatMap((n) => [mirror(TAP1), pedit(PeditHeader.ETH, 0, 0, n)]), gact(Verdict.SHOT)],
    },
  ]);
  const host = { bytes: big, checksum: { start: 34, offset: 16 }, gso: { type: 1, size: 1398 } };
  harness.send(TAP0, ...new Array(16).fill(host));
  const lost = harness.reasons(TAP0)['rewrite-no-room'] ?? 0;
  t.true(lost > 0);
  t.is(lost + (harness.reasons(TAP0)['action-drop'] ?? 0), 16 * Math.ceil(60_000 / 1398));
  harness.send(TAP0, host);
  t.is(harness.reasons(TAP0)['rewrite-no-room'], lost, 'the next batch has room again');
});

test('a mirror through the filters of another device leaves the frame itself as it was', (t) => {
  const harness = new Harness({ offloads: 0 });
  const frame = buildFrame({ protocol: 'udp', payload: noise(50, 3) });
  harness.use([
    { device: VXLAN0, pref: 1, actions: [mirror(TAP1), gact(Verdict.CONTINUE)] },
    {
      device: TAP1,
      hook: AT_EGRESS,
      actions: [vlanPush(7), pedit(PeditHeader.ETH, 0, 0, 0x0a0b0c0d), gact(Verdict.OK)],
    },
    // Looked up by the key of the frame, not by that of its copy.
    { device: VXLAN0, pref: 2, protocol: 0x0800, match: { 28: 0, 0: 100 + VXLAN0 }, actions: [redirect(TAP0)] },
  ]);
  harness.receive(vxlan(4, frame));
  t.deepEqual(hexOf(harness.tap0.written.map(({ bytes }) => bytes)), hexOf([frame]));
  const tagged = push(7, 0x8100).model(frame);
  tagged.set([0x0a, 0x0b, 0x0c, 0x0d]);
  t.deepEqual(hexOf(harness.tap1.written.map(({ bytes }) => bytes)), hexOf([tagged]));
});
