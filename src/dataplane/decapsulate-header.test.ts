// What the outer header of a received datagram does to the packet: ECN, and the extensions of the VXLAN header.
import test from 'ava';
import { Verdict } from '../actions/program.js';
import { KeyWord } from '../classifier/flow-key.js';
import { EXTENSION_GBP, EXTENSION_GPE, type HeaderDefaults } from '../devices/device-table.js';
import { TUNNEL_KEY, TUNNEL_VXLAN_OPT } from '../memory/tunnel.js';
import { buildFrame, concat, hex, noise } from '../offload/test-frames.js';
import {
  gact,
  Harness,
  RESERVED_HIGH,
  RESERVED_LOW,
  redirect,
  TAP0,
  unset,
  VXLAN0,
  vxlan,
} from './harness.test.helper.js';

const FRAME = buildFrame({ payload: noise(40, 1) });
const HEADERS: HeaderDefaults = {
  tos: 0,
  ttl: 0,
  df: 0,
  flowLabel: 0,
  extensions: 0,
  port: 4789,
  reservedHigh: RESERVED_HIGH,
  reservedLow: RESERVED_LOW,
};

test('congestion marked on the outer header reaches the inner one, of a super-frame and of each of a bundle', (t) => {
  const harness = new Harness({ offloads: 0 });
  harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  const frame = buildFrame({ payload: noise(40, 1) });
  frame[15] = 0x02;
  const datagram = vxlan(4, frame);
  harness.receive({ bytes: concat(datagram, datagram), segmentSize: datagram.length, tunnel: { TOS: 0x03 } });
  t.deepEqual(
    harness.tap0.written.map(({ bytes }) => bytes[15]),
    [0x03, 0x03],
  );
  const whole = buildFrame({ payload: noise(4000, 1), unfinished: true });
  whole[15] = 0x02;
  harness.receive({ bytes: vxlan(4, whole), tunnel: { TOS: 0xff } });
  t.true(harness.tap0.written.length > 3);
  for (const { bytes } of harness.tap0.written) t.is(bytes[15], 0x03);
  t.deepEqual(harness.reasons(VXLAN0), {});
});

test('a filter sees the ECN field after decapsulation', (t) => {
  const harness = new Harness();
  harness.use([{ device: VXLAN0, match: { [KeyWord.IP_TOS]: 3 }, actions: [unset(), redirect(TAP0)] }]);
  const frame = buildFrame({});
  frame[15] = 0x01;
  harness.receive({ bytes: vxlan(4, frame), tunnel: { TOS: 3 } });
  t.is(harness.tap0.written.length, 1);
});

test('CE on the outer header of a packet without ECN drops it as a frame error, before the device is asked', (t) => {
  for (const up of [true, false]) {
    const harness = new Harness();
    harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
    harness.devices.setUp(VXLAN0, up);
    harness.receive({ bytes: vxlan(4, FRAME), tunnel: { TOS: 0x03 } });
    t.deepEqual(harness.reasons(VXLAN0), { 'ecn-not-ect-in-ce': 1 });
    t.is(harness.device(VXLAN0, 'RX_ERRORS'), 1);
    t.is(harness.device(VXLAN0, 'RX_FRAME_ERRORS'), 1);
    t.is(harness.device(VXLAN0, 'RX_DROPPED'), 0);
  }
});

test('ECT on the outer header of a packet without ECN is counted, and the packet passes as it is', (t) => {
  const harness = new Harness();
  harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  harness.receive({ bytes: vxlan(4, FRAME), tunnel: { TOS: 0x01 } }, { bytes: vxlan(4, FRAME), tunnel: { TOS: 0x02 } });
  t.deepEqual(harness.reasons(VXLAN0), { 'ecn-suspicious': 2 });
  t.deepEqual(
    harness.tap0.written.map((each) => each.bytes),
    [FRAME, FRAME],
  );
});

/** A header with a first word of one's own. */
function headed(word: number, vni: number): Uint8Array {
  const datagram = vxlan(vni, FRAME);
  new DataView(datagram.buffer).setUint32(0, word);
  return datagram;
}

test('a group policy is metadata: id and flags, each of a bundle its own', (t) => {
  const harness = new Harness();
  const policies = [0, 0x1234, 0x0048ffff, 0x00400001];
  harness.devices.setHeaders(VXLAN0, { ...HEADERS, extensions: EXTENSION_GBP, reservedHigh: 0x77000000 });
  harness.use(
    policies.map((gbp, n) => ({
      device: VXLAN0,
      pref: n + 1,
      match: { [KeyWord.ENC_GBP]: gbp, [KeyWord.ENC_FLAGS]: TUNNEL_KEY | TUNNEL_VXLAN_OPT },
      actions: [gact(Verdict.SHOT)],
    })),
  );
  const datagrams = policies.map((gbp) => headed(0x88000000 | gbp, 4));
  harness.receive({ bytes: concat(...datagrams, ...datagrams), segmentSize: datagrams[0]?.length ?? 0 });
  for (const n of policies.keys()) t.is(harness.action(n, 0)[0], 2, `policy ${n}`);
  // Bits of the extension without the G bit are ignored, and there is no policy then.
  harness.receive(headed(0x08001234, 4));
  t.deepEqual(harness.reasons(VXLAN0), { 'action-drop': 8, unmatched: 1 });
  harness.receive(headed(0x8c000001, 4));
  t.is(harness.reason(VXLAN0, 'reserved-bits'), 1);
});

test('without the extension a group policy is reserved bits', (t) => {
  const harness = new Harness();
  harness.receive(headed(0x88000001, 4));
  t.deepEqual(harness.reasons(VXLAN0), { 'reserved-bits': 1 });
});

test('of VXLAN-GPE an Ethernet payload is taken, and everything else has its reason', (t) => {
  const harness = new Harness();
  harness.devices.setHeaders(VXLAN0, {
    ...HEADERS,
    extensions: EXTENSION_GPE,
    reservedHigh: RESERVED_HIGH & ~0x350000ff,
  });
  harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  harness.receive(headed(0x0c000003, 4));
  t.is(harness.tap0.written.length, 1);
  harness.receive(headed(0x08000003, 4), headed(0x1c000003, 4), headed(0x0d000003, 4), headed(0x0c000005, 4));
  harness.receive(headed(0x0c000103, 4));
  t.deepEqual(harness.reasons(VXLAN0), { 'gpe-header': 3, 'gpe-protocol': 1, 'reserved-bits': 1 });
});

/** A VXLAN-GPE datagram with an IP packet instead of a frame. */
function bare(protocol: number, frame: Uint8Array): Uint8Array {
  const datagram = vxlan(4, frame.slice(14));
  new DataView(datagram.buffer).setUint32(0, 0x0c000000 | protocol);
  return datagram;
}

function gpeHarness(): Harness {
  const harness = new Harness({ offloads: 0 });
  const reservedHigh = RESERVED_HIGH & ~0x350000ff;
  harness.devices.setHeaders(VXLAN0, { ...HEADERS, extensions: EXTENSION_GPE, reservedHigh });
  harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  return harness;
}

test('an IP packet of VXLAN-GPE gets an Ethernet header: to the device, from nobody', (t) => {
  const harness = gpeHarness();
  const frames = ([4, 6] as const).map((version) => buildFrame({ version, payload: noise(40, 1) }));
  harness.receive(...frames.map((frame, n) => bare(n + 1, frame)));
  t.deepEqual(
    harness.tap0.written.map(({ bytes }) => bytes),
    frames.map((frame, n) => concat(hex(`020000000001 000000000000 ${n === 0 ? '0800' : '86dd'}`), frame.slice(14))),
  );
  t.is(
    harness.device(VXLAN0, 'RX_BYTES'),
    frames.reduce((sum, frame) => sum + frame.length - 14, 0),
  );
});

test('a super-frame without Ethernet header is cut as any other', (t) => {
  const harness = gpeHarness();
  harness.receive(bare(1, buildFrame({ payload: noise(4000, 1), unfinished: true })));
  t.is(harness.tap0.written.length, 3);
});

test('an IP packet of VXLAN-GPE that is cut, missing, or in a bundle has its reason', (t) => {
  const harness = gpeHarness();
  const frame = buildFrame({ payload: noise(40, 1) });
  harness.receive(bare(1, frame.slice(0, 14)), bare(1, frame.slice(0, 33)), bare(2, frame.slice(0, 53)));
  t.deepEqual(harness.reasons(VXLAN0), { 'no-inner-frame': 1, 'short-inner-ip': 2 });
  const datagram = bare(1, frame);
  harness.receive({ bytes: concat(datagram, datagram), segmentSize: datagram.length });
  t.is(harness.reason(VXLAN0, 'gpe-bundle'), 1);
  t.is(harness.tap0.written.length, 1);
});
