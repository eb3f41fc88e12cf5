// rsc: frames for a router go to the neighbour behind it, by the host's neighbours and the forwarding table.
import test from 'ava';
import { AT_EGRESS } from '../actions/outlet.js';
import { VxlanMode } from '../devices/device-table.js';
import { NTF_ROUTER, NTF_SELF, NUD_PERMANENT } from '../devices/fdb-layout.js';
import { FdbRecords } from '../devices/fdb-records.js';
import { TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { buildFrame } from '../offload/test-frames.js';
import { Harness, mirror, TAP0, VXLAN0 } from './harness.test.helper.js';

const VNI = 4;
const ROUTER = Uint8Array.of(2, 0, 0, 0, 0, 0x99);
const HOST = Uint8Array.of(2, 0, 0, 0, 0, 0x77);
const ROUTER_AT = Uint8Array.of(10, 0, 0, 1);
const HOST_AT = Uint8Array.of(10, 0, 0, 2);

/** A frame for the router, IPv4 for the address that buildFrame gives as destination. */
const FRAME = ((): Uint8Array => {
  const frame = buildFrame({});
  frame.set(ROUTER, 0);
  return frame;
})();
const DESTINATION = new DataView(FRAME.buffer, FRAME.byteOffset).getInt32(14 + 16);

class ShortCircuit extends Harness {
  readonly fdb: FdbRecords;

  constructor(mode: number = VxlanMode.RSC) {
    const fdb = new FdbRecords();
    super({ fdb: fdb.buffer });
    this.fdb = fdb;
    const defaults = new Int32Array(TUNNEL_WORDS);
    defaults[TunnelWord.FLAGS] = TUNNEL_KEY;
    defaults[TunnelWord.VNI] = VNI;
    defaults[TunnelWord.DST_PORT] = 4789;
    this.devices.setVxlan(VXLAN0, VxlanMode.CLASSIC | mode, VNI);
    fdb.setDevice(VXLAN0, 0, defaults);
    fdb.setOpen(VXLAN0, true);
  }

  entry(mac: Uint8Array, address: Uint8Array, flags = NTF_SELF): void {
    const remote = { address, port: 4789, vni: VNI, ifindex: 0 };
    this.fdb.insert({ device: VXLAN0, mac, vni: VNI }, NUD_PERMANENT, flags, remote);
  }

  /** The host knows the destination as a neighbour with that MAC. */
  neighbour(mac: Uint8Array): void {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = mac;
    const high = (a << 24) | (b << 16) | (c << 8) | d;
    this.engine.neighbours.use(Int32Array.of(VXLAN0, DESTINATION, 0, 0, 0, 4, high, (e << 8) | f));
  }

  /** The peer of each datagram, and the first twelve bytes of its frame. */
  sent(): (readonly [peer: number, macs: string])[] {
    return this.underlay0.sent
      .splice(0)
      .map(({ tunnel, bytes }) => [
        (tunnel[TunnelWord.DST_IP] ?? 0) & 0xff,
        Buffer.from(bytes.subarray(8, 20)).toString('hex'),
      ]);
  }
}

const THROUGH = Buffer.from(FRAME.subarray(0, 12)).toString('hex');
const SHORT = Buffer.concat([HOST, ROUTER]).toString('hex');

test('what is for a router goes to the neighbour behind it, as from the router', (t) => {
  const bench = new ShortCircuit();
  bench.entry(ROUTER, ROUTER_AT, NTF_SELF | NTF_ROUTER);
  bench.entry(HOST, HOST_AT);
  bench.send(VXLAN0, FRAME);
  t.deepEqual(bench.sent(), [[1, THROUGH]], 'nobody knows the destination');
  bench.neighbour(HOST);
  bench.send(VXLAN0, FRAME);
  t.deepEqual(bench.sent(), [[2, SHORT]]);
  bench.neighbour(ROUTER);
  bench.send(VXLAN0, FRAME);
  t.deepEqual(bench.sent(), [[1, THROUGH]], 'the router is the neighbour');
});

test('what is for no router, or on a device without rsc, goes where it was to go', (t) => {
  for (const [mode, flags] of [
    [VxlanMode.RSC, NTF_SELF],
    [0, NTF_SELF | NTF_ROUTER],
  ] as const) {
    const bench = new ShortCircuit(mode);
    bench.entry(ROUTER, ROUTER_AT, flags);
    bench.entry(HOST, HOST_AT);
    bench.neighbour(HOST);
    bench.send(VXLAN0, FRAME);
    t.deepEqual(bench.sent(), [[1, THROUGH]]);
  }
});

test('a copy of the frame that went elsewhere keeps its addresses', (t) => {
  const bench = new ShortCircuit();
  bench.use([{ device: VXLAN0, hook: AT_EGRESS, actions: [mirror(TAP0)] }]);
  bench.entry(ROUTER, ROUTER_AT, NTF_SELF | NTF_ROUTER);
  bench.entry(HOST, HOST_AT);
  bench.neighbour(HOST);
  bench.send(VXLAN0, FRAME);
  t.deepEqual(bench.sent(), [[2, SHORT]]);
  t.deepEqual(
    bench.tap0.written.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
    [Buffer.from(FRAME).toString('hex')],
  );
});

test('a neighbour on this side gets the frame at the device itself', (t) => {
  const bench = new ShortCircuit();
  bench.entry(ROUTER, ROUTER_AT, NTF_SELF | NTF_ROUTER);
  bench.entry(HOST, Uint8Array.of(0, 0, 0, 0));
  bench.neighbour(HOST);
  bench.send(VXLAN0, FRAME);
  t.deepEqual(bench.sent(), []);
  t.deepEqual(
    bench.face.written.map(({ bytes }) => Buffer.from(bytes.subarray(0, 12)).toString('hex')),
    [SHORT],
  );
});

test('a frame of which the IP header is cut short is left alone', (t) => {
  const bench = new ShortCircuit();
  bench.entry(ROUTER, ROUTER_AT, NTF_SELF | NTF_ROUTER);
  bench.entry(HOST, HOST_AT);
  bench.neighbour(HOST);
  bench.send(VXLAN0, FRAME.slice(0, 14 + 19));
  t.deepEqual(bench.sent(), [[1, THROUGH]]);
});
