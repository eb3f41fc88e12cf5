// Classic devices of one host whose forwarding tables lead to an address of the host itself.
import test from 'ava';
import { KeyWord } from '../classifier/flow-key.js';
import { LOCAL_BYPASS, VxlanMode } from '../devices/device-table.js';
import { FdbRecords } from '../devices/fdb-records.js';
import type { Routes } from '../io/device.js';
import { FakeUnderlay } from '../io/fake/fake-underlay.js';
import { TUNNEL_CSUM, TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { buildFrame, noise } from '../offload/test-frames.js';
import {
  Harness,
  type HookRule,
  RESERVED_HIGH,
  RESERVED_LOW,
  redirect,
  TAP0,
  VXLAN0,
  VXLAN1,
} from './harness.test.helper.js';

const OWN = Uint8Array.of(192, 168, 1, 13);
const EVERYBODY = new Uint8Array(6);
/** The source MAC of what buildFrame makes. */
const SOURCE = Uint8Array.of(0x52, 0x54, 0, 0, 0, 0x0a);

/** VXLAN0 has VNI 4, VXLAN1 VNI 5; each sends to this host, by the VNI given. */
function twoDevices(vnis: readonly [number, number], isLocal: boolean, rules: readonly HookRule[] = []) {
  const fdb = new FdbRecords();
  const harness = new Harness({ fdb: fdb.buffer });
  const routes: Routes = { mtu: 1500, device: 0, local: isLocal, source: new Int32Array(4), ask: () => true };
  harness.engine.setRoutes(routes);
  const underlay = new FakeUnderlay(harness.arena);
  harness.engine.underlays.open(0, underlay);
  harness.engine.underlays.serve(0, VXLAN0, Int32Array.of(4, VXLAN0, -1, 5, VXLAN1, -1));
  for (const [n, device] of [VXLAN0, VXLAN1].entries()) {
    harness.devices.setHeaders(device, {
      tos: 0,
      ttl: 0,
      df: 0,
      flowLabel: 0,
      extensions: LOCAL_BYPASS,
      port: 4789,
      reservedHigh: RESERVED_HIGH,
      reservedLow: RESERVED_LOW,
    });
    harness.devices.setVxlan(device, VxlanMode.CLASSIC | VxlanMode.LEARN, 4 + n);
    harness.engine.underlays.use(device, 0);
    const defaults = new Int32Array(TUNNEL_WORDS);
    defaults[TunnelWord.FLAGS] = TUNNEL_KEY | TUNNEL_CSUM;
    defaults[TunnelWord.VNI] = 4 + n;
    fdb.setDevice(device, 0, defaults);
    fdb.setOpen(device, true);
    const key = { device, mac: EVERYBODY, vni: 4 + n };
    fdb.insert(key, 0x80, 0, { address: OWN, port: 0, vni: vnis[n] ?? 0, ifindex: 0 });
  }
  harness.use(rules);
  return { harness, fdb, underlay };
}

const frame = (): Uint8Array => buildFrame({ payload: noise(100, 1) });

test('a frame for this host comes in at the device there, and its source is learned from the loopback address', (t) => {
  const rules = [{ device: VXLAN1, match: { [KeyWord.ENC_KEY_ID]: 0 }, actions: [redirect(TAP0)] }];
  const { harness, fdb, underlay } = twoDevices([5, 4], true, rules);
  harness.send(VXLAN0, frame());
  t.deepEqual(underlay.sent, []);
  t.deepEqual(
    harness.tap0.written.map(({ bytes }) => bytes),
    [frame()],
  );
  t.is(harness.device(VXLAN0, 'TX_PACKETS'), 1);
  t.is(harness.device(VXLAN1, 'RX_PACKETS'), 1);
  const learned = fdb.get({ device: VXLAN1, mac: SOURCE, vni: 5 });
  t.deepEqual(learned?.remotes[0]?.address, Uint8Array.of(127, 0, 0, 1));
});

test('a super-frame with an unfinished checksum stays one', (t) => {
  const { harness } = twoDevices([5, 4], true, [{ device: VXLAN1, actions: [redirect(TAP0)] }]);
  const bytes = buildFrame({ payload: noise(5000, 1), unfinished: true });
  harness.send(VXLAN0, { bytes, checksum: { start: 34, offset: 16 }, gso: { type: 1, size: 1000 } });
  t.deepEqual(
    harness.tap0.written.map((each) => [each.bytes.length, each.segments]),
    [[bytes.length, 5]],
  );
});

test('an address of somebody else is sent to', (t) => {
  const { harness, underlay } = twoDevices([5, 4], false);
  harness.send(VXLAN0, frame());
  t.is(underlay.sent.length, 1);
});

test('a VNI that nobody here takes is an error of transmission', (t) => {
  const { harness, underlay } = twoDevices([9, 4], true);
  harness.send(VXLAN0, frame());
  t.deepEqual(underlay.sent, []);
  t.deepEqual(harness.reasons(VXLAN0), { 'no-local-vni': 1 });
  t.is(harness.device(VXLAN0, 'TX_ERRORS'), 1);
});

test('a device that is down drops what comes the short way', (t) => {
  const { harness } = twoDevices([5, 4], true);
  harness.devices.setUp(VXLAN1, false);
  harness.send(VXLAN0, frame());
  t.deepEqual(harness.reasons(VXLAN1), { 'device-down': 1 });
});

test('what goes round between two devices is dropped after a few rounds', (t) => {
  const { harness } = twoDevices([5, 4], true, [
    { device: VXLAN1, actions: [redirect(VXLAN1)] },
    { device: VXLAN0, actions: [redirect(VXLAN0)] },
  ]);
  harness.send(VXLAN0, frame());
  t.is(harness.reason(VXLAN0, 'local-loop') + harness.reason(VXLAN1, 'local-loop'), 1);
  harness.send(VXLAN0, frame());
  t.is(harness.reason(VXLAN0, 'local-loop') + harness.reason(VXLAN1, 'local-loop'), 2);
});
