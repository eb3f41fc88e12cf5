// Classic devices: where frames go, what received ones teach, and whose a shared underlay's datagrams are.
import test from 'ava';
import { Verdict } from '../actions/program.js';
import { KeyWord } from '../classifier/flow-key.js';
import { VxlanMode } from '../devices/device-table.js';
import { NTF_SELF, NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE } from '../devices/fdb-layout.js';
import { FdbRecords, type FdbRemote } from '../devices/fdb-records.js';
import { segmentsOf } from '../io/fake/fake-underlay.js';
import { GSO_TCPV4 } from '../memory/packets.js';
import { TUNNEL_CSUM, TUNNEL_KEY, TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { buildFrame, concat, noise } from '../offload/test-frames.js';
import { gact, Harness, VXLAN0, VXLAN1, vxlan } from './harness.test.helper.js';

const VNI0 = 4;
const VNI1 = 5;
const PEER = 0x0a000001;
const ALL = Uint8Array.of(255, 255, 255, 255, 255, 255);
const ZEROS = new Uint8Array(6);

const mac = (n: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, n);
const remote = (n: number, more: Partial<FdbRemote> = {}): FdbRemote => {
  return { address: Uint8Array.of(10, 0, n >> 8, n & 0xff), port: 4789, vni: VNI0, ifindex: 0, ...more };
};

function frame(destination: Uint8Array, source: Uint8Array, payload = 40): Uint8Array {
  return concat(destination, source, Uint8Array.of(0x88, 0xb5), noise(payload, 1));
}

class Classic extends Harness {
  readonly fdb: FdbRecords;

  constructor(mode = 0) {
    const fdb = new FdbRecords();
    super({ fdb: fdb.buffer });
    this.fdb = fdb;
    for (const [device, vni] of [
      [VXLAN0, VNI0],
      [VXLAN1, VNI1],
    ] as const) {
      const defaults = new Int32Array(TUNNEL_WORDS);
      defaults[TunnelWord.FLAGS] = TUNNEL_KEY | TUNNEL_CSUM;
      defaults[TunnelWord.VNI] = vni;
      defaults[TunnelWord.DST_PORT] = 4789;
      this.devices.setVxlan(device, VxlanMode.CLASSIC | VxlanMode.LEARN | mode, vni);
      fdb.setDevice(device, 0, defaults);
      fdb.setOpen(device, true);
    }
    // Both receive on the first one's underlay, and send through it.
    const takers = Int32Array.of(VNI0, VXLAN0, -1, VNI1, VXLAN1, -1);
    this.engine.underlays.serve(VXLAN0, VXLAN0, takers);
    this.engine.underlays.use(VXLAN1, VXLAN0);
  }

  entry(address: Uint8Array, state: number, ...remotes: FdbRemote[]): void {
    const key = { device: VXLAN0, mac: address, vni: VNI0 };
    const [first, ...more] = remotes;
    if (first) this.fdb.insert(key, state, NTF_SELF, first);
    for (const one of more) this.fdb.append(key, one);
  }

  /** Destination, VNI on the wire and port of everything sent since the last call. */
  sent(): number[][] {
    return this.underlay0.sent.splice(0).map(({ tunnel, bytes }) => {
      const [, , , , a = 0, b = 0, c = 0] = bytes;
      const port = tunnel[TunnelWord.DST_PORT] ?? 0;
      return [(tunnel[TunnelWord.DST_IP] ?? 0) & 0xffff, (a << 16) | (b << 8) | c, port];
    });
  }

  from(n: number, vni: number, bytes: Uint8Array): void {
    this.receive({ bytes: vxlan(vni, bytes), tunnel: { SRC_IP: PEER + n - 1, DST_PORT: 4789 } });
  }

  known(): string[] {
    return this.fdb
      .list()
      .map(
        ({ device, mac: [, , , , , n], remotes }) => `${device} ${n} ${remotes.map(({ address }) => address.at(-1))}`,
      );
  }
}

test('a frame goes where its address was last heard of, and answers go there', (t) => {
  const classic = new Classic();
  classic.from(1, VNI0, frame(ALL, mac(7)));
  classic.send(VXLAN0, frame(mac(7), mac(1)));
  t.deepEqual(classic.sent(), [[1, VNI0, 4789]]);
  classic.from(2, VNI0, frame(ALL, mac(7)));
  classic.send(VXLAN0, frame(mac(7), mac(1)));
  t.deepEqual(classic.sent(), [[2, VNI0, 4789]]);
  t.deepEqual(classic.known(), [`${VXLAN0} 7 2`]);
  t.is(classic.face.written.length, 2);
});

test('what nobody knows goes to every destination of the all-zeros entry, with headers of its own for each', (t) => {
  const classic = new Classic();
  classic.entry(ZEROS, NUD_PERMANENT, remote(1), remote(2, { port: 99, vni: 77 }), remote(3));
  classic.send(VXLAN0, frame(ALL, mac(1)), frame(mac(9), mac(1)));
  const all = [
    [1, VNI0, 4789],
    [2, 77, 99],
    [3, VNI0, 4789],
  ];
  t.deepEqual(classic.sent(), [...all, ...all]);
  t.is(classic.device(VXLAN0, 'TX_PACKETS'), 6);
  classic.entry(Uint8Array.of(1, 0, 0x5e, 0, 0, 9), NUD_PERMANENT, remote(5));
  classic.send(
    VXLAN0,
    frame(Uint8Array.of(1, 0, 0x5e, 0, 0, 9), mac(1)),
    frame(Uint8Array.of(1, 0, 0x5e, 0, 0, 8), mac(1)),
  );
  t.deepEqual(classic.sent(), [[5, VNI0, 4789], ...all]);
});

test('a frame that has nowhere to go is dropped under a name, and told of where l2miss is on', (t) => {
  const classic = new Classic(VxlanMode.L2_MISS);
  classic.send(VXLAN0, frame(mac(9), mac(1)), frame(ALL, mac(1)));
  t.deepEqual(classic.sent(), []);
  t.deepEqual(classic.reasons(VXLAN0), { 'no-remote': 2 });
  t.is(classic.device(VXLAN0, 'TX_DROPPED'), 2);
  t.deepEqual(
    classic.fdb.notices().map((notice) => notice.kind === 'l2-miss' && notice.mac[5]),
    [9],
  );
  classic.entry(mac(9), NUD_PERMANENT, { ...remote(0), address: Uint8Array.of(0, 0, 0, 0) });
  classic.send(VXLAN0, frame(mac(9), mac(1)));
  t.is(classic.reason(VXLAN0, 'no-remote'), 3);
});

test('a replication list that is longer than a vector is sent whole', (t) => {
  const classic = new Classic();
  const list = Array.from({ length: 700 }, (_, n) => remote(n + 1));
  classic.entry(ZEROS, NUD_PERMANENT, ...list);
  classic.send(VXLAN0, frame(ALL, mac(1)), frame(mac(3), mac(1)), frame(ALL, mac(2)));
  const once = list.map((_, n) => n + 1);
  t.deepEqual(
    classic.sent().map(([destination]) => destination),
    [...once, ...once, ...once],
  );
});

test('a super-frame reaches each destination in whole segments', (t) => {
  const classic = new Classic();
  classic.entry(ZEROS, NUD_PERMANENT, remote(1), remote(2));
  const bytes = buildFrame({ payload: noise(3000, 2), unfinished: true });
  bytes.set(ALL, 0);
  classic.send(VXLAN0, { bytes, checksum: { start: 34, offset: 16 }, gso: { type: GSO_TCPV4, size: 1000 } });
  const [first, second, ...rest] = classic.underlay0.sent.map((sent) =>
    segmentsOf(sent).map((each) => Buffer.from(each).toString('hex')),
  );
  t.is(first?.length, 3);
  t.deepEqual(second, first);
  t.deepEqual(rest, []);
});

test('zero and multicast sources, and static addresses elsewhere, are dropped and teach nothing', (t) => {
  const classic = new Classic();
  classic.entry(mac(8), NUD_REACHABLE | NUD_NOARP, remote(1));
  classic.from(2, VNI0, frame(ALL, ZEROS));
  classic.from(2, VNI0, frame(ALL, Uint8Array.of(3, 0, 0, 0, 0, 1)));
  classic.from(2, VNI0, frame(ALL, mac(8)));
  classic.from(2, VNI0, frame(ALL, mac(VXLAN0)));
  t.deepEqual(classic.reasons(VXLAN0), { 'bad-source-mac': 2, 'static-mac': 1, 'own-source-mac': 1 });
  classic.from(1, VNI0, frame(ALL, mac(8)));
  t.is(classic.face.written.length, 1);
  t.deepEqual(classic.known(), [`${VXLAN0} 8 1`]);
});

test('a device at its maxaddress learns no more, and frames pass all the same', (t) => {
  const classic = new Classic();
  classic.fdb.setDevice(VXLAN0, 1, new Int32Array(TUNNEL_WORDS));
  classic.from(1, VNI0, frame(ALL, mac(7)));
  classic.from(1, VNI0, frame(ALL, mac(8)));
  t.deepEqual(classic.known(), [`${VXLAN0} 7 1`]);
  t.is(classic.reason(VXLAN0, 'fdb-full'), 1);
  t.is(classic.face.written.length, 2);
});

test('devices that share an underlay get their own VNI, also out of one bundle, and nobody another', (t) => {
  const classic = new Classic();
  const datagrams = [VNI0, VNI1, 6, VNI1].map((vni, n) => vxlan(vni, frame(ALL, mac(10 + n))));
  classic.receive({ bytes: concat(...datagrams), segmentSize: datagrams[0]?.length ?? 0, tunnel: { SRC_IP: PEER } });
  t.deepEqual([classic.device(VXLAN0, 'RX_PACKETS'), classic.device(VXLAN1, 'RX_PACKETS')], [1, 2]);
  t.is(classic.reason(VXLAN0, 'unknown-vni'), 1);
  t.deepEqual(classic.known(), [`${VXLAN1} 13 1`, `${VXLAN1} 11 1`, `${VXLAN0} 10 1`]);
  classic.engine.setPort(VXLAN1, classic.face, 0);
  classic.send(VXLAN1, frame(mac(11), mac(1)));
  t.deepEqual(classic.sent(), [[1, VNI1, 4789]]);
  classic.engine.underlays.open(VXLAN0, null);
  classic.send(VXLAN1, frame(mac(11), mac(1)));
  t.is(classic.reason(VXLAN1, 'device-down'), 1);
});

test('filters see no tunnel on a classic device', (t) => {
  const classic = new Classic();
  classic.use([
    { device: VXLAN0, pref: 1, match: { [KeyWord.ENC_KEY_ID]: VNI0 }, actions: [gact(Verdict.SHOT)] },
    { device: VXLAN0, pref: 2, actions: [gact(Verdict.OK)] },
  ]);
  classic.from(1, VNI0, frame(ALL, mac(7)));
  t.is(classic.action(0, 0)[0], 0);
  t.is(classic.action(1, 0)[0], 1);
  t.is(classic.face.written.length, 1);
});

test('frames that become many datagrams are read a few at a time, and as many as ever when they do not', (t) => {
  const classic = new Classic();
  const remotes = Array.from({ length: 300 }, (_, n) => remote(n));
  classic.entry(ZEROS, NUD_PERMANENT, ...remotes);
  classic.entry(mac(7), NUD_PERMANENT, remote(7));
  const { face, engine } = classic;
  const push = (count: number, to: Uint8Array): void => {
    for (let n = 0; n < count; n++) face.incoming.push({ bytes: frame(to, mac(1)) });
  };
  const readAll = (): number[] => {
    const steps: number[] = [];
    while (face.incoming.length > 0) steps.push(engine.servicePort(VXLAN0));
    return steps;
  };
  push(128, ALL);
  const [first, ...steps] = readAll();
  t.is(first, 64, 'nobody knows yet');
  t.deepEqual(new Set(steps.slice(0, -1)), new Set([3]), `${steps}`);
  t.is(classic.sent().length, 128 * 300, 'none is lost for that');
  push(300, mac(7));
  t.is(Math.max(...readAll()), 64);
  t.is(classic.sent().length, 300);
});
