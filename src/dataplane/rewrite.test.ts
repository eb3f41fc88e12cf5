// What rewriting actions make of frames, against a model that edits a copy of them byte by byte and makes every
// checksum from scratch: plain frames and super-frames, finished checksums and unfinished ones, from either side, with
// mirrored copies taken on the way.
import test from 'ava';
import * as fc from 'fast-check';
import { AT_EGRESS } from '../actions/outlet.js';
import { ActionKind, CSUM_IPV4, CSUM_TCP, CSUM_UDP, PeditHeader, Verdict, VLAN_MODIFY } from '../actions/program.js';
import { segmentsOf } from '../io/fake/fake-underlay.js';
import { buildFrame, concat, type FrameSpec, naiveSum, noise } from '../offload/test-frames.js';
import { slowSegments } from '../offload/test-segments.js';
import {
  type Action,
  csum,
  gact,
  Harness,
  mirror,
  pedit,
  popEth,
  pushEth,
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

/** An edit, as actions and by the model. */
interface Step {
  readonly actions: readonly Action[];
  readonly model: (frame: Uint8Array) => Uint8Array;
  /** The checksums that it makes wrong: bits of action csum. */
  readonly spoils: number;
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

/** One word of a header that every frame here has; `spoils`: the checksums over it. */
function word(
  header: number,
  base: (layers: Layers) => number,
  offset: number,
  mask: number,
  value: number,
  spoils: number,
): Step {
  return {
    actions: [pedit(header, offset, mask, value)],
    spoils,
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
    actions: [vlanPush(id, tpid)],
    spoils: 0,
    model: (frame) =>
      concat(frame.slice(0, 12), Uint8Array.of(tpid >> 8, tpid & 255, id >> 8, id & 255), frame.slice(12)),
  };
}

const pop: Step = {
  actions: [vlanPop()],
  spoils: 0,
  model: (frame) => (isTag(frame, 12) ? concat(frame.slice(0, 12), frame.slice(16)) : frame),
};

/** The fields of the outer tag under `keep` stay. */
function modify(tpid: number, tci: number, keep: number): Step {
  return {
    actions: [{ kind: ActionKind.VLAN, control: Verdict.PIPE, a: VLAN_MODIFY, b: tpid, c: tci & ~keep, d: keep }],
    spoils: 0,
    model: (given) => {
      if (!isTag(given, 12)) return given;
      const frame = given.slice();
      const view = new DataView(frame.buffer);
      view.setUint16(12, tpid);
      view.setUint16(14, (view.getUint16(14) & keep) | (tci & ~keep));
      return frame;
    },
  };
}

/** Another Ethernet header of zeros, where there is no tag: `pop_eth` refuses those. */
const anew: Step = {
  actions: [popEth(), pushEth()],
  spoils: 0,
  model: (frame) => concat(new Uint8Array(12), frame.slice(12)),
};

const bits = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const TPIDS = [0x8100, 0x88a8];

/** Words of a header of which only some bits may change, lest the layers do: offset, those bits, checksums over them. */
type Words = readonly (readonly [offset: number, bits: number, spoils: number])[];

/** The words of every header, by the header that names their place. */
function wordsOf({ version, protocol }: FrameSpec): readonly (readonly [number, boolean, Words])[] {
  const transport = protocol === 'tcp' ? CSUM_TCP : CSUM_UDP;
  const addresses = (...offsets: number[]): Words => offsets.map((at) => [at, -1, CSUM_IPV4 | transport]);
  const ip4: Words = [
    [0, 0xff0000, CSUM_IPV4],
    // The identification, and "do not fragment".
    [4, 0xffff4000 | 0, CSUM_IPV4],
    // The checksum as well.
    [8, 0xff00ffff | 0, CSUM_IPV4],
    ...addresses(12, 16),
  ];
  // Traffic class and flow label; hop limit.
  const ip6: Words = [[0, 0x0fffffff, 0], [4, 0xff, 0], ...addresses(8, 12, 16, 20, 24, 28, 32, 36)];
  const tcp: Words = [
    [0, -1, CSUM_TCP],
    [4, -1, CSUM_TCP],
    [8, -1, CSUM_TCP],
    // All flags, the window; the checksum and the urgent pointer; an option.
    [12, 0x00ffffff, CSUM_TCP],
    [16, -1, CSUM_TCP],
    [24, -1, CSUM_TCP],
  ];
  const udp: Words = [[0, -1, CSUM_UDP]];
  const ip = version === 4 ? ip4 : ip6;
  return [
    [version === 4 ? PeditHeader.IP4 : PeditHeader.IP6, false, ip],
    [PeditHeader.NETWORK, false, ip],
    [protocol === 'tcp' ? PeditHeader.TCP : PeditHeader.UDP, true, protocol === 'tcp' ? tcp : udp],
  ];
}

/** Edits of a frame with these layers, none of which changes what its layers are. */
function editOf(spec: FrameSpec): fc.Arbitrary<Step> {
  const edits = wordsOf(spec).flatMap(([header, isTransport, words]) =>
    words.map(([offset, changeable, spoils]) =>
      fc.tuple(bits, bits, fc.boolean()).map(([value, some, all]) => {
        const changed = all ? changeable : changeable & some;
        const base = ({ l3, l4 }: Layers): number => (isTransport ? l4 : l3);
        return [
          word(header, base, offset, ~changed, value & changed, spoils),
          // Inverts bits.
          word(header, base, offset, -1, value & changed, spoils),
        ];
      }),
    ),
  );
  const ethernet = fc
    .tuple(fc.constantFrom(0, 4, 8), bits)
    .map(([offset, value]) => [word(PeditHeader.ETH, () => 0, offset, 0, value, 0)]);
  const tag = fc.tuple(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(...TPIDS));
  return fc
    .oneof(
      ...edits,
      ethernet,
      tag.map(([tci, tpid]) => [push(tci, tpid)]),
      fc.constant([pop]),
      fc.tuple(tag, fc.constantFrom(0xf000, 0x0fff, 0)).map(([[tci, tpid], keep]) => [modify(tpid, tci, keep)]),
      fc.constant([anew]),
    )
    .chain((steps) => fc.constantFrom(...steps));
}

const frameSpec: fc.Arbitrary<Partial<FrameSpec>> = fc
  .record({
    version: fc.constantFrom(4 as const, 6 as const),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    vlans: fc.constantFrom([], [], [5], [5, 6]),
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

/** No more than two tags at any time, behind three nothing has layers; and none where the Ethernet header goes. */
function withinTags(frame: Uint8Array, steps: readonly Step[]): boolean {
  let now = frame;
  return steps.every((step) => {
    if (step === anew && isTag(now, 12)) return false;
    now = step.model(now);
    return layersOf(now).l3 <= 22;
  });
}

const rounds = (spec: Partial<FrameSpec>): fc.Arbitrary<Step[][]> =>
  fc.array(fc.array(editOf({ ...spec } as FrameSpec), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 });

/**
 * Edits in rounds; behind each the checksums are made, all of them or none but those that need it, and a copy goes to
 * TAP0; the frame itself goes to TAP1.
 */
function actionsOf(edits: readonly Step[][], everyOne: boolean): Action[] {
  const each = edits.flatMap((steps) => [...editing(steps, everyOne), mirror(TAP0)]);
  return [mirror(TAP0), ...each, unset(), redirect(TAP1)];
}

function editing(steps: readonly Step[], everyOne: boolean): Action[] {
  const flags = everyOne ? ALL_CHECKSUMS : steps.reduce((all, { spoils }) => all | spoils, 0);
  return [...steps.flatMap(({ actions }) => actions), ...(flags === 0 ? [] : [csum(flags)])];
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
        frameSpec.chain((spec) => fc.tuple(fc.constant(spec), rounds(spec), fc.boolean())),
        ([spec, edits, everyOne]) => {
          const frame = buildFrame(spec);
          if (!withinTags(frame, edits.flat())) return;
          runs++;
          const harness = new Harness({ offloads: 0 });
          const device = from === 'the host' ? TAP0 : VXLAN0;
          harness.use([{ device, actions: actionsOf(edits, everyOne) }]);
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
      frameSpec.chain((spec) => fc.tuple(fc.constant(spec), rounds(spec), fc.constantFrom(1000, 1398), fc.boolean())),
      ([given, edits, size, everyOne]) => {
        const spec: Partial<FrameSpec> = { ...given, ipOptions: '', unfinished: true, payload: noise(4210, size) };
        const frame = buildFrame(spec);
        if (!withinTags(frame, edits.flat())) return;
        runs++;
        const harness = new Harness({ offloads: 0 });
        harness.use([{ device: TAP0, actions: actionsOf(edits, everyOne) }]);
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

for (const size of [0, 700, 1391]) {
  test(`what goes into the tunnel is what a model makes of it: ${size === 0 ? 'frames' : `super-frames of ${size}`}`, (t) => {
    fc.assert(
      fc.property(
        frameSpec.chain((spec) => fc.tuple(fc.constant(spec), rounds(spec))),
        ([spec, edits]) => {
          const payload = size === 0 ? spec.payload : noise(4321, size);
          const given = { ...spec, payload, unfinished: true, noChecksum: false };
          const frame = buildFrame(size === 0 ? given : { ...given, ipOptions: '' });
          if (!withinTags(frame, edits.flat())) return;
          const harness = new Harness();
          const steps = edits.flatMap((each) => each.flatMap(({ actions }) => actions));
          // A part of it at the egress of the tunnel device.
          const half = steps.length >> 1;
          harness.use([
            { device: TAP0, actions: [...steps.slice(0, half), set(0), redirect(VXLAN0)] },
            { device: VXLAN0, hook: AT_EGRESS, actions: [...steps.slice(half), csum(ALL_CHECKSUMS)] },
          ]);
          const checksum = { start: layersOf(frame).l4, offset: spec.protocol === 'tcp' ? 16 : 6 };
          const type = spec.protocol === 'udp' ? 5 : spec.version === 4 ? 1 : 4;
          harness.send(TAP0, { bytes: frame, checksum, ...(size === 0 ? {} : { gso: { type, size } }) });
          const sent = harness.underlay0.sent.flatMap((each) => segmentsOf(each).map((bytes) => bytes.slice(8)));
          const expected = finished(states(frame, edits).at(-1) ?? frame);
          t.deepEqual(hexOf(sent), hexOf(size === 0 ? [expected] : slowSegments(expected, size)));
        },
      ),
      { seed: 43, numRuns: 200, includeErrorInReport: true },
    );
  });
}

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
