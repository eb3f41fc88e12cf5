/*
 * Each key of flower with frames that match and frames that miss it by a hair, through a TAP and through a tunnel.
 *
 *        host A                        host B
 *   va ──[frames]── vb ── vxlan0: ingress filters of enc_… keys
 *                         tap0 <──[frames]── packet socket: ingress filters of all others
 *
 * Every case has a destination MAC of its own, which its filter matches beside the key, and every filter says
 * `continue`: so all frames pass all filters, and what a filter counted is what it took of its own case's frames.
 */
import type { ExecutionContext } from 'ava';
import { Daemon, parseActions } from './daemon.js';
import { vxlanHeader } from './frames.js';
import { arp, hex, type Ipv4Fields, icmp, ipv4, ipv6, mac, sctp, tag, tcp, udp } from './headers.js';
import { rooted, twoHosts } from './rooted.js';
import { type Host, MAC_A } from './topology.js';

const IP = 0x0800;
const IPV6 = 0x86dd;
const VLAN = 0x8100;
const QINQ = 0x88a8;
const ARP = 0x0806;
const RARP = 0x8035;
const M1 = '02:00:00:00:00:01';
const M2 = '02:00:00:00:00:02';

interface Case {
  /** What stands behind `flower`, and before it where it is not `protocol all`. */
  readonly filter: string;
  readonly protocol?: string;
  /** EtherType and all behind it, of frames that the filter takes and of frames that it does not take. */
  readonly takes: readonly string[];
  readonly leaves: readonly string[];
}

const v4 = (payload: string, fields?: Ipv4Fields): string => hex(IP, 2) + ipv4(payload, fields);
const v6 = (...args: Parameters<typeof ipv6>): string => hex(IPV6, 2) + ipv6(...args);
const tagged = (id: number, priority = 0, behind = v4(udp(1, 2)), tpid = VLAN): string =>
  hex(tpid, 2) + tag(id, priority, 0).slice(0, 4) + behind;
const asked = (operation: number, sender = M1, from = '10.0.0.1', target = M2, to = '10.0.0.2', type = ARP): string =>
  hex(type, 2) + arp(operation, [sender, from], [target, to]);

const plain = v4(udp(1, 2));

const ofFrames: readonly Case[] = [
  { filter: 'num_of_vlans 1', takes: [tagged(5)], leaves: [plain, tagged(5, 0, tagged(6), QINQ)] },
  { filter: 'num_of_vlans 2', takes: [tagged(5, 0, tagged(6), QINQ)], leaves: [plain, tagged(5)] },
  { filter: 'num_of_vlans 0', protocol: 'ip', takes: [plain], leaves: [tagged(5)] },
  {
    filter: 'vlan_id 5',
    protocol: '802.1Q',
    takes: [tagged(5)],
    leaves: [tagged(4), plain, tagged(5, 0, plain, QINQ)],
  },
  { filter: 'vlan_id 5', protocol: '802.1ad', takes: [tagged(5, 0, plain, QINQ)], leaves: [tagged(5)] },
  { filter: 'vlan_prio 3', protocol: '802.1Q', takes: [tagged(5, 3)], leaves: [tagged(5, 2)] },
  {
    filter: 'vlan_ethtype ipv4 dst_ip 10.0.0.2',
    protocol: '802.1Q',
    takes: [tagged(5)],
    leaves: [tagged(5, 0, v4(udp(1, 2), { destination: '10.0.0.3' })), tagged(5, 0, v6(udp(1, 2), 17)), plain],
  },
  {
    filter: 'vlan_ethtype 802.1Q cvlan_id 6',
    protocol: '802.1ad',
    takes: [tagged(5, 0, tagged(6), QINQ)],
    leaves: [tagged(6, 0, tagged(5), QINQ), tagged(6, 0, plain, QINQ)],
  },
  {
    filter: 'vlan_ethtype 802.1Q cvlan_prio 7',
    protocol: '802.1Q',
    takes: [tagged(5, 0, tagged(6, 7))],
    leaves: [tagged(5, 7, tagged(6, 0))],
  },
  {
    filter: 'vlan_ethtype 802.1Q cvlan_ethtype ipv6',
    protocol: '802.1Q',
    takes: [tagged(5, 0, tagged(6, 0, v6(udp(1, 2), 17)))],
    leaves: [tagged(5, 0, tagged(6))],
  },
  { filter: 'src_mac 24:25:d0:e1:00:00', takes: [plain], leaves: [] },
  { filter: 'src_mac 24:25:d0:e1:00:01', takes: [], leaves: [plain] },
  { filter: 'src_mac 24:25:d0:ff:ff:ff/24', takes: [plain], leaves: [] },
  { filter: 'indev tap0', takes: [plain], leaves: [] },
  { filter: 'indev vxlan0', takes: [], leaves: [plain] },
  { filter: 'ip_proto udp', protocol: 'ip', takes: [plain], leaves: [v4(tcp(1, 2), { protocol: 6 })] },
  { filter: 'ip_proto 84', protocol: 'ip', takes: [v4(udp(1, 2), { protocol: 132 })], leaves: [plain] },
  {
    filter: 'ip_tos 0x10/0xf0',
    protocol: 'ip',
    takes: [v4(udp(1, 2), { tos: 0x1c })],
    leaves: [v4(udp(1, 2), { tos: 0x2c })],
  },
  { filter: 'ip_tos 4', protocol: 'ipv6', takes: [v6(udp(1, 2), 17, 1, 2, 4)], leaves: [v6(udp(1, 2), 17, 1, 2, 5)] },
  { filter: 'ip_ttl 63', protocol: 'ip', takes: [v4(udp(1, 2), { ttl: 63 })], leaves: [plain] },
  { filter: 'ip_ttl 9', protocol: 'ipv6', takes: [v6(udp(1, 2), 17, 1, 2, 0, 9)], leaves: [v6(udp(1, 2), 17)] },
  {
    filter: 'dst_ip 10.0.0.0/30',
    protocol: 'ip',
    takes: [plain],
    leaves: [v4(udp(1, 2), { destination: '10.0.0.4' })],
  },
  { filter: 'src_ip 10.0.0.1', protocol: 'ip', takes: [plain], leaves: [v4(udp(1, 2), { source: '10.0.0.3' })] },
  { filter: 'dst_ip fd00::2', protocol: 'ipv6', takes: [v6(udp(1, 2), 17)], leaves: [v6(udp(1, 2), 17, 1, 3)] },
  { filter: 'src_ip fd00::/127', protocol: 'ipv6', takes: [v6(udp(1, 2), 17)], leaves: [v6(udp(1, 2), 17, 2, 2)] },
  {
    filter: 'ip_proto udp dst_port 2',
    protocol: 'ip',
    takes: [plain],
    leaves: [v4(udp(1, 3)), v4(tcp(1, 2), { protocol: 6 })],
  },
  { filter: 'ip_proto udp src_port 1', protocol: 'ip', takes: [plain], leaves: [v4(udp(2, 1))] },
  {
    filter: 'ip_proto udp dst_port 0x1200/0xff00',
    protocol: 'ip',
    takes: [v4(udp(1, 0x12ff))],
    leaves: [v4(udp(1, 0x1300))],
  },
  {
    filter: 'ip_proto tcp dst_port 1000-2000',
    protocol: 'ip',
    takes: [1000, 1500, 2000].map((port) => v4(tcp(1, port), { protocol: 6 })),
    leaves: [v4(tcp(1, 999), { protocol: 6 }), v4(tcp(1500, 2001), { protocol: 6 }), v4(udp(1, 1500))],
  },
  {
    filter: 'ip_proto sctp src_port 10-20 dst_port 30-40',
    protocol: 'ipv6',
    takes: [v6(sctp(15, 35), 132)],
    leaves: [v6(sctp(35, 15), 132), v6(sctp(15, 41), 132)],
  },
  {
    filter: 'ip_proto tcp tcp_flags 0x2/0x17',
    protocol: 'ip',
    takes: [v4(tcp(1, 2, 0x02), { protocol: 6 }), v4(tcp(1, 2, 0x42), { protocol: 6 })],
    leaves: [v4(tcp(1, 2, 0x12), { protocol: 6 }), v4(tcp(1, 2, 0x10), { protocol: 6 })],
  },
  {
    filter: 'ip_proto icmp type 8 code 0',
    protocol: 'ip',
    takes: [v4(icmp(8, 0), { protocol: 1 })],
    leaves: [v4(icmp(0, 0), { protocol: 1 }), v4(icmp(8, 1), { protocol: 1 })],
  },
  {
    filter: 'ip_proto icmpv6 type 128/254',
    protocol: 'ipv6',
    takes: [v6(icmp(128, 0), 58), v6(icmp(129, 0), 58)],
    leaves: [v6(icmp(130, 0), 58)],
  },
  {
    filter: 'ip_flags frag',
    protocol: 'ip',
    takes: [v4(udp(1, 2), { fragment: 0x2000 }), v4('00'.repeat(16), { fragment: 4 })],
    leaves: [plain],
  },
  {
    filter: 'ip_flags frag/nofirstfrag',
    protocol: 'ip',
    takes: [v4('00'.repeat(16), { fragment: 4 })],
    leaves: [v4(udp(1, 2), { fragment: 0x2000 }), plain],
  },
  { filter: 'ip_flags nofrag', protocol: 'ip', takes: [plain], leaves: [v4(udp(1, 2), { fragment: 0x2000 })] },
  { filter: 'arp_op request', protocol: 'arp', takes: [asked(1)], leaves: [asked(2)] },
  {
    filter: 'arp_op reply',
    protocol: 'rarp',
    takes: [asked(2, M1, '10.0.0.1', M2, '10.0.0.2', RARP)],
    leaves: [asked(2)],
  },
  { filter: 'arp_sip 10.0.0.0/31', protocol: 'arp', takes: [asked(1)], leaves: [asked(1, M1, '10.0.0.2')] },
  {
    filter: 'arp_tip 10.0.0.2',
    protocol: 'arp',
    takes: [asked(1)],
    leaves: [asked(1, M1, '10.0.0.1', M2, '10.0.0.1')],
  },
  { filter: `arp_sha ${M1}`, protocol: 'arp', takes: [asked(1)], leaves: [asked(1, M2)] },
  { filter: `arp_tha ${M2}`, protocol: 'arp', takes: [asked(1)], leaves: [asked(1, M1, '10.0.0.1', M1)] },
  { filter: 'l2_miss 0', takes: [plain], leaves: [] },
  { filter: 'l2_miss 1', takes: [], leaves: [plain] },
  { filter: 'enc_key_id 4', takes: [], leaves: [plain] },
];

/** The MAC of case `n`. */
const macOf = (n: number): string => `06:00:00:00:${hex(n >> 8, 1)}:${hex(n & 255, 1)}`;
const SENTINEL = 0xffff;

/** The frames of the cases, and one behind them. */
function framesOf(cases: readonly Case[]): string[] {
  const rows: readonly (readonly [number, readonly string[]])[] = [
    ...cases.map(({ takes, leaves }, n) => [n, [...leaves, ...takes]] as const),
    [SENTINEL, [plain]],
  ];
  return rows.flatMap(([n, bodies]) => bodies.map((body) => (mac(macOf(n)) + mac(MAC_A) + body).padEnd(120, '0')));
}

function filtersOf(dev: string, cases: readonly Case[]): string[] {
  const add = (n: number, protocol: string, keys: string, pref: number): string =>
    `tc filter add dev ${dev} ingress protocol ${protocol} pref ${pref} flower dst_mac ${macOf(n)} ${keys} action continue`;
  return [
    ...cases.map(({ protocol = 'all', filter }, n) => add(n, protocol, filter, n + 1)),
    add(SENTINEL, 'all', '', cases.length + 1),
  ];
}

/** What each filter has counted, once the frame behind all others has been. */
async function counted(daemon: Daemon, dev: string): Promise<number[]> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const actions = parseActions(await daemon.do(`tc -s filter show dev ${dev} ingress`));
    if (actions.at(-1)?.packets === 1 || Date.now() > deadline) return actions.map(({ packets }) => packets);
  }
}

async function check(t: ExecutionContext, daemon: Daemon, dev: string, cases: readonly Case[]): Promise<void> {
  const counts = await counted(daemon, dev);
  t.is(counts.length, cases.length + 1);
  for (const [n, { protocol = 'all', filter, takes }] of cases.entries())
    t.is(counts[n], takes.length, `protocol ${protocol} flower ${filter}`);
}

rooted('each key of a frame takes what it says and no more, on a TAP', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.start(topology, [
    'ip link add vxlan0 type vxlan external dstport 4789',
    'ip link add tap0 type tap',
    'ip link set tap0 up',
    'tc qdisc add dev tap0 clsact',
    ...filtersOf('tap0', ofFrames),
  ]);
  await b.do(b.tool('send-frames', 'tap0'), `${framesOf(ofFrames).join('\n')}\n`);
  await check(t, daemon, 'tap0', ofFrames);
});

interface TunnelCase {
  readonly filter: string;
  readonly protocol?: string;
  /** How the datagrams that it takes, and those that it does not take, differ from the others'. */
  readonly takes: readonly Outer[];
  readonly leaves: readonly Outer[];
}

interface Outer extends Ipv4Fields {
  readonly vni?: number;
  /** With the group policy extension in the header. */
  readonly policy?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

const OTHER_B = '192.168.1.23';
const ofTunnels: readonly TunnelCase[] = [
  { filter: 'enc_key_id 4', takes: [{}], leaves: [{ vni: 5 }] },
  { filter: 'enc_src_ip 192.168.1.14', takes: [{}], leaves: [{ source: '192.168.1.15' }] },
  {
    filter: 'enc_src_ip 192.168.1.15/31',
    takes: [{}, { source: '192.168.1.15' }],
    leaves: [{ source: '192.168.1.16' }],
  },
  { filter: 'enc_dst_ip 192.168.1.13', takes: [{}], leaves: [{ destination: OTHER_B }] },
  { filter: 'enc_dst_port 4789', takes: [{}], leaves: [] },
  { filter: 'enc_dst_port 4790', takes: [], leaves: [{}] },
  { filter: 'enc_src_port 5000', takes: [{}], leaves: [{ sourcePort: 5001 }] },
  { filter: 'enc_tos 0x40/0xf0', takes: [{ tos: 0x48 }], leaves: [{ tos: 0x28 }, {}] },
  { filter: 'enc_ttl 9', takes: [{ ttl: 9 }], leaves: [{ ttl: 10 }] },
  { filter: 'vxlan_opts 7', takes: [{ policy: 7 }], leaves: [{ policy: 8 }, {}] },
  { filter: 'vxlan_opts 0x10/0xf0', takes: [{ policy: 0x1f }], leaves: [{ policy: 0x2f }] },
  { filter: 'vxlan_opts 0', takes: [{ policy: 0 }], leaves: [{}, { policy: 1 }] },
  { filter: 'enc_flags notunoam', takes: [{}], leaves: [] },
  { filter: 'enc_flags tunoam', takes: [], leaves: [{}] },
  { filter: 'enc_key_id 4 ip_proto udp dst_port 2', protocol: 'ip', takes: [{}], leaves: [{ vni: 6 }] },
];

async function addressOf(host: Host, dev: string): Promise<string> {
  const [link] = JSON.parse(await host.do(`ip -j link show dev ${dev}`)) as { address: string }[];
  return link?.address ?? '';
}

rooted('each key of a tunnel takes what it says and no more', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  await b.do(`ip addr add ${OTHER_B}/24 dev vb`);
  const daemon = await Daemon.start(topology, [
    'ip link add vxlan0 type vxlan external dstport 4789 gbp',
    'ip link set vxlan0 up',
    'tc qdisc add dev vxlan0 clsact',
    ...filtersOf(
      'vxlan0',
      ofTunnels.map(({ filter, protocol, takes }) => ({
        filter,
        ...(protocol && { protocol }),
        takes: takes.map(() => ''),
        leaves: [],
      })),
    ),
  ]);
  const head = mac(await addressOf(b, 'vb')) + mac(await addressOf(a, 'va')) + hex(IP, 2);
  const datagram = (n: number, outer: Outer): string => {
    const { vni = 4, policy, sourcePort = 5000, destinationPort = 4789 } = outer;
    const extension = policy === undefined ? {} : { flags: 0x88, reserved24: policy };
    const inner = (mac(macOf(n)) + mac(MAC_A) + plain).padEnd(120, '0');
    const fields = { source: '192.168.1.14', destination: '192.168.1.13', ...outer };
    return head + ipv4(udp(sourcePort, destinationPort, vxlanHeader(vni, extension) + inner), fields);
  };
  const frames = ofTunnels.flatMap(({ takes, leaves }, n) => [...leaves, ...takes].map((outer) => datagram(n, outer)));
  await a.do(a.tool('send-frames', 'va'), `${[...frames, datagram(SENTINEL, {})].join('\n')}\n`);
  await check(
    t,
    daemon,
    'vxlan0',
    ofTunnels.map(({ takes, ...rest }) => ({ ...rest, takes: takes.map(() => ''), leaves: [] })),
  );
});
