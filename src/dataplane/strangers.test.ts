// --strict-peers, as somebody tries it who is nobody's peer: each way in that one might think of.
import test from 'ava';
import { VxlanMode } from '../devices/device-table.js';
import { FdbRecords } from '../devices/fdb-records.js';
import { REASON } from '../memory/reasons.js';
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import { buildFrame, concat, noise } from '../offload/test-frames.js';
import { Harness, VXLAN0, VXLAN1, vxlan } from './harness.test.helper.js';
import { type Peer, peerWords } from './peer-table.js';

const FRIEND = 0x0a000001;
const STRANGER = 0x0a000002;
const GROUP = 0xef010101 | 0;
const EXACT = Int32Array.of(-1, 0, 0, 0);
const friend: Peer = { family: 4, address: Int32Array.of(FRIEND, 0, 0, 0), mask: EXACT };
const FRAME = buildFrame({ payload: noise(40, 1) });
const broadcast = (source: number): Uint8Array =>
  concat(new Uint8Array(6).fill(255), Uint8Array.of(2, 0, 0, 0, 0, source), Uint8Array.of(0x88, 0xb5), noise(40, 1));

/** Strict, and vxlan0 knows the friend. */
function strict<T extends Harness>(harness: T): T {
  harness.engine.peers.isOn = true;
  harness.engine.peers.use(VXLAN0, peerWords([friend], undefined));
  return harness;
}

const from = (address: number, bytes: Uint8Array, more: object = {}) => ({
  bytes,
  tunnel: { SRC_IP: address, ...more },
});

/** Two classic devices that learn and share a socket: VNI 4 is vxlan0's, VNI 5 vxlan1's. */
class Shared extends Harness {
  readonly fdb: FdbRecords;

  constructor() {
    const fdb = new FdbRecords();
    super({ fdb: fdb.buffer });
    this.fdb = fdb;
    for (const [device, vni] of [
      [VXLAN0, 4],
      [VXLAN1, 5],
    ] as const) {
      const defaults = new Int32Array(TUNNEL_WORDS);
      defaults[TunnelWord.VNI] = vni;
      this.devices.setVxlan(device, VxlanMode.CLASSIC | VxlanMode.LEARN, vni);
      fdb.setDevice(device, 0, defaults);
      fdb.setOpen(device, true);
    }
    this.engine.underlays.serve(VXLAN0, VXLAN0, Int32Array.of(4, VXLAN0, -1, 5, VXLAN1, -1));
    this.engine.underlays.use(VXLAN1, VXLAN0);
  }
}

test('whoever is a peer of one device is a stranger to the other that shares its socket', (t) => {
  const harness = strict(new Shared());
  harness.receive(from(FRIEND, vxlan(4, broadcast(7))), from(FRIEND, vxlan(5, broadcast(8))));
  t.deepEqual([harness.reasons(VXLAN0), harness.reasons(VXLAN1)], [{ unmatched: 1 }, { 'unknown-peer': 1 }]);
  t.deepEqual(
    harness.fdb.list().map(({ device, mac }) => [device, mac[5]]),
    [[VXLAN0, 7]],
    'nothing was learned of his there',
  );
});

test('a frame sent to a group is taken from peers alone, whoever else has joined it', (t) => {
  const harness = strict(new Shared());
  const own = { family: 4, address: Int32Array.of(0x0a000063, 0, 0, 0) } as const;
  harness.engine.peers.use(VXLAN0, peerWords([friend], own));
  harness.receive(
    from(STRANGER, vxlan(4, broadcast(9)), { DST_IP: GROUP }),
    from(GROUP, vxlan(4, broadcast(10)), { DST_IP: GROUP }),
    from(FRIEND, vxlan(4, broadcast(7)), { DST_IP: GROUP }),
  );
  t.deepEqual(harness.reasons(VXLAN0), { 'unknown-peer': 2, unmatched: 1 });
  t.deepEqual(
    harness.fdb.list().map(({ mac }) => mac[5]),
    [7],
  );
});

test('an address that a peer’s frames were learned under is no peer by that', (t) => {
  const harness = strict(new Shared());
  harness.receive(from(FRIEND, vxlan(4, broadcast(7))));
  // The friend is no peer any more; his entry is still there.
  harness.engine.peers.use(VXLAN0, peerWords([], undefined));
  harness.receive(from(FRIEND, vxlan(4, broadcast(7))));
  t.deepEqual(harness.reasons(VXLAN0), { unmatched: 1, 'unknown-peer': 1 });
  t.is(harness.fdb.list().length, 1);
});

test('an IPv4 address written as an IPv6 one is another address, both ways', (t) => {
  const words = (source: readonly number[], family: 4 | 6): Int32Array => {
    const record = new Int32Array(TUNNEL_WORDS);
    record[TunnelWord.FAMILY] = family;
    record.set(source, TunnelWord.SRC_IP);
    return record;
  };
  const mapped = [0, 0, 0xffff, FRIEND];
  const harness = strict(new Harness());
  const bytes = vxlan(4, FRAME);
  harness.receive({ bytes, words: words(mapped, 6) }, { bytes, words: words([FRIEND, 0, 0, 0], 6) });
  t.deepEqual(harness.reasons(VXLAN0), { 'unknown-peer': 2 });
  const six: Peer = { family: 6, address: Int32Array.from(mapped), mask: new Int32Array(4).fill(-1) };
  harness.engine.peers.use(VXLAN0, peerWords([six], undefined));
  harness.receive({ bytes, words: words([FRIEND, 0, 0, 0], 4) }, { bytes, words: words([0, 0, 0, 0], 4) });
  t.deepEqual(harness.reasons(VXLAN0), { 'unknown-peer': 4 });
  harness.receive({ bytes, words: words(mapped, 6) });
  t.deepEqual(harness.reasons(VXLAN0), { 'unknown-peer': 4, unmatched: 1 });
});

test('a receiver of mirrored traffic makes no TAP for a stranger, and keeps no frame of his', (t) => {
  const harness = strict(new Harness());
  harness.devices.setVxlan(VXLAN0, VxlanMode.MIRROR | VxlanMode.TAPS, 0);
  harness.receive(from(STRANGER, vxlan(77, FRAME)));
  t.deepEqual([...harness.engine.mirrors.takeWanted()], []);
  t.is(harness.engine.mirrors.held, 0);
  t.is(harness.counters.reasonValue(VXLAN0, REASON['unknown-peer']), 1);
  harness.receive(from(FRIEND, vxlan(77, FRAME)));
  t.deepEqual([...harness.engine.mirrors.takeWanted()], [VXLAN0, 77]);
});

test('what is wrong with a stranger’s header is told of nobody’s frame that is right', (t) => {
  const harness = strict(new Harness());
  const right = vxlan(4, FRAME);
  harness.receive(
    from(FRIEND, right),
    from(STRANGER, right),
    from(STRANGER, right.slice(0, 7)),
    from(STRANGER, vxlan(4, FRAME, 0)),
    from(FRIEND, right),
  );
  t.deepEqual(harness.reasons(VXLAN0), {
    unmatched: 2,
    'unknown-peer': 1,
    'short-vxlan-header': 1,
    'no-vni-flag': 1,
  });
});
