// Every action and both hooks at run time, between a kernel VXLAN device (host A) and vtep (host B):
//
//   host A: vxlan4 ── veth ── vxlan0 ingress: FROM_A ──► egress of tap0 ──► tap0 ── host B's stack
//                             vxlan0 egress ◄── FROM_B :tap0 ingress ◄─────────┘
import { Daemon, parseActions } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, MAC_A, MAC_B, type Topology } from './topology.js';
import { checksumErrors, iperf, linkStatistic, ping } from './traffic.js';

const A = INNER[4].a;
const B = INNER[4].b;
/** An address of B that nobody has. */
const OTHER = '10.4.0.99';
const INTO_TUNNEL =
  'action tunnel_key set id 4 src_ip 192.168.1.13 dst_ip 192.168.1.14 dst_port 4789 action mirred egress redirect dev vxlan0';
const TO_TAP = 'action tunnel_key unset action mirred egress redirect dev tap0';

interface Rules {
  /** Actions before those that carry the frame on, at the ingress of vxlan0 and of tap0. */
  readonly fromA?: string;
  readonly fromB?: string;
  /** Lines that make devices. */
  readonly devices?: readonly string[];
  /** Whole filter lines. */
  readonly more?: readonly string[];
  readonly toTap?: string;
}

function lines(topology: Topology, rules: Rules): string[] {
  const { fromA = '', fromB = '', devices = [], more = [], toTap = TO_TAP } = rules;
  const host = topology.batch.filter((line) => !line.startsWith('tc '));
  return [
    ...host,
    ...devices,
    'tc qdisc add dev vxlan0 clsact',
    'tc qdisc add dev tap0 clsact',
    `tc filter add dev vxlan0 ingress protocol all prio 10 flower enc_key_id 4 ${fromA} ${toTap}`,
    `tc filter add dev tap0 ingress protocol all prio 10 flower src_mac ${MAC_B} ${fromB} ${INTO_TUNNEL}`,
    ...more,
  ];
}

rooted('addresses and ports are rewritten both ways, checksums with them, of super-frames too', async (t) => {
  for (const mode of ['super', 'wire'] as const) {
    const topology = await twoHosts(t, { mode });
    const { a, b } = topology;
    const daemon = await Daemon.start(
      topology,
      lines(topology, {
        fromA: `action pedit ex munge ip dst set ${B} munge ip ttl decrement pipe action csum ip4h and icmp and tcp and udp pipe`,
        fromB: `action pedit ex munge ip src set ${OTHER} pipe action csum ip4h icmp tcp udp pipe`,
      }),
    );
    await a.do(`ip neigh replace ${OTHER} lladdr ${MAC_B} dev vxlan4 nud permanent`);
    t.is((await ping(a, OTHER)).received, 3, mode);
    t.true((await iperf(a, b, OTHER)).bytes > 2e6, `${mode} into the tunnel's end`);
    t.true((await iperf(a, b, OTHER, { reverse: true })).bytes > 2e6, `${mode} the other way`);
    const udp = await iperf(a, b, OTHER, { udp: true, bandwidth: '20M', length: 1400 });
    t.true(udp.packets > 100 && udp.lost < udp.packets / 2, `${mode} UDP: ${udp.lost} of ${udp.packets} lost`);
    t.deepEqual(await checksumErrors(a), { tcp: 0, udp: 0 }, mode);
    t.deepEqual(await checksumErrors(b), { tcp: 0, udp: 0 }, mode);
    await daemon.stop();
    await topology.down();
  }
});

rooted('without csum a rewritten frame keeps the checksum that it had, and nobody takes it', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, lines(topology, { fromA: `action pedit ex munge ip dst set ${B} pipe` }));
  await topology.a.do(`ip neigh replace ${OTHER} lladdr ${MAC_B} dev vxlan4 nud permanent`);
  t.is((await ping(topology.a, B, { count: 2 })).received, 2, 'the same address, the same checksum');
  t.is((await ping(topology.a, OTHER, { count: 2 })).received, 0);
  t.is(await linkStatistic(topology.b, 'tap0', 'rx_packets'), 4);
  t.true((await daemon.actions('vxlan0')).every(({ packets }) => packets === 4));
});

rooted('a tag that is pushed at one hook is matched on and popped at the next, both ways', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(
    topology,
    lines(topology, {
      fromA: 'action vlan push id 7 priority 3 action vlan push protocol 802.1ad id 70',
      fromB: 'action vlan push id 5',
      more: [
        'tc filter add dev tap0 egress protocol 802.1ad prio 1 flower action vlan pop continue',
        'tc filter add dev tap0 egress protocol 802.1Q prio 2 flower action vlan modify id 8 reclassify',
        'tc filter add dev tap0 egress protocol 802.1Q prio 1 chain 1 flower action vlan pop pass',
        'tc filter add dev vxlan0 egress protocol 802.1Q prio 1 flower action vlan pop pass',
      ].map((line) => line.replace('modify id 8 reclassify', 'modify id 8 goto chain 1')),
    }),
  );
  t.is((await ping(a, B)).received, 3);
  t.true((await iperf(a, b, B)).bytes > 2e6);
  t.true((await iperf(a, b, B, { reverse: true })).bytes > 2e6);
  t.is(await linkStatistic(b, 'tap0', 'rx_dropped'), 0);
  const popped = parseActions(await daemon.do('tc -s filter show dev tap0 egress'));
  t.deepEqual(
    popped.map(({ text }) => text),
    ['vlan  pop continue', 'vlan  modify id 8 protocol 802.1Q goto chain 1', 'vlan  pop pass'],
  );
  t.true(new Set(popped.map(({ packets }) => packets)).size === 1, 'each saw every frame');
});

rooted('what is left tagged is what the host gets', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, lines(topology, { fromA: 'action vlan push id 7' }));
  t.is((await ping(topology.a, B, { count: 2 })).received, 0, 'there is no device for VLAN 7');
  t.is(await linkStatistic(topology.b, 'tap0', 'rx_packets'), 2);
  // 98 bytes and the tag.
  t.is(await linkStatistic(topology.b, 'tap0', 'rx_bytes'), 2 * 102);
  t.is((await daemon.drops())('tap-invalid'), 0);
});

rooted('an Ethernet header is taken off and another put on; without one a frame goes nowhere', async (t) => {
  const topology = await twoHosts(t);
  const swap = `action vlan pop_eth action vlan push_eth dst_mac ${MAC_B} src_mac ${MAC_A}`;
  const daemon = await Daemon.start(topology, lines(topology, { fromA: swap }));
  t.is((await ping(topology.a, B)).received, 3);
  await daemon.do('tc filter del dev vxlan0 ingress');
  await daemon.do(`tc filter add dev vxlan0 ingress protocol all flower action vlan pop_eth ${TO_TAP}`);
  t.is((await ping(topology.a, B, { count: 2 })).received, 0);
  t.is((await daemon.drops())('no-ethernet-header'), 2);
});

rooted('the egress of a vxlan device sees what the host sends there, and gives it its metadata', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const host = topology.batch.filter((line) => !/tap0|^tc /.test(line));
  const daemon = await Daemon.start(topology, [
    ...host,
    'tc qdisc add dev vxlan0 clsact',
    'tc filter add dev vxlan0 ingress protocol all prio 1 flower enc_key_id 4 action pass',
    'tc filter add dev vxlan0 egress protocol all prio 1 flower action tunnel_key set id 4 src_ip 192.168.1.13 dst_ip 192.168.1.14 dst_port 4789 continue',
    'tc filter add dev vxlan0 egress protocol all prio 2 flower enc_key_id 4 enc_dst_ip 192.168.1.14 action pass',
    'tc filter add dev vxlan0 egress protocol all prio 3 flower action drop',
    `ip addr add ${B}/24 dev vxlan0`,
    `ip neigh replace ${A} lladdr ${MAC_A} dev vxlan0 nud permanent`,
  ]);
  const mac = JSON.parse(await b.do('ip -j link show dev vxlan0')) as { address: string }[];
  await a.do(`ip neigh replace ${B} lladdr ${mac[0]?.address} dev vxlan4 nud permanent`);
  t.is((await ping(a, B)).received, 3);
  t.true((await iperf(a, b, B, { reverse: true })).bytes > 2e6);
  const [set, pass, drop] = parseActions(await daemon.do('tc -s filter show dev vxlan0 egress'));
  t.is(pass?.packets, set?.packets);
  t.is(drop?.packets, 0);
});

rooted('at an egress bytes count with the Ethernet header, and a drop is one of the device', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(
    topology,
    lines(topology, {
      more: [
        'tc filter add dev vxlan0 egress protocol ip prio 1 flower ip_proto icmp action continue',
        `tc filter add dev vxlan0 egress protocol ip prio 2 flower src_ip ${OTHER} action drop`,
        'tc filter add dev tap0 egress protocol ip prio 1 flower indev vxlan0 action pass',
      ],
    }),
  );
  t.is((await ping(topology.a, B)).received, 3);
  const [out] = parseActions(await daemon.do('tc -s filter show dev vxlan0 egress'));
  t.like(out, { bytes: 3 * 98, packets: 3 });
  t.like(parseActions(await daemon.do('tc -s filter show dev tap0 egress'))[0], { bytes: 3 * 98, packets: 3 });
  t.true((await daemon.actions('vxlan0')).every(({ bytes }) => bytes === 3 * 84));
  await daemon
    .do(`tc filter replace dev vxlan0 egress protocol ip prio 2 handle 1 flower src_ip ${B} action drop`)
    .catch(() => undefined);
  await daemon.do('tc filter del dev vxlan0 egress prio 2');
  await daemon.do(`tc filter add dev vxlan0 egress protocol ip prio 2 flower src_ip ${B} action drop`);
  t.is((await ping(topology.a, B, { count: 2 })).received, 0);
  t.is((await daemon.drops())('action-drop'), 2);
  t.regex(await daemon.do('ip -s link show dev vxlan0'), /TX:.*\n\s+\d+\s+\d+\s+\d+\s+2 /);
  const redirected = (await daemon.do('tc -s filter show dev tap0 ingress')).split('mirred')[1] ?? '';
  t.regex(redirected, /overlimits 2 /, 'the redirect that met the drop counts it');
});

rooted('police lets pass what its rate allows, in bytes and in packets', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(
    topology,
    lines(topology, { fromA: 'action police rate 2mbit burst 20k mtu 9000 conform-exceed drop/pipe' }),
  );
  const limited = await iperf(a, b, B, { udp: true, bandwidth: '20M', length: 1000, seconds: 2 });
  t.true(limited.bitsPerSecond > 0.8e6 && limited.bitsPerSecond < 2.6e6, `${limited.bitsPerSecond} bit/s`);
  t.true((await daemon.drops())('police-exceed') > 1000);
  // What it drops it counts twice, as the kernel does: as dropped and as beyond the limit.
  const exceeded = (await daemon.drops())('police-exceed');
  const counted = /dropped (\d+), overlimits (\d+)/.exec(await daemon.do('tc -s filter show dev vxlan0 ingress'));
  t.deepEqual([counted?.[1], counted?.[2]], [`${exceeded}`, `${exceeded}`]);
  await daemon.do('tc filter del dev vxlan0 ingress');
  await daemon.do(
    `tc filter add dev vxlan0 ingress protocol all flower action police pkts_rate 1 pkts_burst 3 conform-exceed drop/pipe ${TO_TAP}`,
  );
  const few = await ping(a, B, { count: 20, interval: 0.01 });
  t.true(few.received >= 2 && few.received <= 6, `${few.received} of 20`);
});

rooted('random drops its share', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, lines(topology, { fromA: 'action pipe random determ drop 3' }));
  t.is((await ping(topology.a, B, { count: 30, interval: 0.02 })).received, 20);
  await daemon.do('tc filter del dev vxlan0 ingress');
  await daemon.do(`tc filter add dev vxlan0 ingress protocol all flower action pipe random netrand drop 2 ${TO_TAP}`);
  const { received } = await ping(topology.a, B, { count: 200, interval: 0.01 });
  t.true(received > 50 && received < 150, `${received} of 200`);
});

rooted('mirred to an ingress has the frame meet the filters of what it is said to have come in on', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(
    topology,
    lines(topology, {
      toTap: 'action mirred ingress redirect dev tap1',
      devices: ['ip tuntap add dev tap1 mode tap', 'ip link set dev tap1 up'],
      more: [
        'tc qdisc add dev tap1 clsact',
        `tc filter add dev tap1 ingress protocol ip prio 1 flower indev tap1 enc_key_id 4 ${TO_TAP}`,
      ],
    }),
  );
  t.is((await ping(topology.a, B)).received, 3);
  t.deepEqual(
    (await daemon.actions('tap1')).map(({ packets, bytes }) => [packets, bytes]),
    [
      [3, 252],
      [3, 252],
    ],
  );
  await daemon.do('tc filter del dev tap1 ingress');
  t.is((await ping(topology.a, B, { count: 2 })).received, 0);
  t.is((await daemon.drops())('tap-unmatched'), 2);
});

rooted('mirred that goes round in a circle ends after four', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(
    topology,
    lines(topology, {
      toTap: 'action mirred ingress redirect dev tap1',
      devices: ['ip tuntap add dev tap1 mode tap', 'ip link set dev tap1 up'],
      more: [
        'tc qdisc add dev tap1 clsact',
        'tc filter add dev tap1 ingress protocol all prio 1 flower action mirred ingress redirect dev tap1',
      ],
    }),
  );
  t.is((await ping(topology.a, B, { count: 2 })).received, 0);
  t.is((await daemon.drops())('mirred-nesting'), 2);
  t.is((await daemon.actions('tap1'))[0]?.packets, 6);
});

rooted('sample counts what it takes, simple says what it has met, skbedit lets pass', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(
    topology,
    lines(topology, {
      fromA: 'action sample rate 1 group 5 trunc 64 action simple sdata seen action skbedit mark 5 priority 1:2',
      more: [
        'tc filter add dev vxlan0 egress protocol all prio 1 flower action skbedit queue_mapping 0 inheritdsfield pass',
      ],
    }),
  );
  t.is((await ping(topology.a, B)).received, 3);
  t.is((await daemon.drops())('sampled'), 3);
  await daemon.process.waitFor(/^vtep: simple: seen_\d+$/m);
  t.like(parseActions(await daemon.do('tc -s filter show dev vxlan0 egress'))[0], {
    text: 'skbedit queue_mapping 0 inheritdsfield pass',
    packets: 3,
  });
  const refused = await daemon.attempt(
    'tc filter add dev vxlan0 ingress protocol all flower action skbedit queue_mapping 0',
  );
  t.is(refused.code, 2);
  t.regex(refused.stderr, /^Error: act_skbedit: "queue_mapping" option on receive side/);
});

rooted('a saved configuration with every action is made again from its lines', async (t) => {
  const topology = await twoHosts(t);
  const kinds = [
    'vlan push id 5 priority 2',
    'vlan modify id 6',
    'vlan pop',
    'vlan pop_eth',
    `vlan push_eth dst_mac ${MAC_A} src_mac ${MAC_B}`,
    'pedit ex munge ip dst set 10.0.0.1 munge tcp dport add 5 retain 0xff munge eth src set 02:00:00:00:00:09',
    'pedit munge offset 0 u8 at 4 f 2 set 5 pipe',
    'csum ip4h and tcp and udplite',
    'skbedit mark 5/0xff priority 1:2 inheritdsfield',
    'police rate 1mbit burst 10k mtu 2k overhead 20 linklayer atm conform-exceed drop/pipe',
    'police pkts_rate 100 pkts_burst 10 conform-exceed continue/pipe',
    'sample rate 100 group 4 trunc 128',
    'pass random netrand drop 7',
    'tunnel_key set id 4 src_ip 1.2.3.4 dst_ip 5.6.7.8 tos 0x10 ttl 9 nocsum',
    'mirred ingress mirror dev tap0',
  ];
  const filters = kinds.map(
    (kind, n) => `tc filter add dev tap0 egress protocol ip prio ${n + 1} flower action ${kind}`,
  );
  const simple = 'tc actions add action simple sdata hello index 9';
  const daemon = await Daemon.start(topology, [...lines(topology, {}), ...filters, simple]);
  const shown = await daemon.do('tc filter show dev tap0 egress');
  const json = await daemon.do('tc -j filter show dev tap0 egress');
  t.is((JSON.parse(json) as unknown[]).length, 2 * kinds.length);
  const saved = await daemon.do('save');
  await daemon.stop();
  const again = await Daemon.start(topology, saved.split('\n'));
  t.is(await again.do('tc filter show dev tap0 egress'), shown);
  t.is(await again.do('tc -j filter show dev tap0 egress'), json);
  t.is(await again.do('save'), saved);
  t.regex(await again.do('tc actions ls action simple'), /Simple <hello>/);
});
