import test from 'ava';
import { KeyWord } from '../classifier/flow-key.js';
import { TUNNEL_KEY, TunnelWord } from '../memory/tunnel.js';
import { buildFrame, noise } from '../offload/test-frames.js';
import { Harness, redirect, set, TAP0, TAP1, TO_PEER, unset, VXLAN0, VXLAN1, vxlan } from './harness.test.helper.js';

/** A ping's size: 98 bytes, 84 without the Ethernet header. */
const PING = buildFrame({ protocol: 'udp', payload: noise(56, 1) });
/** A TCP super-frame of the host: 3 segments of 1,400 bytes and one of 10. */
const SUPER = {
  bytes: buildFrame({ payload: noise(4210, 2), unfinished: true }),
  checksum: { start: 34, offset: 16 },
  gso: { type: 1, size: 1400 },
};

test('metadata decides what leaves a vxlan device: received, none, without key, with one', (t) => {
  const harness = new Harness();
  const udp = { [KeyWord.IP_PROTO]: 17 };
  harness.use(
    [
      { device: VXLAN0, match: udp, actions: [redirect(VXLAN1)] },
      { device: VXLAN0, pref: 2, actions: [unset(), redirect(VXLAN1)] },
      { device: TAP0, actions: [set(0), redirect(VXLAN0)] },
      { device: TAP1, actions: [set(1), redirect(VXLAN0)] },
    ],
    [TO_PEER, { ...TO_PEER, FLAGS: 0, VNI: 9, DST_PORT: 8472 }],
  );
  harness.receive(vxlan(4, PING), vxlan(4, buildFrame({ payload: noise(3000, 1), unfinished: true })));
  t.deepEqual(harness.reasons(VXLAN1), { 'received-metadata': 1, 'no-tunnel-metadata': 3 });
  t.is(harness.device(VXLAN1, 'TX_DROPPED'), 4);
  t.deepEqual(harness.underlay1.sent, []);
  harness.send(TAP0, PING);
  harness.send(TAP1, PING);
  t.deepEqual(
    harness.underlay0.sent.map((each) => each.bytes),
    [vxlan(4, PING), vxlan(0, PING)],
  );
  t.deepEqual(
    harness.underlay0.sent.map(({ tunnel }) => [tunnel[TunnelWord.FLAGS] & TUNNEL_KEY, tunnel[TunnelWord.DST_PORT]]),
    [
      [TUNNEL_KEY, 4789],
      [0, 8472],
    ],
  );
  t.is(harness.device(VXLAN0, 'TX_PACKETS'), 2);
  t.is(harness.device(VXLAN0, 'TX_BYTES'), 2 * (PING.length - 14));
});

test('a frame may be relayed from one tunnel to another, or back where it came from, with metadata of its own', (t) => {
  const harness = new Harness();
  harness.use([
    { device: VXLAN0, match: { [KeyWord.ENC_KEY_ID]: 4 }, actions: [set(0), redirect(VXLAN1)] },
    { device: VXLAN0, match: { [KeyWord.ENC_KEY_ID]: 5 }, actions: [set(0), redirect(VXLAN0)] },
    { device: TAP0, actions: [redirect(TAP0)] },
  ]);
  harness.receive(vxlan(4, PING), vxlan(5, PING));
  t.deepEqual(
    [harness.underlay0, harness.underlay1].map(({ sent }) => sent.map((each) => each.bytes)),
    [[vxlan(4, PING)], [vxlan(4, PING)]],
  );
  // What goes back to the host of a TAP passes no hook again, so nothing goes round within vtep.
  harness.send(TAP0, PING);
  t.is(harness.tap0.written.length, 1);
  t.is(harness.action(2, 0)[0], 1);
});

test('what the host sends on a vxlan device without metadata is dropped as its transmit, by segments', (t) => {
  const harness = new Harness();
  harness.use([{ device: VXLAN0, actions: [redirect(TAP0)] }]);
  harness.send(VXLAN0, PING, SUPER);
  t.deepEqual(harness.reasons(VXLAN0), { 'no-tunnel-metadata': 5 });
  t.deepEqual([harness.device(VXLAN0, 'TX_DROPPED'), harness.device(VXLAN0, 'RX_PACKETS')], [5, 0]);
  t.is(harness.action(0, 0)[0], 0, 'ingress filters do not see it');
});
