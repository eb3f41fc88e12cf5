// The rule that people have, letter by letter: VNI 4 of one peer, one flower filter, tunnel_key unset, mirred.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, MAC_A, MAC_B } from './topology.js';
import { iperf, linkStatistic, ping } from './traffic.js';

const KEYS = {
  dst_mac: MAC_B,
  src_mac: MAC_A,
  enc_dst_ip: '192.168.1.13',
  enc_src_ip: '192.168.1.14',
  enc_key_id: '4',
  enc_dst_port: '4789',
};

const TO_TAP = 'action tunnel_key unset pipe action mirred egress redirect dev tap0';

const keys = (changed: Partial<typeof KEYS> = {}): string =>
  Object.entries({ ...KEYS, ...changed })
    .map(([name, value]) => `${name} ${value}`)
    .join(' ');

/** The configuration as people have it; `filter` is the one rule of vxlan0. */
const configuration = (filter: string): string[] => [
  'ip link add name vxlan0 type vxlan dstport 4789 dev vb external udp6zerocsumrx udp6zerocsumtx',
  'ip tuntap add dev tap0 mode tap',
  `ip link set dev tap0 address ${MAC_B} mtu 1450 up`,
  'ip addr add 10.4.0.2/24 dev tap0',
  `ip neigh add 10.4.0.1 lladdr ${MAC_A} dev tap0 nud permanent`,
  'ip link set dev vxlan0 up',
  'tc qdisc add dev vxlan0 handle ffff: ingress',
  filter,
  'tc qdisc add dev tap0 clsact',
  `tc filter add dev tap0 ingress protocol all flower src_mac ${MAC_B} action tunnel_key set id 4 src_ip 192.168.1.13 dst_ip 192.168.1.14 dst_port 4789 action mirred egress redirect dev vxlan0`,
];

const RULE = `tc filter add dev vxlan0 protocol ip parent ffff: prio 1 flower skip_hw ${keys()} ${TO_TAP}`;

/** What differs between two runs, in the text of tc, made equal. */
const timeless = (text: string): string =>
  text
    .replaceAll(/installed \d+ sec used \d+ sec( firstused \d+ sec)?/g, 'installed N sec used N sec')
    .replaceAll(/index \d+/g, 'index N');

/** The block of two actions, with the trailing blanks that tc prints. */
const block = (start: string, flags: string[], bytes: number, packets: number): string => {
  const statistics = [
    '\tAction statistics:',
    `\tSent ${bytes} bytes ${packets} pkt (dropped 0, overlimits 0 requeues 0) `,
    '\tbacklog 0b 0p requeues 0',
    '',
  ];
  return [
    `filter ${start}protocol ip pref 1 flower chain 0 `,
    `filter ${start}protocol ip pref 1 flower chain 0 handle 0x1 `,
    `  dst_mac ${MAC_B}`,
    `  src_mac ${MAC_A}`,
    '  eth_type ipv4',
    '  enc_dst_ip 192.168.1.13',
    '  enc_src_ip 192.168.1.14',
    '  enc_key_id 4',
    '  enc_dst_port 4789',
    ...flags,
    '  not_in_hw',
    '\taction order 1: tunnel_key  unset pipe',
    '\t index N ref 1 bind 1 installed N sec used N sec',
    ...statistics,
    '\taction order 2: mirred (Egress Redirect to device tap0) stolen',
    '\tindex N ref 1 bind 1 installed N sec used N sec',
    ...statistics,
    '',
  ].join('\n');
};

rooted('the rule of the field passes ping and iperf3 both ways', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, configuration(RULE));
  const { a, b } = topology;
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.is((await ping(b, INNER[4].a)).received, 3);
  t.true((await iperf(a, b, INNER[4].b)).bytes > 1e6);
  t.true((await iperf(a, b, INNER[4].b, { reverse: true })).bytes > 1e6);
  t.is((await daemon.drops())('unmatched'), 0);
});

rooted('tc -s filter show prints the block that tc prints, and a ping counts 84 bytes in both actions', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, configuration(RULE));
  await ping(topology.a, INNER[4].b, { count: 3 });
  const shown = await daemon.do('tc -s filter show dev vxlan0 ingress');
  t.is(timeless(shown), block('parent ffff: ', ['  skip_hw'], 252, 3));
});

rooted('a rule without pipe and skip_hw, hung on ingress, works and prints the same way', async (t) => {
  const topology = await twoHosts(t);
  const rule = `tc filter add dev vxlan0 ingress protocol ip prio 1 flower ${keys()} action tunnel_key unset action mirred egress redirect dev tap0`;
  const daemon = await Daemon.start(topology, configuration(rule));
  await ping(topology.a, INNER[4].b, { count: 2 });
  t.is(timeless(await daemon.do('tc -s filter show dev vxlan0 ingress')), block('', [], 168, 2));
});

rooted('a super-frame counts each of its segments, and both actions count the same', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, configuration(RULE));
  await iperf(topology.a, topology.b, INNER[4].b);
  const [unset, redirect] = await daemon.actions('vxlan0');
  t.truthy(unset && redirect);
  t.deepEqual([unset?.bytes, unset?.packets], [redirect?.bytes, redirect?.packets]);
  const perPacket = (unset?.bytes ?? 0) / (unset?.packets ?? 1);
  t.true(perPacket > 1000 && perPacket <= 1450, `${perPacket} bytes a packet`);
});

rooted('with any one key changed nothing passes, and every frame is counted as unmatched', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, configuration(RULE));
  const rule = `dev vxlan0 parent ffff: prio 1 handle 0x1`;
  const changes: Partial<typeof KEYS>[] = [
    { dst_mac: '02:25:d0:13:01:03' },
    { src_mac: '24:25:d0:e1:00:01' },
    { enc_dst_ip: '192.168.1.12' },
    { enc_src_ip: '192.168.1.15' },
    { enc_key_id: '5' },
    { enc_dst_port: '4788' },
  ];
  const passes = async (message: string): Promise<void> => {
    t.is((await ping(a, INNER[4].b, { count: 2 })).received, 2, message);
  };
  const refuses = async (message: string): Promise<void> => {
    const before = (await daemon.drops())('unmatched');
    const delivered = await linkStatistic(b, 'tap0', 'rx_packets');
    t.is((await ping(a, INNER[4].b, { count: 2 })).received, 0, message);
    t.is((await daemon.drops())('unmatched') - before, 2, message);
    t.is(await linkStatistic(b, 'tap0', 'rx_packets'), delivered, message);
  };
  await passes('all keys right');
  for (const change of changes) {
    await daemon.do(`tc filter replace ${rule} protocol ip flower ${keys(change)} ${TO_TAP}`);
    await refuses(JSON.stringify(change));
  }
  await daemon.do(`tc filter replace ${rule} protocol ip flower ${keys()} ${TO_TAP}`);
  await passes('all keys right again');
  await daemon.do('tc filter del dev vxlan0 parent ffff: protocol ip prio 1');
  await refuses('the filter is deleted');
  await daemon.do(`tc filter add dev vxlan0 parent ffff: protocol ipv6 prio 1 flower ${keys()} ${TO_TAP}`);
  await refuses('protocol ipv6');
  await daemon.do(`tc filter add dev vxlan0 parent ffff: protocol ip prio 2 flower ${keys()} ${TO_TAP}`);
  await passes('added at run time');
});

rooted('the lines of the topology script work, ARP included', async (t) => {
  const topology = await twoHosts(t, { neighbours: 'arp' });
  await Daemon.start(topology);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
  t.is((await ping(topology.b, INNER[4].a)).received, 3);
});
