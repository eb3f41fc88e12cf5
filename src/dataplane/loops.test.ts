// What would go round for ever, or multiply, ends after so many turns, and each end is counted.
import test from 'ava';
import { AT_EGRESS } from '../actions/outlet.js';
import { Verdict } from '../actions/program.js';
import type { Routes } from '../io/device.js';
import { buildFrame, concat } from '../offload/test-frames.js';
import { emitEthernet } from '../wire/ethernet.js';
import { emitIpv4 } from '../wire/ipv4.js';
import { emitIpv6 } from '../wire/ipv6.js';
import { emitUdp } from '../wire/udp.js';
import {
  gact,
  Harness,
  mirror,
  redirect,
  set,
  TAP0,
  TAP1,
  TO_PEER,
  VXLAN0,
  VXLAN1,
  vxlan,
} from './harness.test.helper.js';

/** Ways that all leave by one interface. */
class OneWay implements Routes {
  mtu = 65535;
  local = false;
  device: number;
  readonly source = new Int32Array(4);

  constructor(device: number) {
    this.device = device;
  }

  ask(): boolean {
    return true;
  }
}

const INNER = buildFrame({ payload: new Uint8Array(20) });
/** The interface index that the harness gives a device. */
const ifindexOf = (device: number): number => 100 + device;
const toTunnel = [{ device: TAP0, actions: [set(0), redirect(VXLAN0)] }];

test('what leads back into the device that sends is dropped, as errors and collisions; other ways are open', (t) => {
  const harness = new Harness();
  harness.use(toTunnel);
  const routes = new OneWay(ifindexOf(VXLAN0));
  harness.engine.setRoutes(routes);
  harness.send(TAP0, INNER, INNER);
  t.is(harness.underlay0.sent.length, 0);
  t.deepEqual(harness.reasons(VXLAN0), { 'route-loop': 2 });
  t.is(harness.device(VXLAN0, 'TX_ERRORS'), 2);
  t.is(harness.device(VXLAN0, 'COLLISIONS'), 2);
  t.is(harness.device(VXLAN0, 'TX_DROPPED'), 0);
  // A tunnel through another device of vtep's is none.
  const other = new Harness();
  other.use(toTunnel);
  other.engine.setRoutes(new OneWay(ifindexOf(VXLAN1)));
  other.send(TAP0, INNER);
  t.is(other.underlay0.sent.length, 1);
  t.deepEqual(other.reasons(VXLAN0), {});
});

test('a route that changes makes a loop of it, or an end, within a second', (t) => {
  const harness = new Harness();
  let now = 1_000_000;
  harness.engine.makeRepeatable({ wall: () => now, steady: () => now }, 1);
  harness.use(toTunnel);
  const routes = new OneWay(7);
  harness.engine.setRoutes(routes);
  harness.send(TAP0, INNER);
  routes.device = ifindexOf(VXLAN0);
  now += 1000;
  harness.send(TAP0, INNER);
  routes.device = 7;
  now += 1000;
  harness.send(TAP0, INNER);
  t.is(harness.underlay0.sent.length, 2);
  t.deepEqual(harness.reasons(VXLAN0), { 'route-loop': 1 });
});

test('a tunnel that is bound to the device itself is a loop, whatever the routes say', (t) => {
  const harness = new Harness();
  harness.use(toTunnel, [{ ...TO_PEER, IFINDEX: ifindexOf(VXLAN0) }]);
  harness.engine.setRoutes(new OneWay(7));
  harness.send(TAP0, INNER);
  t.deepEqual(harness.reasons(VXLAN0), { 'route-loop': 1 });
});

interface Layer {
  readonly version?: 4 | 6;
  readonly tag?: boolean;
  readonly port?: number;
}

/** `frame` in one tunnel more. */
function wrapped(frame: Uint8Array, { version = 4, tag = false, port = 4789 }: Layer = {}): Uint8Array {
  const payload = vxlan(4, frame);
  const l3 = tag ? 18 : 14;
  const l4 = l3 + (version === 4 ? 20 : 40);
  const bytes = new Uint8Array(l4 + 8 + payload.length);
  const type = version === 4 ? 0x0800 : 0x86dd;
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
  emitEthernet({ destination: mac, source: mac, type: tag ? 0x8100 : type }, bytes, 0);
  if (tag) bytes.set([0, 5, type >> 8, type & 0xff], 14);
  if (version === 4)
    emitIpv4(
      {
        tos: 0,
        totalLength: bytes.length - l3,
        id: 0,
        dontFragment: false,
        moreFragments: false,
        fragmentOffset: 0,
        ttl: 64,
        protocol: 17,
        checksum: 0,
        source: Uint8Array.of(10, 0, 0, 1),
        destination: Uint8Array.of(10, 0, 0, 2),
        options: new Uint8Array(0),
      },
      bytes,
      l3,
    );
  else
    emitIpv6(
      {
        trafficClass: 0,
        flowLabel: 0,
        payloadLength: bytes.length - l4,
        nextHeader: 17,
        hopLimit: 64,
        source: new Uint8Array(16).fill(1),
        destination: new Uint8Array(16).fill(2),
      },
      bytes,
      l3,
    );
  emitUdp({ sourcePort: 50000, destinationPort: port, length: bytes.length - l4, checksum: 0 }, bytes, l4);
  bytes.set(payload, l4 + 8);
  return bytes;
}

const nested = (layers: readonly Layer[]): Uint8Array => layers.reduce((frame, layer) => wrapped(frame, layer), INNER);

test('a frame that is in four tunnels is sent into no fifth, over whatever ports, families and tags', (t) => {
  const layers: readonly (readonly Layer[])[] = [
    [{}, {}, {}, {}],
    [{ port: 8472 }, { port: 5000 }, { port: 9 }, {}],
    [{ version: 6 }, {}, { version: 6, tag: true }, { tag: true }],
    [{ version: 6 }, { version: 6 }, { version: 6 }, { version: 6 }, {}],
  ];
  for (const each of layers) {
    const harness = new Harness();
    harness.use(toTunnel);
    harness.send(TAP0, nested(each), nested(each.slice(0, 3)));
    t.is(harness.underlay0.sent.length, 1, 'three are not too many');
    t.deepEqual(harness.reasons(VXLAN0), { 'nested-tunnels': 1 });
    t.is(harness.device(VXLAN0, 'TX_DROPPED'), 1);
  }
});

test('what only looks like tunnels is not counted as some, wherever it is cut', (t) => {
  const harness = new Harness();
  harness.use(toTunnel);
  const whole = nested([{}, { version: 6 }, { tag: true }, {}]);
  const noFlag = Uint8Array.from(whole);
  noFlag[14 + 20 + 8] = 0;
  const asTcp = Uint8Array.from(whole);
  asTcp[14 + 20 + 8 + 8 + 18 + 9] = 6;
  harness.send(TAP0, noFlag, asTcp);
  t.is(harness.underlay0.sent.length, 2);
  // In a longer buffer, whose bytes behind the frame are not the frame's.
  for (let length = 42; length < whole.length - INNER.length - 8; length++) harness.send(TAP0, whole.slice(0, length));
  t.deepEqual(harness.reasons(VXLAN0), {});
});

test('a frame that its own datagrams lead back into the tunnel ends after four turns', (t) => {
  const harness = new Harness();
  harness.use(toTunnel);
  // The host routes what vxlan0 sends to tap0.
  let frame: Uint8Array = INNER;
  let turns = 0;
  for (; turns < 10; turns++) {
    harness.underlay0.sent.length = 0;
    harness.send(TAP0, frame);
    const [sent] = harness.underlay0.sent;
    if (sent === undefined) break;
    frame = wrapped(sent.bytes.slice(8));
  }
  t.is(turns, 4);
  t.deepEqual(harness.reasons(VXLAN0), { 'nested-tunnels': 1 });
});

test('filters that mirror to each other make 256 copies of a frame, and count those that they did not make', (t) => {
  const harness = new Harness();
  const six = (device: number) => Array.from({ length: 6 }, () => mirror(device));
  harness.use([
    { device: VXLAN0, actions: [...six(TAP0), gact(Verdict.SHOT)] },
    { device: TAP0, hook: AT_EGRESS, actions: [...six(TAP1), gact(Verdict.SHOT)] },
    { device: TAP1, hook: AT_EGRESS, actions: [...six(TAP0), gact(Verdict.SHOT)] },
  ]);
  harness.receive(vxlan(4, INNER));
  const mirrored = [0, 1, 2].flatMap((rule) => Array.from({ length: 6 }, (_, n) => harness.action(rule, n)[0] ?? 0));
  const hits = mirrored.reduce((sum, count) => sum + count, 0);
  const reasons = [VXLAN0, TAP0, TAP1].map((device) => harness.reasons(device));
  const of = (name: string): number => reasons.reduce((sum, each) => sum + (each[name] ?? 0), 0);
  t.true(of('mirred-copies') > 0);
  t.is(hits, 256 + of('mirred-copies'), 'every mirror made a copy or is counted');
  t.is(of('batch-full'), 0);
  t.is(of('action-drop') + of('mirred-nesting'), 1 + 256, 'every copy ends somewhere');
  // The next frame has its own.
  harness.receive(vxlan(4, INNER));
  const again = [VXLAN0, TAP0, TAP1].reduce(
    (sum, device) => sum + harness.reason(device, 'action-drop') + harness.reason(device, 'mirred-nesting'),
    0,
  );
  t.is(again, 2 * 257);
});

test('a frame in a bundle is not lost for the copies of those before it', (t) => {
  const harness = new Harness();
  const bomb = Array.from({ length: 20 }, () => mirror(TAP1));
  harness.use([
    { device: VXLAN0, actions: [...bomb, redirect(TAP0)] },
    { device: TAP1, hook: AT_EGRESS, actions: bomb },
  ]);
  const one = vxlan(4, INNER);
  const count = 60;
  harness.receive({ bytes: concat(...new Array<Uint8Array>(count).fill(one)), segmentSize: one.length });
  t.is(harness.device(VXLAN0, 'RX_PACKETS'), count);
  t.is(
    harness.tap0.written.reduce((sum, { segments }) => sum + segments, 0),
    count,
  );
});
