// What a worker has in hand when it dies is counted: an engine in which something throws.
import test from 'ava';
import { KeyWord } from '../classifier/flow-key.js';
import type { FramePort, Underlay } from '../io/device.js';
import { buildFrame, concat, noise } from '../offload/test-frames.js';
import {
  gact,
  Harness,
  type HookRule,
  redirect,
  set,
  TAP0,
  TAP1,
  unset,
  VXLAN0,
  vxlan,
} from './harness.test.helper.js';

/** A rule whose counters were never made stands at this place and behind it: its first action throws. */
const UNCOUNTED = 128;
const DEADLY_PORT = 6666;

const frame = (n: number, sourcePort = 2000 + n): Uint8Array =>
  buildFrame({ protocol: 'udp', payload: noise(100, n), sourcePort });
const deadly = (n: number): Uint8Array => frame(n, DEADLY_PORT);

/** A TAP and a tunnel, in which frames from DEADLY_PORT throw; and what else is wrapped around its devices. */
function endpoint(options: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = new Harness(options);
  const never: HookRule = { device: TAP1, actions: [] };
  const match = { [KeyWord.SRC_PORT]: DEADLY_PORT };
  harness.use([
    { device: TAP0, pref: 2, actions: [set(0), redirect(VXLAN0)] },
    { device: VXLAN0, pref: 2, actions: [unset(), redirect(TAP0)] },
    ...new Array<HookRule>(UNCOUNTED - 2).fill(never).map((rule, n) => ({ ...rule, pref: n + 1 })),
    { device: TAP0, pref: 1, match, actions: [gact(0)] },
    { device: VXLAN0, pref: 1, match, actions: [gact(0)] },
  ]);
  return harness;
}

const lost = (harness: Harness): number[] => [VXLAN0, TAP0].map((device) => harness.reason(device, 'worker-died'));

test('of a batch from the tunnel, what was classified and what was not looked at any more', (t) => {
  const harness = endpoint();
  const datagrams = [frame(1), frame(2), deadly(3), frame(4), frame(5)].map((inner) => ({ bytes: vxlan(4, inner) }));
  t.throws(() => harness.receive(...datagrams), { instanceOf: TypeError });
  harness.engine.abandon();
  t.is(harness.tap0.written.length, 0);
  t.deepEqual(lost(harness), [3, 2], 'three not beyond the ingress, two on their way to the TAP');
  t.is(harness.device(VXLAN0, 'RX_DROPPED'), 3);
  t.is(harness.device(TAP0, 'TX_DROPPED'), 2);
});

test('of a bundle, those behind the one that was looked at, and it', (t) => {
  const harness = endpoint();
  harness.engine.setTrains(false);
  const parts = [frame(1), frame(2), deadly(3), frame(4), frame(5), frame(6)].map((inner) => vxlan(4, inner));
  const bundle = { bytes: concat(...parts), segmentSize: parts[0]?.length ?? 0 };
  t.throws(() => harness.receive(bundle, vxlan(4, frame(7))), { instanceOf: TypeError });
  harness.engine.abandon();
  t.deepEqual(lost(harness), [5, 2]);
});

test('of a batch from the host, super-frames as their segments', (t) => {
  const harness = endpoint();
  const payload = noise(5000, 1);
  const big = {
    bytes: buildFrame({ payload, unfinished: true }),
    checksum: { start: 34, offset: 16 },
    gso: { type: 1, size: 1000 },
  };
  t.throws(() => harness.send(TAP0, frame(1), deadly(2), big, frame(3)), { instanceOf: TypeError });
  harness.engine.abandon();
  t.is(harness.underlay0.sent.length, 0);
  t.deepEqual(lost(harness), [1, 7]);
  t.is(harness.device(TAP0, 'RX_DROPPED'), 7);
  t.is(harness.device(VXLAN0, 'TX_DROPPED'), 1);
});

test('while queues are written, those that are not', (t) => {
  const dying = (port: FramePort): FramePort => ({
    fd: port.fd,
    short: 0,
    malformed: 0,
    read: () => 0,
    write: () => {
      throw new TypeError('a fault');
    },
  });
  const harness = endpoint({ wrapPort: (port, device) => (device === TAP0 ? dying(port) : port) });
  t.throws(() => harness.receive(...[1, 2, 3].map((n) => vxlan(4, frame(n)))), { instanceOf: TypeError });
  harness.engine.abandon();
  t.deepEqual(lost(harness), [0, 3]);
});

test('a batch that is done with is not counted by a fault behind it', (t) => {
  let isDying = false;
  const wrapUnderlay = (underlay: Underlay): Underlay => ({
    receiveFds: [],
    receive: (which, batch) => {
      if (isDying) throw new TypeError('a fault');
      return underlay.receive(which, batch);
    },
    takeOverflow: () => 0,
    send: (vector, tunnels) => underlay.send(vector, tunnels),
  });
  const harness = endpoint({ wrapUnderlay });
  harness.receive(vxlan(4, frame(1)));
  harness.send(TAP0, frame(2));
  isDying = true;
  t.throws(() => harness.receive(), { instanceOf: TypeError });
  harness.engine.abandon();
  t.deepEqual(lost(harness), [0, 0]);
  t.is(harness.tap0.written.length, 1);
});
