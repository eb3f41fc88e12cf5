// mirred to an interface that is not vtep's.
//
//   host A ── vxlan ── vxlan0 ─ redirect ─► vr ══ veth ══ vc   host C, with the inner address of host B
//                        ▲                  │
//                        └── tap0 ◄── br0 ──┘   the way back: the host's bridge hands it to a TAP of vtep
import type { ExecutionContext } from 'ava';
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { type Host, INNER, MAC_A, MAC_B, type Topology } from './topology.js';
import { checksumErrors, iperf, linkStatistic, ping, streamIsIntact } from './traffic.js';

interface Bridged {
  readonly topology: Topology;
  readonly c: Host;
}

async function bridged(t: ExecutionContext, mode: 'super' | 'wire'): Promise<Bridged> {
  const topology = await twoHosts(t, { mode });
  const c = await topology.addHost('c');
  const { b } = topology;
  await b.do(`ip link add vr mtu 1450 type veth peer name vc address ${MAC_B} mtu 1450 netns ${c.namespace}`);
  await b.do('ip link set vr up');
  await c.do(`ip addr add ${INNER[4].b}/24 dev vc`);
  await c.do('ip link set vc up');
  await c.do(`ip neigh add ${INNER[4].a} lladdr ${MAC_A} dev vc`);
  return { topology, c };
}

const set = ({ outer }: Topology): string => `tunnel_key set id 4 src_ip ${outer.b} dst_ip ${outer.a} dst_port 4789`;

function batchOf(topology: Topology): string[] {
  return [
    'ip link add vxlan0 type vxlan external dstport 4789',
    'ip tuntap add dev tap0 mode tap',
    'ip link set dev tap0 mtu 1450 up',
    'ip link set dev vxlan0 up',
    'tc qdisc add dev vxlan0 ingress',
    'tc filter add dev vxlan0 ingress protocol all pref 1 handle 1 flower enc_key_id 4 action tunnel_key unset action mirred egress redirect dev vr',
    'tc qdisc add dev tap0 ingress',
    `tc filter add dev tap0 ingress protocol all pref 1 flower action ${set(topology)} action mirred egress redirect dev vxlan0`,
  ];
}

async function bridge({ b }: Topology): Promise<void> {
  await b.do('ip link add br0 type bridge');
  for (const port of ['vr', 'tap0']) await b.do(`ip link set ${port} master br0`);
  await b.do('ip link set br0 up');
}

/** Waits until a condition holds; AVA's own deadline bounds it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

for (const mode of ['super', 'wire'] as const) {
  rooted(`a redirect to a veth of the host carries ping and TCP, ${mode}`, async (t) => {
    const { topology, c } = await bridged(t, mode);
    const { a, b } = topology;
    const daemon = await Daemon.start(topology, batchOf(topology));
    await bridge(topology);
    t.is((await ping(a, INNER[4].b)).received, 3);
    const before = [await linkStatistic(c, 'vc', 'rx_bytes'), await linkStatistic(c, 'vc', 'rx_packets')] as const;
    const receive = await iperf(a, c, INNER[4].b);
    const bytes = (await linkStatistic(c, 'vc', 'rx_bytes')) - before[0];
    const packets = (await linkStatistic(c, 'vc', 'rx_packets')) - before[1];
    const transmit = await iperf(a, c, INNER[4].b, { reverse: true });
    t.log(
      `receive ${(receive.bitsPerSecond / 1e9).toFixed(2)} Gb/s in frames of ${Math.round(bytes / packets)} bytes, transmit ${(transmit.bitsPerSecond / 1e9).toFixed(2)} Gb/s`,
    );
    t.true(receive.bytes > 1e6);
    t.true(transmit.bytes > 1e6);
    t.true(bytes / packets > 4000, 'super-frames stay whole');
    t.true(await streamIsIntact(a, c, INNER[4].b, 16e6));
    t.deepEqual(await checksumErrors(c), { tcp: 0, udp: 0 });
    t.deepEqual(await checksumErrors(a), { tcp: 0, udp: 0 });
    t.regex(await daemon.do('tc filter show dev vxlan0 ingress'), /mirred \(Egress Redirect to device vr\) stolen/);
    t.regex(await daemon.do('save'), /mirred egress redirect dev vr/);
    // Segments are made where the interface wants them made.
    await b.offloads('vr', 'tx off');
    t.true((await iperf(a, c, INNER[4].b)).bytes > 1e6);
    t.deepEqual(await checksumErrors(c), { tcp: 0, udp: 0 });
  });
}

rooted('an interface of the host that is down, renamed or gone is followed, as a TAP is', async (t) => {
  const { topology, c } = await bridged(t, 'super');
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, batchOf(topology));
  await bridge(topology);
  t.is((await ping(a, INNER[4].b)).received, 3);
  await b.do('ip link set vr down');
  await until(async () => {
    await ping(a, INNER[4].b, { count: 1 });
    return (await daemon.drops())('mirred-down') > 0;
  });
  await b.do('ip link set vr name vr2');
  await b.do('ip link set vr2 up');
  await until(async () => (await ping(a, INNER[4].b, { count: 1 })).received === 1);
  t.regex(await daemon.do('tc filter show dev vxlan0 ingress'), /Redirect to device vr2/);
  await c.do('ip link del vc');
  await until(async () => {
    await ping(a, INNER[4].b, { count: 1 });
    return (await daemon.drops())('mirred-gone') > 0;
  });
  t.regex(await daemon.do('tc filter show dev vxlan0 ingress'), /Redirect to device \*/);
  t.is((await daemon.stop()).code, 0);
});

rooted('what a redirect to the host cannot do is refused by name', async (t) => {
  const { topology } = await bridged(t, 'super');
  const daemon = await Daemon.start(topology, batchOf(topology));
  const onHost = await daemon.attempt('tc filter add dev vr ingress protocol all flower action drop');
  t.is(onHost.code, 2);
  t.regex(onHost.stderr, /"vr" is the host's, not a device of vtep: filters hang on devices that vtep made/);
  const inwards = await daemon.attempt(
    'tc filter add dev vxlan0 ingress protocol ip pref 2 flower action mirred ingress redirect dev vr',
  );
  t.is(inwards.code, 2);
  t.regex(inwards.stderr, /mirred ingress to "vr", which is the host's/);
  const absent = await daemon.attempt(
    'tc filter add dev vxlan0 ingress protocol ip pref 2 flower action mirred egress redirect dev nosuch',
  );
  t.is(absent.code, 1);
  t.regex(absent.stderr, /Cannot find device "nosuch"/);
  // The last action that names it takes its socket along.
  const sockets = async (): Promise<number> =>
    (await topology.b.do('cat /proc/net/packet')).split('\n').filter((line) => / 3 +0{4} /.test(line)).length;
  t.is(await sockets(), 1);
  await daemon.do(
    'tc filter replace dev vxlan0 ingress protocol all pref 1 handle 1 flower enc_key_id 4 action mirred egress mirror dev vr',
  );
  t.is(await sockets(), 1);
  await daemon.do('tc filter del dev vxlan0 ingress pref 1');
  await until(async () => (await sockets()) === 0);
});

rooted('a file with a redirect to the host is read again, and its rules stay as they are', async (t) => {
  const { topology } = await bridged(t, 'super');
  const { a } = topology;
  const daemon = await Daemon.start(topology, batchOf(topology));
  await bridge(topology);
  t.is((await ping(a, INNER[4].b)).received, 3);
  const before = await daemon.actions('vxlan0');
  await daemon.do('reload');
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.is((await daemon.actions('vxlan0'))[1]?.packets, (before[1]?.packets ?? 0) + 3);
});

rooted('filters and chains of an interface that is the host’s are shown as the system’s tc shows them', async (t) => {
  const { topology } = await bridged(t, 'super');
  const { b } = topology;
  const daemon = await Daemon.start(topology, batchOf(topology));
  await b.do('tc qdisc add dev vr clsact');
  await b.do('tc filter add dev vr ingress protocol ip pref 7 u32 match u32 0 0 action mirred egress mirror dev lo');
  for (const line of [
    'tc filter show dev vr ingress',
    'tc filter show dev vr ingress protocol ip pref 7',
    'tc -j filter show dev vr ingress',
    'tc chain show dev vr ingress',
    'tc filter show dev vr egress',
  ]) {
    t.is(await daemon.do(line), await b.do(line), line);
  }
  const refused = await daemon.attempt('tc filter add dev vr ingress flower action drop');
  t.is(refused.code, 2);
  t.regex(refused.stderr, /^vtep: "vr" is the host's/);
});
