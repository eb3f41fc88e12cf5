import test from 'ava';
import { Verdict } from '../actions/program.js';
import { KeyWord } from '../classifier/flow-key.js';
import type { HostFrame } from '../io/fake/fake-port.js';
import { segmentsOf } from '../io/fake/fake-underlay.js';
import { FaultPort } from '../io/fault/fault-port.js';
import { FaultUnderlay } from '../io/fault/fault-underlay.js';
import type { ReasonName } from '../memory/reasons.js';
import * as errno from '../native/errno.js';
import { buildFrame, noise } from '../offload/test-frames.js';
import {
  gact,
  Harness,
  mirror,
  OFFLOADS,
  redirect,
  set,
  TAP0,
  TAP1,
  unset,
  VXLAN0,
  VXLAN1,
  vxlan,
} from './harness.test.helper.js';

const FRAME = buildFrame({ payload: noise(100, 1) });

/** `count` segments of a TCP flow, 100 bytes each, that can be merged. */
function flow(count: number, spec: Parameters<typeof buildFrame>[0] = {}): Uint8Array[] {
  return Array.from({ length: count }, (_, n) =>
    buildFrame({ sequence: 1000 + n * 100, id: 1000 + n, payload: noise(100, n), ...spec }),
  );
}

function hostFrame(bytes: Uint8Array, gso?: HostFrame['gso']): HostFrame {
  return { bytes, checksum: { start: 34, offset: 16 }, ...(gso ? { gso } : {}) };
}

test('the frames of a batch are merged for the TAP, and the counters say frames and segments', (t) => {
  const harness = new Harness();
  harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
  harness.receive(...flow(5).map((frame) => vxlan(4, frame)));
  t.deepEqual(
    harness.tap0.written.map((each) => [each.segments, each.bytes.length]),
    [[5, FRAME.length + 400]],
  );
  t.is(harness.device(TAP0, 'TX_PACKETS'), 5);
  t.is(harness.device(TAP0, 'TX_BYTES'), FRAME.length + 400);
  harness.engine.setCoalescing(false);
  harness.receive(...flow(5).map((frame) => vxlan(4, frame)));
  t.deepEqual(
    harness.tap0.written.slice(1).map((each) => each.bytes),
    flow(5),
  );
});

test('a mirrored copy is intact while the frames themselves are merged elsewhere', (t) => {
  const harness = new Harness();
  harness.engine.setPort(TAP1, harness.tap1, 0);
  harness.use([{ device: VXLAN0, actions: [mirror(TAP1), unset(), redirect(TAP0)] }]);
  const frames = flow(6);
  harness.receive(...frames.map((frame) => vxlan(4, frame)));
  t.is(harness.tap0.written.length, 1);
  t.deepEqual(
    harness.tap1.written.map((each) => each.bytes),
    frames,
  );
});

for (const first of ['mirror', 'redirect'] as const) {
  test(`a checksum is finished for the tunnel without touching the other copy (${first} to the TAP)`, (t) => {
    const harness = new Harness();
    const actions =
      first === 'mirror' ? [mirror(TAP1), set(0), redirect(VXLAN0)] : [set(0), mirror(VXLAN0), unset(), redirect(TAP1)];
    harness.use([{ device: TAP0, actions }]);
    const unfinished = buildFrame({ payload: noise(100, 1), unfinished: true });
    harness.send(TAP0, hostFrame(unfinished));
    t.deepEqual(
      harness.underlay0.sent.map((each) => each.bytes),
      [vxlan(4, FRAME)],
    );
    t.deepEqual(
      harness.tap1.written.map((each) => [each.bytes, each.vnetHeader[0]]),
      [[unfinished, 1]],
    );
  });
}

test('a copy to a second tunnel and a third has the metadata set before it', (t) => {
  const harness = new Harness();
  const record = (vni: number) => ({ FLAGS: 16, VNI: vni, DST_IP: vni, FAMILY: 4 });
  harness.use(
    [{ device: TAP0, actions: [set(0), mirror(VXLAN0), set(1), mirror(VXLAN1), set(2), redirect(VXLAN0)] }],
    [4, 5, 6].map(record),
  );
  harness.send(TAP0, FRAME);
  t.deepEqual(
    harness.underlay0.sent.map((each) => each.bytes),
    [vxlan(4, FRAME), vxlan(6, FRAME)],
  );
  t.deepEqual(
    harness.underlay1.sent.map((each) => each.bytes),
    [vxlan(5, FRAME)],
  );
});

test('a super-frame of the host leaves as a bundle of its segments, and one from the tunnel reaches a TAP whole', (t) => {
  const harness = new Harness();
  harness.use([
    { device: TAP0, actions: [set(0), redirect(VXLAN0)] },
    { device: VXLAN0, actions: [unset(), redirect(TAP1)] },
  ]);
  const payload = noise(450, 3);
  const whole = buildFrame({ payload, unfinished: true });
  harness.send(TAP0, hostFrame(whole, { type: 1, size: 100 }));
  const [sent] = harness.underlay0.sent;
  t.is(harness.underlay0.sent.length, 1);
  t.deepEqual(
    sent === undefined ? [] : segmentsOf(sent),
    [0, 1, 2, 3, 4].map((n) =>
      vxlan(4, buildFrame({ sequence: 1000 + n * 100, id: 1000 + n, payload: payload.slice(n * 100, n * 100 + 100) })),
    ),
  );
  t.is(harness.device(VXLAN0, 'TX_PACKETS'), 5);
  harness.receive({ bytes: sent?.bytes ?? new Uint8Array(0), segmentSize: sent?.segmentSize ?? 0 });
  t.deepEqual(
    harness.tap1.written.map((each) => [each.segments, each.bytes.subarray(66)]),
    [[5, payload]],
  );
});

const WRITE_ERRORS: readonly (readonly [number, ReasonName])[] = [
  [errno.EAGAIN, 'tap-again'],
  [errno.EIO, 'tap-down'],
  [errno.EBADFD, 'tap-gone'],
  [errno.EINVAL, 'tap-invalid'],
  [errno.ENOBUFS, 'tap-other'],
];

for (const [code, reason] of WRITE_ERRORS) {
  test(`a write that answers ${errno.errnoName(code)} is counted as ${reason} by its segments, and the next one goes`, (t) => {
    const harness = new Harness({
      wrapPort: (port, device) =>
        device === TAP0 ? new FaultPort(port, { write: (_call, entry) => (entry === 0 ? code : 0) }) : port,
    });
    harness.use([{ device: VXLAN0, actions: [unset(), redirect(TAP0)] }]);
    const other = buildFrame({ sourcePort: 7 });
    harness.receive(...flow(3).map((frame) => vxlan(4, frame)), vxlan(4, other));
    t.deepEqual(harness.reasons(TAP0), { [reason]: 3 });
    t.is(harness.device(TAP0, 'TX_DROPPED'), 3);
    t.is(harness.device(TAP0, 'TX_PACKETS'), 1);
    t.deepEqual(
      harness.tap0.written.map((each) => each.bytes),
      [other],
    );
  });
}

const SEND_ERRORS: readonly (readonly [number, ReasonName])[] = [
  [errno.EAGAIN, 'send-again'],
  [errno.ENOBUFS, 'send-nobufs'],
  [errno.EAFNOSUPPORT, 'no-underlay-family'],
  [errno.EMSGSIZE, 'too-big'],
  [errno.ENETUNREACH, 'send-unreachable'],
  [errno.EHOSTUNREACH, 'send-unreachable'],
  [errno.ECONNREFUSED, 'send-refused'],
  [errno.EPERM, 'send-permission'],
  [errno.EACCES, 'send-permission'],
  [errno.ENETDOWN, 'send-netdown'],
  [errno.EINVAL, 'send-source'],
  [errno.EADDRNOTAVAIL, 'send-source'],
  [errno.EIO, 'send-other'],
];

for (const [code, reason] of SEND_ERRORS) {
  test(`a send that answers ${errno.errnoName(code)} is counted as ${reason} by its segments, and the next one goes`, (t) => {
    const harness = new Harness({
      wrapUnderlay: (underlay, device) =>
        device === VXLAN0
          ? new FaultUnderlay(underlay, { send: (_call, entry) => (entry === 0 ? code : 0) })
          : underlay,
    });
    harness.use([{ device: TAP0, actions: [set(0), redirect(VXLAN0)] }]);
    const whole = buildFrame({ payload: noise(250, 1), unfinished: true });
    harness.send(TAP0, hostFrame(whole, { type: 1, size: 100 }), FRAME);
    t.deepEqual(harness.reasons(VXLAN0), { [reason]: 3 });
    // The kernel's: no route is an error of the carrier.
    const isUnreachable = reason === 'send-unreachable';
    t.is(harness.device(VXLAN0, 'TX_DROPPED'), isUnreachable ? 0 : 3);
    t.is(harness.device(VXLAN0, 'TX_ERRORS'), isUnreachable ? 3 : 0);
    t.is(harness.device(VXLAN0, 'TX_CARRIER_ERRORS'), isUnreachable ? 3 : 0);
    t.is(harness.device(VXLAN0, 'TX_PACKETS'), 1);
    t.deepEqual(
      harness.underlay0.sent.map((each) => each.bytes),
      [vxlan(4, FRAME)],
    );
  });
}

test('of a bundle that failed half-way the datagrams that went out are counted as sent, the others under the reason', (t) => {
  const harness = new Harness({
    wrapUnderlay: ({ receiveFds }) => ({
      receiveFds,
      receive: () => 0,
      takeOverflow: () => 0,
      send: (vector) => {
        vector.errno[0] = errno.ENOBUFS;
        vector.sentBefore[0] = 2;
        return 1;
      },
    }),
  });
  harness.use([{ device: TAP0, actions: [set(0), redirect(VXLAN0)] }]);
  const whole = buildFrame({ payload: noise(250, 1), unfinished: true });
  harness.send(TAP0, hostFrame(whole, { type: 1, size: 100 }));
  t.deepEqual(harness.reasons(VXLAN0), { 'send-nobufs': 1 });
  t.is(harness.device(VXLAN0, 'TX_DROPPED'), 1);
  t.is(harness.device(VXLAN0, 'TX_PACKETS'), 2);
  t.is(harness.device(VXLAN0, 'TX_BYTES'), 2 * (whole.length - 14 - 250 + 100));
});

test('a read error is told, counts nothing, and the frames behind it come with the next read', (t) => {
  const harness = new Harness({
    wrapPort: (port) => new FaultPort(port, { read: (call) => (call === 0 ? errno.EBADFD : 0) }),
  });
  harness.tap0.incoming.push({ bytes: FRAME });
  t.is(harness.engine.servicePort(TAP0), -errno.EBADFD);
  t.is(harness.engine.servicePort(TAP0), 1);
  t.is(harness.engine.servicePort(TAP0), 0);
  t.deepEqual(harness.reasons(TAP0), { 'tap-unmatched': 1 });
});

test('a device whose port or socket is closed drops what is queued for it', (t) => {
  const harness = new Harness();
  harness.use([
    { device: VXLAN0, actions: [unset(), redirect(TAP0)] },
    { device: TAP1, actions: [set(0), redirect(VXLAN1)] },
  ]);
  harness.engine.setPort(TAP0, null, 0);
  harness.engine.underlays.set(VXLAN1, null);
  harness.receive(vxlan(4, FRAME));
  harness.send(TAP1, hostFrame(buildFrame({ payload: noise(250, 1), unfinished: true }), { type: 1, size: 100 }));
  t.deepEqual(harness.reasons(TAP0), { 'tap-gone': 1 });
  t.deepEqual(harness.reasons(VXLAN1), { 'device-down': 3 });
  t.is(harness.device(TAP0, 'TX_DROPPED') + harness.device(VXLAN1, 'TX_DROPPED'), 4);
});

test('a super-frame that cannot be what it says is dropped as one, at a TAP and at a tunnel', (t) => {
  const harness = new Harness({ offloads: 0 });
  harness.use([
    { device: TAP0, actions: [redirect(TAP1)] },
    { device: TAP1, actions: [set(0), redirect(VXLAN0)] },
  ]);
  const arp = new Uint8Array(314).fill(1);
  const bad = [hostFrame(arp, { type: 1, size: 100 }), hostFrame(arp, { type: 77, size: 1000 })];
  harness.send(TAP0, ...bad, FRAME);
  harness.send(TAP1, ...bad, FRAME);
  // The first counts as if its 314 bytes were payload in segments of 100.
  t.deepEqual(harness.reasons(TAP1), { 'bad-super-frame': 5 });
  t.deepEqual(harness.reasons(VXLAN0), { 'bad-super-frame': 5 });
  t.is(harness.device(TAP1, 'TX_DROPPED'), 5);
  t.is(harness.device(VXLAN0, 'TX_DROPPED'), 5);
  t.is(harness.tap1.written.length, 1);
  t.is(harness.underlay0.sent.length, 1);
});

test('a super-frame of more segments than a batch holds is dropped and counted by them', (t) => {
  const harness = new Harness({ offloads: 0 });
  harness.use([
    { device: TAP0, actions: [redirect(TAP1)] },
    { device: TAP1, actions: [set(0), redirect(VXLAN0)] },
  ]);
  const whole = hostFrame(buildFrame({ payload: noise(60000, 1), unfinished: true }), { type: 1, size: 1 });
  harness.send(TAP0, whole);
  harness.send(TAP1, whole);
  t.deepEqual(harness.reasons(TAP1), { 'too-many-segments': 60000 });
  t.deepEqual(harness.reasons(VXLAN0), { 'too-many-segments': 60000 });
});

test('a frame that does not fit into a datagram is too big', (t) => {
  const harness = new Harness();
  harness.use([{ device: TAP0, actions: [set(0), redirect(VXLAN0)] }]);
  harness.send(TAP0, new Uint8Array(65487 - 8 + 1).fill(3), new Uint8Array(65487 - 8).fill(3));
  t.deepEqual(harness.reasons(VXLAN0), { 'too-big': 1 });
  t.is(harness.underlay0.sent[0]?.bytes.length, 65487);
});

test('frames that the port refuses are counted once, at a TAP as receive and at a vxlan device as transmit', (t) => {
  const harness = new Harness();
  const refused: HostFrame[] = [
    { bytes: FRAME, malformed: true },
    { bytes: FRAME.slice(0, 13) },
    { bytes: FRAME.slice(0, 0) },
  ];
  harness.send(TAP0, ...refused, FRAME);
  harness.send(TAP0, FRAME);
  harness.send(VXLAN0, ...refused);
  t.deepEqual(harness.reasons(TAP0), { 'tap-read-short': 2, 'tap-read-malformed': 1, 'tap-unmatched': 2 });
  t.deepEqual(harness.reasons(VXLAN0), { 'tap-read-short': 2, 'tap-read-malformed': 1 });
  t.deepEqual([harness.device(TAP0, 'RX_DROPPED'), harness.device(TAP0, 'RX_PACKETS')], [3, 2]);
  t.is(harness.device(VXLAN0, 'TX_DROPPED'), 3);
  // A port that takes the place of another has a history that was counted there.
  harness.engine.setPort(TAP0, harness.face, OFFLOADS);
  harness.engine.servicePort(TAP0);
  t.is(harness.reason(TAP0, 'tap-read-short'), 2);
});

test('a batch that mirrors more than it has descriptors for counts the copies that it could not make', (t) => {
  const harness = new Harness();
  const mirrors = Array.from({ length: 7 }, () => mirror(TAP1));
  harness.use([{ device: VXLAN0, actions: [...mirrors, gact(Verdict.SHOT)] }]);
  const frame = FRAME.slice(0, 60);
  const count = 700;
  const bytes = new Uint8Array(count * 68);
  for (let n = 0; n < count; n++) bytes.set(vxlan(4, frame), n * 68);
  harness.receive({ bytes, segmentSize: 68 });
  const copies = harness.tap1.written.length;
  // The frames themselves take descriptors too, and none of them is lost for a copy.
  t.is(copies, 4096 - count);
  t.is(harness.device(VXLAN0, 'RX_PACKETS'), count);
  t.is(harness.device(VXLAN0, 'RX_DROPPED'), 0);
  t.is(harness.reason(VXLAN0, 'action-drop'), count);
  t.is(harness.reason(VXLAN0, 'batch-full'), count * 7 - copies);
  t.deepEqual(
    harness.tap1.written.filter((each) => Buffer.compare(each.bytes, frame) !== 0),
    [],
  );
});

test('a full batch is flushed between two messages, and no order is lost', (t) => {
  const harness = new Harness();
  harness.engine.setCoalescing(false);
  harness.use([
    { device: VXLAN0, match: { [KeyWord.ETH_TYPE]: 0x88b5 }, actions: [mirror(TAP1), unset(), redirect(TAP0)] },
  ]);
  const sent: number[] = [];
  for (let m = 0; m < 5; m++) {
    const bytes = new Uint8Array(1000 * 24);
    for (let n = 0; n < 1000; n++) {
      const number = sent.push(sent.length) - 1;
      const tail = Uint8Array.of(number >> 8, number & 0xff);
      bytes.set(vxlan(4, Buffer.concat([Buffer.from('52540000000b52540000000a88b5', 'hex'), tail])), n * 24);
    }
    harness.underlay0.incoming[0]?.push({ bytes, segmentSize: 24 });
  }
  harness.receive();
  for (const port of [harness.tap0, harness.tap1])
    t.deepEqual(
      port.written.map((each) => each.bytes[14] * 256 + each.bytes[15]),
      sent,
    );
  t.deepEqual(harness.reasons(VXLAN0), {});
});
