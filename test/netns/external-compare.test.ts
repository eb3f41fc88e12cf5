// Tunnel metadata, on the kernel's side from a route (lwtunnel), on vtep's from tunnel_key: the same outer headers.
import { Daemon } from './daemon.js';
import { vxlanDatagrams } from './outer-header.js';
import { rooted, twoHosts } from './rooted.js';
import type { Host, Topology } from './topology.js';
import { ping } from './traffic.js';

interface Row {
  readonly title: string;
  /** Options of both devices. */
  readonly options?: string;
  /** Words behind `encap ip`, and behind `tunnel_key set`. */
  readonly encap: string;
  readonly set: string;
  /** ping's options. */
  readonly ping?: string;
}

const ROWS: readonly Row[] = [
  { title: 'as little as can be said', encap: '', set: 'nocsum' },
  { title: 'a checksum', encap: 'csum', set: 'csum' },
  { title: 'a TOS and a TTL', encap: 'tos 0x48 ttl 17', set: 'tos 0x48 ttl 17 nocsum' },
  { title: 'the inner ECN field', encap: 'tos 0x48', set: 'tos 0x48 nocsum', ping: '-Q 0x2' },
  { title: 'CE, which becomes ECT(0)', encap: 'tos 0x4b', set: 'tos 0x4b nocsum', ping: '-Q 0x3' },
  { title: 'a group policy', options: 'gbp', encap: 'vxlan_opts 0x48abcd', set: 'vxlan_opts 0x48abcd nocsum' },
  { title: 'a group policy for a device without', encap: 'vxlan_opts 5', set: 'vxlan_opts 5 nocsum' },
  { title: 'VXLAN-GPE', options: 'gpe', encap: '', set: 'nocsum' },
];
const VNI = 7;
const FAR = '10.7.0.2';
const MAC = '02:00:00:00:00:99';

/** The outer headers of one ping's datagram, and the length of what it carries. */
async function pinged({ a, b }: Topology, options: string): Promise<unknown> {
  const capture = a.start(a.tool('raw-frames', 'capture', 'va'));
  await capture.waitFor(/capturing/);
  await b.attempt(`ping -n -c 1 -W 1 -s 100 -p 5a ${options} ${FAR}`);
  await capture.waitFor(/(?:5a){64}/);
  const { stdout } = await capture.stop();
  const [first] = vxlanDatagrams(stdout.split('\n'), 4789);
  if (first === undefined) return undefined;
  const { sourcePort: _, ...outer } = first.outer;
  return { outer, bytes: first.inner.length };
}

async function address(b: Host, device: string): Promise<void> {
  await b.do(`ip addr add 10.7.0.1/24 dev ${device}`);
  await b.attempt(`ip neigh replace ${FAR} lladdr ${MAC} dev ${device}`);
}

for (const underlay of [4, 6] as const) {
  rooted(`metadata of a rule is on the wire what metadata of a route is, over IPv${underlay}`, async (t) => {
    const topology = await twoHosts(t, { underlay, mode: 'wire' });
    t.timeout(120_000);
    const { b, outer } = topology;
    const family = underlay === 4 ? 'ip' : 'ip6';
    for (const { title, options = '', encap, set, ping: more = '' } of ROWS) {
      // No group policy words for IPv6 in the ip of Debian 12.
      if (underlay === 6 && encap.includes('vxlan_opts')) continue;
      await b.do(`ip link add vxlan0 type vxlan external dstport 4789 ${options}`);
      await b.do('ip link set vxlan0 up');
      await address(b, 'vxlan0');
      const words = encap
        .replace('ttl', underlay === 4 ? 'ttl' : 'hoplimit')
        .replace('tos', underlay === 4 ? 'tos' : 'tc');
      await b.do(`ip route add ${FAR}/32 encap ${family} id ${VNI} dst ${outer.a} src ${outer.b} ${words} dev vxlan0`);
      const kernel = await pinged(topology, more);
      await b.do('ip link del vxlan0');

      const daemon = await Daemon.start(topology, [
        `ip link add vxlan0 type vxlan external dstport 4789 ${options}`,
        'ip link add tap0 type tap',
        'ip link set vxlan0 up',
        'ip link set tap0 up',
        'tc qdisc add dev tap0 ingress',
        `tc filter add dev tap0 ingress protocol ip flower action tunnel_key set src_ip ${outer.b} dst_ip ${outer.a} id ${VNI} ${set} action mirred egress redirect dev vxlan0`,
      ]);
      await address(b, 'tap0');
      const vtep = await pinged(topology, more);
      await daemon.stop();
      t.truthy(kernel, title);
      t.deepEqual(vtep, kernel, title);
    }
  });

  rooted(`VXLAN-GPE talks to the kernel's both ways, over IPv${underlay}`, async (t) => {
    const topology = await twoHosts(t, { underlay });
    const { a, b, outer } = topology;
    await a.do('ip link add gpe0 type vxlan external gpe dstport 4790');
    await a.do('ip link set gpe0 up');
    await a.do(`ip addr add ${FAR}/24 dev gpe0`);
    const family = underlay === 4 ? 'ip' : 'ip6';
    await a.do(`ip route add 10.7.0.1/32 encap ${family} id ${VNI} dst ${outer.b} src ${outer.a} csum dev gpe0`);
    const daemon = await Daemon.start(topology, [
      `ip link add vxlan0 type vxlan external gpe local ${outer.b}`,
      'ip link add tap0 type tap',
      'ip link set vxlan0 up',
      'ip link set tap0 mtu 1400 up',
      'tc qdisc add dev tap0 ingress',
      `tc filter add dev tap0 ingress protocol ip flower action tunnel_key set src_ip ${outer.b} dst_ip ${outer.a} id ${VNI} action mirred egress redirect dev vxlan0`,
    ]);
    // What comes in is for the device's own stack; what goes out is routed to the TAP that leads into the tunnel.
    await b.do('ip addr add 10.7.0.1/32 dev vxlan0');
    await b.do(`ip route add ${FAR}/32 dev tap0 src 10.7.0.1`);
    await b.do(`ip neigh replace ${FAR} lladdr ${MAC} dev tap0`);
    for (const size of [56, 1300]) {
      t.is((await ping(b, FAR, { size })).received, 3);
      t.is((await ping(a, '10.7.0.1', { size })).received, 3);
    }
    t.is((await daemon.drops())('gpe-bundle'), 0);
  });
}
