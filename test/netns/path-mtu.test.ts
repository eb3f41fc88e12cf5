// Packets that the way to the peer does not take: their senders are told, with the kernel's own message.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER as HOSTS, type Host, type Topology } from './topology.js';
import { iperf, snmp } from './traffic.js';

const INNER = { 4: ['10.7.0.1', '10.7.0.2'], 6: ['fd07::1', 'fd07::2'] } as const;
const MAC = '02:00:00:00:00:99';

/** Pings host A's side with more than fits; gives what `ping` says and the headers of the answer that came in at `device`. */
async function tooLarge(b: Host, device: string, family: 4 | 6): Promise<{ said: string; answer: string }> {
  const capture = b.start(b.tool('raw-frames', 'capture', device));
  await capture.waitFor(/capturing/);
  const { stdout, stderr } = await b.attempt(`ping -n -c 1 -W 2 -M do -s 1500 ${INNER[family][1]}`);
  await capture.waitFor(/0800450002400|86dd60000000/);
  const { stdout: frames } = await capture.stop();
  const answer = frames.split('\n').find((line) => /0800450002400|86dd60000000/.test(line)) ?? '';
  // MACs, IP header, and ICMP's first word but for the checksum of what it quotes, which has the ping's id.
  const icmp = family === 4 ? 34 : 54;
  const header = answer.slice(0, 2 * (icmp + 2)) + answer.slice(2 * (icmp + 4), 2 * (icmp + 8));
  return {
    said: /mtu ?=? ?\(?(\d+)/.exec(stdout + stderr)?.[1] ?? stdout + stderr,
    answer: `${header} ${answer.length}`,
  };
}

/** Addresses and a neighbour for host B's inner device. */
async function address(b: Host, device: string): Promise<void> {
  await b.do(['sh', '-c', 'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6']);
  await b.do(`ip addr add ${INNER[4][0]}/24 dev ${device}`);
  await b.do(`ip addr add ${INNER[6][0]}/64 dev ${device} nodad`);
  for (const family of [4, 6] as const) await b.do(`ip neigh replace ${INNER[family][1]} lladdr ${MAC} dev ${device}`);
}

function batch({ outer }: Topology, peer: string): string[] {
  return [
    `ip link add vxlan0 type vxlan external local ${outer.b} dstport 4789`,
    'ip link add tap0 address 02:00:00:00:00:98 type tap',
    'ip link set vxlan0 mtu 2000 up',
    'ip link set tap0 mtu 2000 up',
    'tc qdisc add dev tap0 ingress',
    'tc qdisc add dev vxlan0 ingress',
    `tc filter add dev tap0 ingress protocol all flower action tunnel_key set src_ip ${outer.b} dst_ip ${outer.a} id ${peer} action mirred egress redirect dev vxlan0`,
    `tc filter add dev vxlan0 ingress protocol all flower enc_src_ip ${outer.a} enc_dst_ip ${outer.b} enc_key_id ${peer} action tunnel_key unset action mirred egress redirect dev tap0`,
  ];
}

for (const underlay of [4, 6] as const) {
  rooted(
    `a packet with DF that does not fit is answered as the kernel's device answers, over IPv${underlay}`,
    async (t) => {
      const topology = await twoHosts(t, { underlay, inner: '46', mode: 'wire' });
      const { b, outer } = topology;
      const limit = underlay === 4 ? '1450' : '1430';
      await b.do('ip link add br0 address 02:00:00:00:00:98 type bridge');
      await b.do(`ip link add vxlan0 type vxlan id 7 remote ${outer.a} local ${outer.b} dstport 4789`);
      await b.do('ip link set vxlan0 mtu 2000 master br0 up');
      await b.do('ip link set br0 mtu 2000 up');
      await address(b, 'br0');
      const kernel = [await tooLarge(b, 'vxlan0', 4), await tooLarge(b, 'vxlan0', 6)];
      await b.do('ip link del br0');
      await b.do('ip link del vxlan0');

      const daemon = await Daemon.start(topology, batch(topology, '7'));
      await address(b, 'tap0');
      const vtep = [await tooLarge(b, 'tap0', 4), await tooLarge(b, 'tap0', 6)];
      t.deepEqual(vtep, kernel);
      t.deepEqual(
        vtep.map(({ said }) => said),
        [limit, limit],
      );
      t.is((await daemon.drops())('path-mtu-answered'), 2);
    },
  );
}

for (const mode of ['super', 'wire'] as const) {
  rooted(
    `TCP finds its size over an underlay route of a smaller MTU, and nothing is fragmented, ${mode}`,
    async (t) => {
      const topology = await twoHosts(t, { inner: '46', mode });
      const { a, b, outer } = topology;
      await b.do(`ip route add ${outer.a}/32 dev vb mtu 1400`);
      const daemon = await Daemon.start(topology);
      t.true((await iperf(b, a, HOSTS[4].a)).bytes > 5e6);
      t.true((await iperf(b, a, HOSTS[6].a)).bytes > 5e6);
      t.true((await daemon.drops())('path-mtu-answered') > 0);
      t.is((await snmp(b, 'Ip')).FragCreates, 0);
    },
  );
}

rooted("a vxlan device's MTU follows its underlay, and the daemon says so", async (t) => {
  const topology = await twoHosts(t);
  const { b, outer } = topology;
  const daemon = await Daemon.start(topology, [
    `ip link add vxlan0 type vxlan external local ${outer.b} dstport 4789`,
    'ip link add vxlan1 type vxlan external dev vb dstport 4790',
    'ip link add vxlan2 mtu 1200 type vxlan external dev vb dstport 4791',
    'ip link add vxlan3 type vxlan external dstport 4792',
  ]);
  const mtus = async (): Promise<number[]> => {
    const links = JSON.parse(await b.do('ip -j link show')) as { ifname: string; mtu: number }[];
    return links.filter(({ ifname }) => ifname.startsWith('vxlan')).map(({ mtu }) => mtu);
  };
  // The kernel's external device over `dev` has 1450, too.
  t.deepEqual(await mtus(), [1450, 1450, 1200, 1500]);
  await b.do('ip link set vb mtu 1400');
  await daemon.process.waitFor(/vxlan1: MTU 1350 instead of 1450, since vb has 1400 now/);
  t.deepEqual(await mtus(), [1350, 1350, 1200, 1500]);
  await b.do('ip link set vb mtu 1500');
  await daemon.process.waitFor(/vxlan1: MTU 1450 instead of 1350, since vb has 1500 now/);
  t.deepEqual(await mtus(), [1450, 1450, 1200, 1500]);
});

rooted("a vxlan device's MTU follows the route to its peer", async (t) => {
  const topology = await twoHosts(t);
  const { b, outer } = topology;
  const daemon = await Daemon.start(topology, [
    `ip link add vxlan0 type vxlan id 7 remote ${outer.a} dstport 4789`,
    'ip link add vxlan1 mtu 1200 type vxlan id 8 remote 192.168.1.99 dstport 4789',
  ]);
  const mtu = async (device: string): Promise<number | undefined> =>
    (JSON.parse(await b.do(`ip -j link show dev ${device}`)) as { mtu: number }[])[0]?.mtu;
  t.is(await mtu('vxlan0'), 1450);
  await b.do(`ip route add ${outer.a}/32 dev vb mtu 1400`);
  await daemon.process.waitFor(/vxlan0: MTU 1350 instead of 1450, since vb has 1400 now/);
  t.is(await mtu('vxlan0'), 1350);
  await b.do(`ip route del ${outer.a}/32 dev vb mtu 1400`);
  await daemon.process.waitFor(/vxlan0: MTU 1450 instead of 1350, since vb has 1500 now/);
  t.is(await mtu('vxlan1'), 1200);
});
