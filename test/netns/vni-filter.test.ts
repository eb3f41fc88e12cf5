// bridge vni: the same lines on kernel devices and on vtep's, and frames of VNIs that are in the filter or not.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { ping } from './traffic.js';

const DEVICES = [
  'ip link add vxf type vxlan external vnifilter dstport 4789',
  'ip link add vxg type vxlan external vnifilter dstport 4789',
  'ip link add vxh type vxlan external vnifilter dev lo remote 10.0.0.44 dstport 4791',
  'ip link add vxe type vxlan external dstport 4790',
];

const LINES = [
  'vni add vni 10 dev vxf',
  'vni add vni 20-22 remote 10.0.0.9 dev vxf',
  'vni add vni 10 dev vxf',
  'vni add vni 10 remote 10.0.0.7 dev vxf',
  'vni add vni 20 dev vxf',
  'vni show',
  '-s vni show',
  '-j vni show',
  '-s -j -p vni show dev vxf',
  'fdb show dev vxf',
  'vni delete vni 21 dev vxf',
  'vni delete vni 99 dev vxf',
  'vni add vni 30 group 239.1.1.1 dev vxf',
  'vni show',
  'fdb append 00:00:00:00:00:00 dev vxf dst 10.0.0.6 src_vni 22',
  'fdb show dev vxf',
  'vni add vni 22 dev vxg',
  'vni add vni 40 dev vxg',
  'vni show',
  'vni add vni 22 dev lo',
  'vni add vni 22 dev vxe',
  'vni add vni 22 dev nope',
  'vni add vni 0 dev vxf',
  'vni show dev vxe',
  'vni show dev nope',
  'fdb show dev vxh',
  'vni add vni 50 dev vxh',
  'vni add vni 51 group 239.1.1.1 dev vxh',
  'vni add vni 52 remote fd00::1 dev vxh',
  'fdb show dev vxh',
  'vni show dev vxh',
  'vni delete vni 51 dev vxh',
  'fdb show dev vxh',
  'fdb flush dev vxh',
  'vni show dev vxh',
];

rooted('bridge vni says, refuses and shows what it does on kernel devices', async (t) => {
  const topology = await twoHosts(t);
  t.timeout(120_000);
  const { a } = topology;
  await a.do('ip link del vxlan4');
  for (const line of DEVICES) await a.do(line);
  const daemon = await Daemon.start(topology, DEVICES);
  for (const line of LINES) {
    const [theirs, ours] = await Promise.all([a.attempt(`bridge ${line}`), daemon.attempt(`bridge ${line}`)]);
    t.deepEqual([ours.code, ours.stdout, ours.stderr], [theirs.code, theirs.stdout, theirs.stderr], line);
  }
  for (const line of ['ip link set vxh type vxlan remote 10.0.0.45', 'bridge fdb show dev vxh']) {
    const [theirs, ours] = [await a.attempt(line), await daemon.attempt(line)];
    t.deepEqual([ours.code, ours.stdout, ours.stderr], [theirs.code, theirs.stdout, theirs.stderr], line);
  }
});

rooted('a filter lets its VNIs in, counts them, and nothing else', async (t) => {
  const topology = await twoHosts(t);
  const { a } = topology;
  const batch = topology.batch.map((line) => line.replace(/ external /, ' external vnifilter '));
  const daemon = await Daemon.start(topology, batch);
  t.is((await ping(a, '10.4.0.2', { count: 2 })).received, 0);
  t.is((await daemon.drops())('unknown-vni'), 2);
  await daemon.do('bridge vni add vni 3-4 dev vxlan0');
  t.is((await ping(a, '10.4.0.2')).received, 3);
  const shown = JSON.parse(await daemon.do('bridge -s -j vni show dev vxlan0'));
  const stats = shown[0].vnis.map(({ vni, stats: counts }: { vni: number; stats: object }) => [vni, counts]);
  const none = { rx_bytes: 0, rx_pkts: 0, rx_drops: 0, rx_errors: 0 };
  t.like(stats[0], [3, { ...none, tx_pkts: 0 }]);
  // As the kernel counts: received without the Ethernet header, sent with it.
  t.like(stats[1], [4, { ...none, rx_pkts: 3, rx_bytes: 3 * 84, tx_pkts: 3, tx_bytes: 3 * 98 }]);
  await daemon.do('bridge vni delete vni 4 dev vxlan0');
  t.is((await ping(a, '10.4.0.2', { count: 2 })).received, 0);
});
