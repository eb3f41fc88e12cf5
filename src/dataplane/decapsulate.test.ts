import test from 'ava';
import { Verdict } from '../actions/program.js';
import { KeyWord } from '../classifier/flow-key.js';
import type { NetworkDatagram } from '../io/fake/fake-underlay.js';
import type { DeviceCounter } from '../memory/counters.js';
import { GSO_UDP_L4 } from '../memory/packets.js';
import type { ReasonName } from '../memory/reasons.js';
import { buildFrame, concat, hex, noise } from '../offload/test-frames.js';
import { gact, Harness, RESERVED_HIGH, redirect, TAP0, unset, VXLAN0, VXLAN1, vxlan } from './harness.test.helper.js';

const FRAME = buildFrame({ payload: noise(40, 1) });
/** dst 52:54:00:00:00:0b, src 52:54:00:00:00:0a, then the EtherType. */
const MACS = '52540000000b 52540000000a';

type Counts = Partial<Record<keyof typeof DeviceCounter, number>>;

interface Case {
  readonly title: string;
  readonly datagrams: readonly (Uint8Array | NetworkDatagram)[];
  readonly reason: ReasonName;
  readonly counts: Counts;
}

const dropped = (n: number): Counts => ({ RX_DROPPED: n, RX_ERRORS: 0 });
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const CASES: readonly Case[] = [
  {
    title: 'a payload of 0 to 7 bytes',
    datagrams: range(8).map((length) => vxlan(4, FRAME).slice(0, length)),
    reason: 'short-vxlan-header',
    counts: dropped(8),
  },
  {
    title: 'a header without the I flag, whatever else is wrong',
    datagrams: [vxlan(4, FRAME, 0), vxlan(4, FRAME, 0xf7, 0xff), vxlan(4, hex(''), 0)],
    reason: 'no-vni-flag',
    counts: dropped(3),
  },
  {
    title: 'each reserved bit',
    datagrams: [
      ...[0, 1, 2, 4, 5, 6, 7].map((bit) => vxlan(4, FRAME, 0x08 | (1 << bit))),
      ...range(24).map((bit) => {
        const datagram = vxlan(4, FRAME);
        datagram[1 + (bit >> 3)] |= 1 << (bit & 7);
        return datagram;
      }),
      ...range(8).map((bit) => vxlan(4, FRAME, 0x08, 1 << bit)),
    ],
    reason: 'reserved-bits',
    counts: { RX_ERRORS: 39, RX_FRAME_ERRORS: 39, RX_LENGTH_ERRORS: 0, RX_DROPPED: 0 },
  },
  {
    title: 'reserved bits before a frame that is missing',
    datagrams: [vxlan(4, hex(''), 0x09)],
    reason: 'reserved-bits',
    counts: { RX_ERRORS: 1, RX_FRAME_ERRORS: 1 },
  },
  { title: 'a header and no frame', datagrams: [vxlan(4, hex(''))], reason: 'no-inner-frame', counts: dropped(1) },
  {
    title: 'an inner frame of 1 to 13 bytes',
    datagrams: range(13).map((n) => vxlan(4, FRAME.slice(0, n + 1))),
    reason: 'short-inner-frame',
    counts: dropped(13),
  },
  {
    title: "an inner source MAC that is the device's own",
    datagrams: [vxlan(4, hex(`52540000000b 020000000001 0800 45`))],
    reason: 'own-source-mac',
    counts: dropped(1),
  },
  {
    title: 'an inner IPv4 header of 0 to 19 bytes',
    datagrams: range(20).map((n) => vxlan(4, FRAME.slice(0, 14 + n))),
    reason: 'short-inner-ip',
    counts: { RX_ERRORS: 20, RX_LENGTH_ERRORS: 20, RX_FRAME_ERRORS: 0, RX_DROPPED: 0 },
  },
  {
    title: 'an inner IPv6 header of 0 to 39 bytes',
    datagrams: range(40).map((n) => vxlan(4, concat(hex(`${MACS} 86dd`), new Uint8Array(n).fill(0x60)))),
    reason: 'short-inner-ip',
    counts: { RX_ERRORS: 40, RX_LENGTH_ERRORS: 40 },
  },
  {
    title: 'a datagram that was cut',
    datagrams: [{ bytes: vxlan(4, FRAME), truncated: true }],
    reason: 'truncated-datagram',
    counts: dropped(1),
  },
];

for (const { title, datagrams, reason, counts } of CASES) {
  test(`${title} is dropped as ${reason}, and the frame behind it passes`, (t) => {
    const harness = new Harness();
    harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
    harness.receive(...datagrams, vxlan(4, FRAME));
    t.deepEqual(harness.reasons(VXLAN0), { [reason]: datagrams.length });
    for (const [name, count] of Object.entries(counts))
      t.is(harness.device(VXLAN0, name as keyof typeof DeviceCounter), count, name);
    t.is(harness.device(VXLAN0, 'RX_PACKETS'), 1);
    t.deepEqual(
      harness.tap0.written.map((each) => each.bytes),
      [FRAME],
    );
    t.deepEqual(harness.face.written, []);
  });
}

test('a frame of exactly 14 bytes passes, at the edge of a VNI too', (t) => {
  const harness = new Harness();
  const frame = hex(`${MACS} 88b5`);
  harness.use(
    [0, 2 ** 24 - 1].map((vni, n) => ({
      device: VXLAN0,
      pref: n + 1,
      match: { [KeyWord.ENC_KEY_ID]: vni },
      actions: [unset(), redirect(TAP0)],
    })),
  );
  harness.receive(vxlan(0, frame), vxlan(2 ** 24 - 1, frame), vxlan(1, frame));
  t.deepEqual(
    harness.tap0.written.map((each) => each.bytes),
    [frame, frame],
  );
  t.deepEqual(
    [harness.action(0, 1), harness.action(1, 1)],
    [
      [1, 0, 0, 0],
      [1, 0, 0, 0],
    ],
  );
  t.deepEqual(harness.reasons(VXLAN0), { unmatched: 1 });
});

test('reserved_bits of the device says which reserved bits are refused', (t) => {
  const harness = new Harness();
  harness.use([{ device: VXLAN0, actions: [redirect(TAP0)] }]);
  harness.devices.setReservedBits(VXLAN0, RESERVED_HIGH & ~0x01000000, 0);
  harness.receive(vxlan(4, FRAME, 0x09), vxlan(4, FRAME, 0x08, 0xff), vxlan(4, FRAME, 0x0a));
  t.is(harness.tap0.written.length, 2);
  t.deepEqual(harness.reasons(VXLAN0), { 'reserved-bits': 1 });
});

test('a device that is down drops what is sound, and counts what is not under its own reason first', (t) => {
  const harness = new Harness();
  harness.devices.setUp(VXLAN0, false);
  harness.receive(vxlan(4, FRAME), vxlan(4, FRAME, 0), vxlan(4, FRAME.slice(0, 20)));
  t.deepEqual(harness.reasons(VXLAN0), { 'no-vni-flag': 1, 'short-inner-ip': 1, 'device-down': 1 });
  t.is(harness.device(VXLAN0, 'RX_PACKETS'), 0);
  t.is(harness.device(VXLAN0, 'RX_DROPPED'), 2);
});

test('a socket whose device is gone knows no VNI', (t) => {
  const harness = new Harness();
  harness.devices.remove(VXLAN0);
  harness.receive(vxlan(4, FRAME));
  t.deepEqual(harness.reasons(VXLAN0), { 'unknown-vni': 1 });
});

/** A rule for each VNI, to the TAP; and the VNIs in the order in which frames matched. */
function vniHarness(vnis: readonly number[]): Harness {
  const harness = new Harness();
  harness.engine.setCoalescing(false);
  harness.use(
    vnis.map((vni, n) => ({
      device: VXLAN0,
      pref: n + 1,
      match: { [KeyWord.ENC_KEY_ID]: vni, [KeyWord.ENC_SRC_IP]: 7 },
      actions: [unset(), redirect(TAP0)],
    })),
  );
  return harness;
}

function bundle(vnis: readonly number[], frames: readonly Uint8Array[]): NetworkDatagram {
  const datagrams = vnis.map((vni, n) => vxlan(vni, frames[n] ?? FRAME));
  return { bytes: concat(...datagrams), segmentSize: datagrams[0]?.length ?? 0, tunnel: { SRC_IP: 7 } };
}

test('every datagram of a bundle has the VNI of its own header, in whatever order they come', (t) => {
  const order = [4, 5, 4, 6, 5, 6, 4, 7];
  const harness = vniHarness([4, 5, 6]);
  const frames = order.map((_, n) => buildFrame({ payload: noise(40, n), sequence: n * 40 }));
  harness.receive(bundle(order, frames), { bytes: vxlan(5, FRAME), tunnel: { SRC_IP: 8 } });
  t.deepEqual(
    harness.tap0.written.map((each) => each.bytes),
    frames.slice(0, 7),
  );
  t.deepEqual(
    [0, 1, 2].map((rule) => harness.action(rule, 0)[0]),
    [3, 2, 2],
  );
  t.deepEqual(harness.reasons(VXLAN0), { unmatched: 2 });
  t.is(harness.face.written.length, 2);
});

test('metadata is that of the message the datagram came in, in this batch and the next', (t) => {
  const harness = vniHarness([4, 5]);
  const stranger = { ...bundle([4, 5], []), tunnel: { SRC_IP: 8 } };
  harness.receive(bundle([4, 5], []), stranger);
  t.deepEqual([harness.action(0, 0)[0], harness.action(1, 0)[0]], [1, 1]);
  t.deepEqual(harness.reasons(VXLAN0), { unmatched: 2 });
  harness.receive(bundle([4, 4], []));
  harness.receive(stranger);
  t.deepEqual([harness.action(0, 0)[0], harness.action(1, 0)[0]], [3, 1]);
  t.deepEqual(harness.reasons(VXLAN0), { unmatched: 4 });
});

test('the last datagram of a bundle may be shorter, and too short', (t) => {
  const harness = vniHarness([4]);
  const short = vxlan(4, FRAME.slice(0, 60));
  const whole = vxlan(4, FRAME);
  harness.receive({ bytes: concat(whole, short), segmentSize: whole.length, tunnel: { SRC_IP: 7 } });
  harness.receive({ bytes: concat(whole, whole.slice(0, 7)), segmentSize: whole.length, tunnel: { SRC_IP: 7 } });
  t.is(harness.action(0, 0)[0], 3);
  t.deepEqual(harness.reasons(VXLAN0), { 'short-vxlan-header': 1 });
});

test('bundles of many small datagrams run out of no descriptors and no tunnel records', (t) => {
  const vnis = [4, 5, 6];
  const harness = vniHarness(vnis);
  const frame = hex(`${MACS} 88b5`);
  // 2,900 datagrams of 22 bytes with a new VNI each: a record of its own for almost every one.
  const order = Array.from({ length: 2900 }, (_, n) => vnis[n % 3] ?? 0);
  const frames = order.map(() => frame);
  for (let m = 0; m < 4; m++) harness.underlay0.incoming[0]?.push(bundle(order, frames));
  harness.receive();
  t.is(harness.tap0.written.length, 4 * 2900);
  t.deepEqual(
    [0, 1, 2].map((rule) => harness.action(rule, 0)[0]),
    [3868, 3868, 3864],
  );
  t.deepEqual(harness.reasons(VXLAN0), {});
});

for (const [kind, spec] of Object.entries({
  'over IPv4': { version: 4 as const },
  'over IPv6': { version: 6 as const },
  'with a VLAN tag': { version: 4 as const, vlans: [5] },
  'over IPv6 with two VLAN tags': { version: 6 as const, vlans: [5, 6] },
})) {
  test(`an inner UDP super-frame ${kind} that looks like a bundle is one frame`, (t) => {
    // Every 1,000 bytes its payload looks like a VXLAN datagram with another VNI.
    const payload = concat(...Array.from({ length: 3000 / 8 }, () => Uint8Array.of(0x08, 0, 0, 0, 0, 0, 5, 0)));
    const frame = buildFrame({ ...spec, protocol: 'udp', payload, unfinished: true });
    const harness = new Harness({ offloads: 0xff & ~32 });
    harness.use([
      { device: VXLAN0, match: { [KeyWord.ENC_KEY_ID]: 4 }, actions: [unset(), redirect(TAP0)] },
      { device: VXLAN0, pref: 2, actions: [gact(Verdict.SHOT)] },
    ]);
    harness.receive({ bytes: vxlan(4, frame), segmentSize: 1000 });
    t.deepEqual(harness.reasons(VXLAN0), {});
    t.is(harness.tap0.written.length, 1);
    const [written] = harness.tap0.written;
    t.deepEqual(written?.bytes, frame);
    t.is(written?.vnetHeader[1], GSO_UDP_L4);
    t.is(Buffer.from(written?.vnetHeader ?? []).readUInt16LE(4), 1000);
    const headers = 'vlans' in spec ? 14 + 4 : 14;
    t.deepEqual(harness.action(0, 0).slice(0, 2), [3, frame.length - headers]);
    t.is(harness.device(VXLAN0, 'RX_PACKETS'), 3);
  });
}

test('a TCP frame inside of what looks like a bundle is no UDP super-frame', (t) => {
  const frame = buildFrame({ payload: noise(3000, 1), unfinished: true });
  const harness = new Harness({ offloads: 0xff & ~32 });
  harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  harness.receive({ bytes: vxlan(4, frame), segmentSize: 1000 });
  t.deepEqual(
    harness.tap0.written.map((each) => [each.vnetHeader[1], each.bytes.length, each.segments]),
    [[1, frame.length, 3]],
  );
});

for (const [where, length] of [
  ['into the next datagram', FRAME.length - 14 + 50],
  ['beyond the bundle', 0xff00],
] as const) {
  test(`an inner IP length that reaches ${where} makes no super-frame of a bundle`, (t) => {
    const harness = vniHarness([4]);
    const lying = FRAME.slice();
    lying[16] = length >> 8;
    lying[17] = length & 0xff;
    harness.receive(bundle([4, 4], [lying, FRAME]));
    t.deepEqual(
      harness.tap0.written.map((each) => each.bytes),
      [lying, FRAME],
    );
  });
}

test('frames that the socket lost are counted, and an error of the socket is no frame', (t) => {
  const harness = new Harness();
  harness.underlay0.overflow = 7;
  t.is(harness.engine.serviceUnderlay(VXLAN0, 0), 0);
  t.is(harness.engine.serviceUnderlay(VXLAN0, 0), 0);
  t.true(harness.engine.serviceUnderlay(VXLAN0, 5) < 0);
  t.deepEqual(harness.reasons(VXLAN0), { 'socket-overflow': 7, 'receive-error': 1 });
  t.is(harness.device(VXLAN0, 'RX_DROPPED'), 7);
  t.is(harness.engine.serviceUnderlay(TAP0, 0), 0);
  t.is(harness.engine.servicePort(VXLAN1), 0);
});
