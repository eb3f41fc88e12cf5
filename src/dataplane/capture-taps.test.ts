// What the hooks of the datapath see: the last frames of each reason, and captures at every point.
import test from 'ava';
import { Verdict } from '../actions/program.js';
import { CapturePoint, type CaptureRecord, CaptureRing } from '../memory/capture-ring.js';
import { DROP_FRAMES, FrameKind } from '../memory/drop-ring.js';
import { REASON } from '../memory/reasons.js';
import { TunnelWord } from '../memory/tunnel.js';
import { buildFrame } from '../offload/test-frames.js';
import type { CaptureFilter } from './capture-taps.js';
import { gact, Harness, redirect, set, TAP0, TO_PEER, unset, VXLAN0, VXLAN1, vxlan } from './harness.test.helper.js';

const FRAME = buildFrame({});
const ALL: CaptureFilter = { points: 0x3f, device: -1, vni: -1, rule: -1, reason: -1, snapLength: 2000 };

function capture(bench: Harness, filter: Partial<CaptureFilter> = {}): CaptureRing {
  const ring = new CaptureRing();
  bench.engine.setCaptures([{ filter: { ...ALL, ...filter }, ring: ring.buffer }]);
  return ring;
}

function all(ring: CaptureRing): CaptureRecord[] {
  const records: CaptureRecord[] = [];
  for (let record = ring.read(); record; record = ring.read()) records.push(record);
  return records;
}

const POINT = Object.fromEntries(Object.entries(CapturePoint).map(([name, point]) => [point, name]));

function seen(ring: CaptureRing): string[] {
  return all(ring).map(({ point, device, reason, rule }) => {
    const why =
      reason < 0 ? '' : ` ${Object.keys(REASON).find((name) => REASON[name as keyof typeof REASON] === reason)}`;
    return `${POINT[point]} ${device}${rule < 0 ? '' : ` rule ${rule}`}${why}`;
  });
}

test('the last frames of a reason are kept with tunnel and rule, no more than there is room for, the newest first', (t) => {
  const bench = new Harness();
  bench.use([{ device: VXLAN0, actions: [unset(), gact(Verdict.SHOT)] }]);
  bench.receive(vxlan(4, FRAME), vxlan(5, FRAME));
  const [newest, older, ...more] = bench.drops.read(REASON['action-drop']);
  t.is(more.length, 0);
  t.is(newest?.received?.[TunnelWord.VNI], 5);
  t.is(older?.received?.[TunnelWord.VNI], 4, 'the metadata that an action took is known all the same');
  t.like(newest, { device: VXLAN0, rule: 0, kind: FrameKind.FRAME, length: FRAME.length });
  t.deepEqual([...(newest?.bytes ?? [])], [...FRAME.subarray(0, 128)]);
  for (let n = 0; n < 100; n++) bench.receive(vxlan(n, FRAME));
  t.true(bench.drops.read(REASON['action-drop']).length <= DROP_FRAMES);
  t.is(bench.reason(VXLAN0, 'action-drop'), 102);
});

test('what ends before there is a packet is kept from the VXLAN header on, and what cannot be written too', (t) => {
  const bench = new Harness({ offloads: 0 });
  bench.receive(vxlan(4, FRAME, 0x08, 1), Uint8Array.of(1, 2, 3));
  const [reserved] = bench.drops.read(REASON['reserved-bits']);
  t.like(reserved, { kind: FrameKind.DATAGRAM, rule: -1, length: FRAME.length + 8 });
  t.is(reserved?.bytes[7], 1);
  t.deepEqual([...(bench.drops.read(REASON['short-vxlan-header'])[0]?.bytes ?? [])], [1, 2, 3]);
  bench.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  bench.engine.setPort(TAP0, null, 0);
  bench.receive(vxlan(4, FRAME));
  t.like(bench.drops.read(REASON['tap-gone'])[0], { kind: FrameKind.FRAME, rule: 0, device: TAP0 });
});

test('a packet is seen at every point of its way, with the rule that it met', (t) => {
  const bench = new Harness();
  bench.use([
    { device: VXLAN0, actions: [unset(), redirect(TAP0)] },
    { device: TAP0, actions: [set(0), redirect(VXLAN1)] },
  ]);
  const ring = capture(bench);
  bench.receive(vxlan(4, FRAME));
  t.deepEqual(seen(ring), [`UNDERLAY_IN ${VXLAN0}`, `DECAP ${VXLAN0}`, `OUT ${TAP0} rule 0`]);
  bench.send(TAP0, FRAME);
  t.deepEqual(seen(ring), [`HOST ${TAP0}`, `OUT ${VXLAN1} rule 1`, `UNDERLAY_OUT ${VXLAN1} rule 1`]);
  bench.send(TAP0, FRAME);
  const [, out, sent] = all(ring);
  t.is(out?.transmit?.[TunnelWord.VNI], 4);
  t.is(sent?.length, FRAME.length + 8);
  t.deepEqual([...(sent?.bytes.subarray(8) ?? [])], [...FRAME]);
  t.deepEqual([...(sent?.bytes.subarray(0, 8) ?? [])], [8, 0, 0, 0, 0, 0, 4, 0]);
  bench.engine.setCaptures([]);
  bench.receive(vxlan(4, FRAME));
  t.deepEqual(seen(ring), []);
});

test('captures of drops and of what was decapsulated see each datagram of a train', (t) => {
  const bench = new Harness();
  bench.use([{ device: VXLAN0, actions: [gact(Verdict.SHOT)] }]);
  const ring = capture(bench, { points: (1 << CapturePoint.DECAP) | (1 << CapturePoint.DROP) });
  const train = {
    bytes: Buffer.concat([vxlan(4, FRAME), vxlan(4, FRAME), vxlan(4, FRAME)]),
    segmentSize: FRAME.length + 8,
  };
  bench.receive(train);
  t.is(all(ring).filter(({ point }) => point === CapturePoint.DROP).length, 3);
  t.is(bench.reason(VXLAN0, 'action-drop'), 3);
  const underlay = capture(bench, { points: 1 << CapturePoint.UNDERLAY_IN });
  bench.receive(train);
  t.deepEqual(
    all(underlay).map(({ length }) => length),
    [FRAME.length + 8, FRAME.length + 8, FRAME.length + 8],
  );
});

for (const [title, filter, wanted] of [
  ['a device', { device: TAP0 }, [`OUT ${TAP0} rule 0`]],
  ['a VNI', { vni: 5 }, [`UNDERLAY_IN ${VXLAN0}`, `DECAP ${VXLAN0}`, `OUT ${TAP0} rule 0`]],
  ['another VNI', { vni: 6 }, []],
  ['a rule', { rule: 0 }, [`OUT ${TAP0} rule 0`]],
  ['another rule', { rule: 1 }, []],
  ['a point', { points: 1 << CapturePoint.DECAP }, [`DECAP ${VXLAN0}`]],
  ['a reason', { reason: REASON['no-vni-flag'] }, [`DROP ${VXLAN0} no-vni-flag`]],
  ['a reason that is none of a drop', { reason: REASON['ecn-suspicious'] }, []],
] as const) {
  test(`a capture of ${title} has that alone`, (t) => {
    const bench = new Harness();
    bench.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
    const ring = capture(bench, filter);
    bench.receive(vxlan(5, FRAME));
    if ('reason' in filter) bench.receive(vxlan(5, FRAME, 0));
    t.deepEqual(seen(ring), [...wanted]);
  });
}

test('of what is sent the ports are known that the record leaves to the underlay', (t) => {
  const bench = new Harness({
    wrapUnderlay: (underlay) => Object.assign(underlay, { sourcePort: (family: number) => 50_000 + family }),
  });
  const plain = { tos: 0, ttl: 0, df: 0, flowLabel: 0, extensions: 0, reservedHigh: 0, reservedLow: 0 };
  bench.devices.setHeaders(VXLAN1, { ...plain, port: 4790 });
  bench.use([{ device: TAP0, actions: [set(0), redirect(VXLAN1)] }], [{ ...TO_PEER, DST_PORT: 0 }]);
  const ring = capture(bench, { points: 1 << CapturePoint.UNDERLAY_OUT });
  bench.send(TAP0, FRAME);
  t.deepEqual(
    all(ring).map(({ transmit }) => [transmit?.[TunnelWord.SRC_PORT], transmit?.[TunnelWord.DST_PORT]]),
    [[50_004, 4790]],
  );
});

test('what is kept is cut to the length that was asked for, and what finds no room is lost and counted', (t) => {
  const bench = new Harness();
  bench.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  const ring = capture(bench, { snapLength: 20, points: 1 << CapturePoint.DECAP });
  bench.receive(vxlan(5, FRAME));
  const [record] = all(ring);
  t.is(record?.length, FRAME.length);
  t.deepEqual([...(record?.bytes ?? [])], [...FRAME.subarray(0, 20)]);
  const large = capture(bench, { points: 1 << CapturePoint.DECAP });
  const long = buildFrame({ payload: new Uint8Array(1300).fill(7) });
  const sent = 4000;
  for (let n = 0; n < sent; n++) bench.receive(vxlan(5, long));
  const kept = all(large).length;
  t.true(large.lost > 0);
  t.is(kept + large.lost, sent);
});
