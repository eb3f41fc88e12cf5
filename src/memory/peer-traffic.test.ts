import test from 'ava';
import { Counters, SIZE_BUCKETS, SizeHistogram } from './counters.js';
import { PEER_ROWS, PeerCounter } from './peer-traffic.js';

const DEVICE = 3;
/** Records of one address each. */
const ADDRESSES = Int32Array.of(0x0a000001, 0, 0, 0, 0x0a000002, 0, 0, 0, -1, 2, 3, 4);

/** A worker's set, and the same memory as the control thread sees it. */
function both(): { worker: Counters; control: Counters } {
  const control = new Counters();
  return { control, worker: new Counters(control.buffer) };
}

test('nothing is counted until somebody wants it, and nothing afterwards', (t) => {
  const { worker, control } = both();
  worker.peers.begin();
  t.false(worker.peers.isOn);
  control.peers.want(1);
  t.deepEqual(control.peers.rows(), [], 'the worker has not begun');
  worker.peers.begin();
  t.true(worker.peers.isOn);
  control.peers.want(0);
  worker.peers.begin();
  t.false(worker.peers.isOn);
  t.deepEqual(control.peers.rows(), []);
});

test('each device, VNI and peer has a row', (t) => {
  const { worker, control } = both();
  control.peers.want(1);
  worker.peers.begin();
  const { peers } = worker;
  const row = peers.add(DEVICE, 7, 4, ADDRESSES, 0, PeerCounter.RX_PACKETS, 1, 100);
  peers.addTo(row, PeerCounter.RX_PACKETS, 2, 200);
  t.is(peers.add(DEVICE, 7, 4, ADDRESSES, 0, PeerCounter.TX_PACKETS, 5, 500), row);
  peers.add(DEVICE, 7, 4, ADDRESSES, 4, PeerCounter.TX_PACKETS, 1, 10);
  peers.add(DEVICE, 8, 4, ADDRESSES, 0, PeerCounter.RX_PACKETS, 1, 10);
  peers.add(DEVICE + 1, 7, 6, ADDRESSES, 8, PeerCounter.RX_PACKETS, 1, 10);
  t.deepEqual(
    control.peers.rows().map(({ address, ...rest }) => ({ ...rest, address: [...address] })),
    [
      { device: DEVICE, vni: 7, family: 4, address: [0x0a000001, 0, 0, 0], counts: [3, 300, 5, 500] },
      { device: DEVICE, vni: 7, family: 4, address: [0x0a000002, 0, 0, 0], counts: [0, 0, 1, 10] },
      { device: DEVICE, vni: 8, family: 4, address: [0x0a000001, 0, 0, 0], counts: [1, 10, 0, 0] },
      { device: DEVICE + 1, vni: 7, family: 6, address: [-1, 2, 3, 4], counts: [1, 10, 0, 0] },
    ],
  );
});

test('who wants it anew gets rows of its own', (t) => {
  const { worker, control } = both();
  control.peers.want(1);
  worker.peers.begin();
  worker.peers.add(DEVICE, 7, 4, ADDRESSES, 0, PeerCounter.RX_PACKETS, 1, 100);
  control.peers.want(2);
  t.deepEqual(control.peers.rows(), [], 'those of before are none of them');
  worker.peers.begin();
  worker.peers.add(DEVICE, 7, 4, ADDRESSES, 4, PeerCounter.RX_PACKETS, 1, 10);
  t.deepEqual(
    control.peers.rows().map(({ counts }) => counts),
    [[1, 10, 0, 0]],
  );
});

test('when the rows are used up, all others share one', (t) => {
  const { worker, control } = both();
  control.peers.want(1);
  worker.peers.begin();
  const more = 100;
  for (let vni = 0; vni < PEER_ROWS - 1 + more; vni++)
    worker.peers.add(DEVICE, vni, 4, ADDRESSES, 0, PeerCounter.RX_PACKETS, 1, 10);
  worker.peers.add(DEVICE, 0, 4, ADDRESSES, 0, PeerCounter.RX_PACKETS, 1, 10);
  const rows = control.peers.rows();
  t.is(rows.length, PEER_ROWS);
  t.like(rows[0], { device: -1, counts: [more, 10 * more, 0, 0] });
  t.like(rows[1], { device: DEVICE, vni: 0, counts: [2, 20, 0, 0] });
});

test('sizes are counted by powers of two', (t) => {
  const counters = new Counters();
  for (const size of [1, 2, 3, 4, 5, 64, 65, 2048, 2049, 1e6]) counters.size(SizeHistogram.RECEIVE_BATCH, size);
  const buckets = Array.from({ length: SIZE_BUCKETS }, (_, n) => counters.sizeValue(SizeHistogram.RECEIVE_BATCH, n));
  t.deepEqual(buckets, [1, 1, 2, 1, 0, 0, 1, 1, 0, 0, 0, 3]);
});
