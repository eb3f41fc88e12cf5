// One vxlan device, two peers, two VNIs, two TAPs.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { type Host, INNER, type Topology } from './topology.js';
import { iperf, linkStatistic, ping } from './traffic.js';

const MAC_C = '24:25:d0:e1:00:0c';
const MAC_TAP1 = '02:25:d0:13:01:05';

/** Host C, joined to host B by a veth pair of its own: VNI 5, 10.5.0.1. */
async function secondPeer(topology: Topology): Promise<Host> {
  const { b } = topology;
  const c = await topology.addHost('c');
  await c.do(`ip link add vc type veth peer name vb2 netns ${b.namespace}`);
  await c.do('ip addr add 192.168.2.14/24 dev vc');
  await c.do('ip link set vc up');
  await b.do('ip addr add 192.168.2.13/24 dev vb2');
  await b.do('ip link set vb2 up');
  await vxlan(c, 'vxlan5', 5, MAC_C, '10.5.0.1');
  return c;
}

async function vxlan(c: Host, dev: string, vni: number, mac: string, address: string): Promise<void> {
  const addressed = `local 192.168.2.14 remote 192.168.2.13 dstport 4789 dev vc`;
  await c.do(`ip link add ${dev} address ${mac} mtu 1450 type vxlan id ${vni} ${addressed}`);
  await c.do(`ip link set ${dev} up`);
  await c.do(`ip addr add ${address}/24 dev ${dev}`);
  await c.do(`ip neigh replace ${address.replace(/\d+$/, '2')} lladdr ${MAC_TAP1} dev ${dev} nud permanent`);
}

/** What the second peer needs on host B, through the same vxlan0. */
const SECOND = [
  'ip tuntap add dev tap1 mode tap',
  `ip link set dev tap1 address ${MAC_TAP1} mtu 1450 up`,
  'ip addr add 10.5.0.2/24 dev tap1',
  `ip neigh replace 10.5.0.1 lladdr ${MAC_C} dev tap1 nud permanent`,
  `tc filter add dev vxlan0 protocol ip parent ffff: prio 1 flower dst_mac ${MAC_TAP1} src_mac ${MAC_C} enc_dst_ip 192.168.2.13 enc_src_ip 192.168.2.14 enc_key_id 5 enc_dst_port 4789 action tunnel_key unset pipe action mirred egress redirect dev tap1`,
  'tc qdisc add dev tap1 clsact',
  `tc filter add dev tap1 ingress protocol all flower src_mac ${MAC_TAP1} action tunnel_key set id 5 src_ip 192.168.2.13 dst_ip 192.168.2.14 dst_port 4789 action mirred egress redirect dev vxlan0`,
];

rooted('a second VNI of a second peer runs through the same device to a second TAP', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const c = await secondPeer(topology);
  const daemon = await Daemon.start(topology, [...topology.batch, ...SECOND]);
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.is((await ping(c, '10.5.0.2')).received, 3);
  const packets = (await daemon.actions('vxlan0')).map((action) => action.packets);
  t.deepEqual(packets, [3, 3, 3, 3], 'each rule counts its own');
  t.is(await linkStatistic(b, 'tap0', 'rx_packets'), 3);
  t.is(await linkStatistic(b, 'tap1', 'rx_packets'), 3);
  t.true((await iperf(a, b, INNER[4].b)).bytes > 1e6);
  t.true((await iperf(c, b, '10.5.0.2')).bytes > 1e6);
  t.true((await iperf(c, b, '10.5.0.2', { reverse: true })).bytes > 1e6);
});

rooted('both peers at once do not disturb each other', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const c = await secondPeer(topology);
  await Daemon.start(topology, [...topology.batch, ...SECOND]);
  const serverC = b.start(['iperf3', '-s', '-1', '-i', '0', '-p', '5300', '--forceflush']);
  await serverC.waitFor(/listening/i);
  const clientC = c.start(['iperf3', '-c', '10.5.0.2', '-p', '5300', '-t', '2', '-i', '0']);
  t.true((await iperf(a, b, INNER[4].b, { reverse: true })).bytes > 1e6);
  t.is((await clientC.exited).code, 0);
});

rooted('the right VNI from a peer that no rule names is delivered nowhere', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const c = await secondPeer(topology);
  const daemon = await Daemon.start(topology, [...topology.batch, ...SECOND]);
  await vxlan(c, 'vxlan4', 4, '24:25:d0:e1:00:1c', '10.6.0.1');
  t.is((await ping(c, '10.6.0.2', { count: 2 })).received, 0);
  t.is((await daemon.drops())('unmatched'), 2);
  t.is(await linkStatistic(b, 'tap0', 'rx_packets'), 0);
  t.is(await linkStatistic(b, 'tap1', 'rx_packets'), 0);
});
