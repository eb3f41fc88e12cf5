// Whatever a device answers for one entry is counted under a name, exactly, none of it is fatal, and the others go on.
import test from 'ava';
import { FaultPort } from '../io/fault/fault-port.js';
import { FaultUnderlay } from '../io/fault/fault-underlay.js';
import type { ReasonName } from '../memory/reasons.js';
import type { DatagramVector } from '../memory/vectors.js';
import {
  EACCES,
  EADDRNOTAVAIL,
  EAGAIN,
  EBADFD,
  ECONNREFUSED,
  EHOSTUNREACH,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENETDOWN,
  ENETUNREACH,
  ENOBUFS,
  ENOMEM,
  EPERM,
} from '../native/errno.js';
import { buildFrame, noise } from '../offload/test-frames.js';
import { Harness, redirect, set, TAP0, unset, VXLAN0, vxlan } from './harness.test.helper.js';

const frame = (n: number): Uint8Array =>
  buildFrame({ protocol: 'udp', payload: noise(100 + n, n), sourcePort: 2000 + n });

const rules = [
  { device: TAP0, actions: [set(0), redirect(VXLAN0)] },
  { device: VXLAN0, actions: [unset(), redirect(TAP0)] },
];

const sendErrors: readonly (readonly [errno: number, reason: ReasonName, counter: 'TX_DROPPED' | 'TX_ERRORS'])[] = [
  [EAGAIN, 'send-again', 'TX_DROPPED'],
  [ENOBUFS, 'send-nobufs', 'TX_DROPPED'],
  [ENOMEM, 'send-nobufs', 'TX_DROPPED'],
  [EMSGSIZE, 'too-big', 'TX_DROPPED'],
  [ENETUNREACH, 'send-unreachable', 'TX_ERRORS'],
  [EHOSTUNREACH, 'send-unreachable', 'TX_ERRORS'],
  [EPERM, 'send-permission', 'TX_DROPPED'],
  [EACCES, 'send-permission', 'TX_DROPPED'],
  [ENETDOWN, 'send-netdown', 'TX_DROPPED'],
  [ECONNREFUSED, 'send-refused', 'TX_DROPPED'],
  [EINVAL, 'send-source', 'TX_DROPPED'],
  [EADDRNOTAVAIL, 'send-source', 'TX_DROPPED'],
  [EIO, 'send-other', 'TX_DROPPED'],
  [999, 'send-other', 'TX_DROPPED'],
];

for (const [errno, reason, counter] of sendErrors) {
  test(`errno ${errno} for one datagram of a batch is ${reason}, and the others are sent`, (t) => {
    const harness = new Harness({
      wrapUnderlay: (underlay) =>
        new FaultUnderlay(underlay, { send: (call, entry) => (call === 0 && entry % 3 === 1 ? errno : 0) }),
    });
    harness.use(rules);
    harness.send(TAP0, ...[0, 1, 2, 3, 4].map(frame));
    harness.send(TAP0, frame(5));
    t.is(harness.underlay0.sent.length, 4);
    t.deepEqual(harness.reasons(VXLAN0), { [reason]: 2 });
    t.is(harness.device(VXLAN0, counter), 2);
    t.is(harness.device(VXLAN0, 'TX_PACKETS'), 4);
  });
}

test('a super-frame that is refused is counted as the datagrams that it would have been', (t) => {
  const harness = new Harness({
    wrapUnderlay: (underlay) => new FaultUnderlay(underlay, { send: (call) => (call === 0 ? ENOBUFS : 0) }),
  });
  harness.use(rules);
  const bytes = buildFrame({ payload: noise(4500, 1), unfinished: true });
  harness.send(TAP0, { bytes, checksum: { start: 34, offset: 16 }, gso: { type: 1, size: 1000 } });
  t.deepEqual(harness.reasons(VXLAN0), { 'send-nobufs': 5 });
  t.is(harness.device(VXLAN0, 'TX_PACKETS'), 0);
});

/** Of its first entry two datagrams leave before it fails, as where the kernel cuts nothing (splitter.ts). */
class HalfWay extends FaultUnderlay {
  override send(vector: DatagramVector, tunnels: Int32Array): number {
    const calls = super.send(vector, tunnels);
    vector.sentBefore[0] = 2;
    return calls;
  }
}

test('of a super-frame that fails half-way what had left is counted as sent, and the rest as lost', (t) => {
  const harness = new Harness({ wrapUnderlay: (underlay) => new HalfWay(underlay, { send: () => ENOBUFS }) });
  harness.use(rules);
  const bytes = buildFrame({ payload: noise(4500, 1), unfinished: true });
  harness.send(TAP0, { bytes, checksum: { start: 34, offset: 16 }, gso: { type: 1, size: 1000 } });
  t.deepEqual(harness.reasons(VXLAN0), { 'send-nobufs': 3 });
  t.is(harness.device(VXLAN0, 'TX_DROPPED'), 3);
  t.is(harness.device(VXLAN0, 'TX_PACKETS'), 2);
  // From the inner IP header on: 20 bytes, 32 of TCP, and the payload.
  t.is(harness.device(VXLAN0, 'TX_BYTES'), 2 * (20 + 32 + 1000));
});

const writeErrors: readonly (readonly [errno: number, reason: ReasonName])[] = [
  [EAGAIN, 'tap-again'],
  [EIO, 'tap-down'],
  [EBADFD, 'tap-gone'],
  [EINVAL, 'tap-invalid'],
  [ENOMEM, 'tap-other'],
  [ENOBUFS, 'tap-other'],
];

for (const [errno, reason] of writeErrors) {
  test(`errno ${errno} for one frame that is written to a TAP is ${reason}, and the others are written`, (t) => {
    const harness = new Harness({
      wrapPort: (port, device) =>
        device === TAP0 ? new FaultPort(port, { write: (_call, entry) => (entry === 1 ? errno : 0) }) : port,
    });
    harness.use(rules);
    harness.receive(...[0, 1, 2].map((n) => vxlan(4, frame(n))));
    t.is(harness.tap0.written.length, 2);
    t.deepEqual(harness.reasons(TAP0), { [reason]: 1 });
    t.is(harness.device(TAP0, 'TX_DROPPED'), 1);
    t.is(harness.device(TAP0, 'TX_PACKETS'), 2);
  });
}

test('an error instead of datagrams is counted, and what waits behind it is received', (t) => {
  const harness = new Harness({
    wrapUnderlay: (underlay) => new FaultUnderlay(underlay, { receive: (call) => (call < 2 ? ECONNREFUSED : 0) }),
  });
  harness.use(rules);
  for (const n of [0, 1]) harness.underlay0.incoming[0]?.push({ bytes: vxlan(4, frame(n)) });
  t.is(harness.engine.serviceUnderlay(VXLAN0, 0), -ECONNREFUSED);
  t.is(harness.engine.serviceUnderlay(VXLAN0, 0), -ECONNREFUSED);
  t.is(harness.engine.serviceUnderlay(VXLAN0, 0), 2);
  t.is(harness.tap0.written.length, 2);
  t.deepEqual(harness.reasons(VXLAN0), { 'receive-error': 2 });
});

test('an error instead of frames is the caller’s to know, and what waits behind it is read', (t) => {
  const harness = new Harness({
    wrapPort: (port, device) =>
      device === TAP0 ? new FaultPort(port, { read: (call) => (call === 0 ? EIO : 0) }) : port,
  });
  harness.use(rules);
  harness.tap0.incoming.push({ bytes: frame(1) });
  t.is(harness.engine.servicePort(TAP0), -EIO);
  t.is(harness.engine.servicePort(TAP0), 1);
  t.is(harness.underlay0.sent.length, 1);
});
