// Each key of flower, as typed and as shown: what tc of iproute2 6.1 prints of what the kernel keeps of it.
import test from 'ava';
import { parseBatchLine, splitBatch } from './batch.js';
import type { FilterState } from './commands.js';
import { filterCommand } from './filter-command.js';
import { printFilterGet } from './print-filter.js';
import { refusalOf } from './refusals.test.helper.js';

const plain = { statistics: false, details: false, json: false, pretty: false };

function parse(words: string): FilterState {
  const [line] = splitBatch(`tc filter add dev lo ingress pref 1 handle 1 ${words}`);
  const command = parseBatchLine(line?.words ?? []);
  if (command.kind !== 'filter-add') throw new Error(`${words}: ${command.kind}`);
  return { ...command.filter, actions: [] };
}

/** The lines of the keys. */
function textOf(filter: FilterState): string[] {
  return printFilterGet(filter, plain)
    .split('\n')
    .filter((line) => line.startsWith('  '))
    .map((line) => line.slice(2))
    .filter((line) => line !== 'not_in_hw');
}

function jsonOf(filter: FilterState): unknown {
  return JSON.parse(printFilterGet(filter, { ...plain, json: true }))[0].options.keys;
}

const shown: readonly (readonly [words: string, text: readonly string[], json: object])[] = [
  ['protocol 802.1Q flower vlan_id 5 vlan_prio 3', ['vlan_id 5', 'vlan_prio 3'], { vlan_id: 5, vlan_prio: 3 }],
  [
    'protocol 802.1Q flower vlan_id 5 vlan_ethtype ipv4 ip_proto udp dst_ip 10.0.0.1',
    ['vlan_id 5', 'vlan_ethtype ip', 'eth_type ipv4', 'ip_proto udp', 'dst_ip 10.0.0.1'],
    { vlan_id: 5, vlan_ethtype: 'ip', eth_type: 'ipv4', ip_proto: 'udp', dst_ip: '10.0.0.1' },
  ],
  [
    'protocol 802.1ad flower vlan_ethtype 802.1q cvlan_id 3 cvlan_prio 7 cvlan_ethtype ipv6 ip_proto icmpv6 type 135',
    [
      'vlan_ethtype 802.1Q',
      'cvlan_id 3',
      'cvlan_prio 7',
      'cvlan_ethtype ipv6',
      'eth_type ipv6',
      'ip_proto icmpv6',
      'icmp_type 135',
    ],
    {
      vlan_ethtype: '802.1Q',
      cvlan_id: 3,
      cvlan_prio: 7,
      cvlan_ethtype: 'ipv6',
      eth_type: 'ipv6',
      ip_proto: 'icmpv6',
      icmp_type: '135',
    },
  ],
  ['protocol all flower num_of_vlans 1 vlan_id 7', ['num_of_vlans 1', 'vlan_id 7'], { num_of_vlans: 1, vlan_id: 7 }],
  ['protocol ip flower num_of_vlans 0', ['num_of_vlans 0', 'eth_type ipv4'], { num_of_vlans: 0, eth_type: 'ipv4' }],
  [
    'protocol all flower num_of_vlans 2 cvlan_id 9 cvlan_ethtype ip',
    ['num_of_vlans 2', 'cvlan_id 9', 'cvlan_ethtype ip', 'eth_type ipv4'],
    { num_of_vlans: 2, cvlan_id: 9, cvlan_ethtype: 'ip', eth_type: 'ipv4' },
  ],
  [
    'protocol 802.1Q flower vlan_ethtype 0x1234',
    ['vlan_ethtype [4660]', 'eth_type 1234'],
    { vlan_ethtype: '[4660]', eth_type: '1234' },
  ],
  [
    'protocol arp flower arp_sip 10.0.0.0/8 arp_tip 1.2.3.4 arp_op request arp_sha 1:2:3:4:5:6/24 arp_tha 1:2:3:4:5:6',
    [
      'eth_type arp',
      'arp_sip 10.0.0.0/8',
      'arp_tip 1.2.3.4',
      'arp_op request',
      'arp_sha 01:02:03:04:05:06/24',
      'arp_tha 01:02:03:04:05:06',
    ],
    {
      eth_type: 'arp',
      arp_sip: '10.0.0.0/8',
      arp_tip: '1.2.3.4',
      arp_op: 'request',
      arp_sha: '01:02:03:04:05:06/24',
      arp_tha: '01:02:03:04:05:06',
    },
  ],
  ['protocol rarp flower arp_op reply/255', ['eth_type rarp', 'arp_op reply'], { eth_type: 'rarp', arp_op: 'reply' }],
  ['protocol arp flower arp_op 2/3', ['eth_type arp', 'arp_op 2/3'], { eth_type: 'arp', arp_op: '2/3' }],
  ['protocol arp flower arp_op 0', ['eth_type arp', 'arp_op 0'], { eth_type: 'arp', arp_op: '0' }],
  [
    'protocol ip flower ip_proto icmp type 8/15 code 3',
    ['eth_type ipv4', 'ip_proto icmp', 'icmp_type 8/15', 'icmp_code 3'],
    { eth_type: 'ipv4', ip_proto: 'icmp', icmp_type: '8/15', icmp_code: '3' },
  ],
  [
    'protocol ip flower ip_proto tcp dst_port 10-20 src_port 80/0xff00 tcp_flags 0x2/0x17',
    ['eth_type ipv4', 'ip_proto tcp', 'src_port 80/0xff00', 'dst_port 10-20', 'tcp_flags 0x2/17'],
    {
      eth_type: 'ipv4',
      ip_proto: 'tcp',
      src_port: 80,
      src_port_mask: 'ff00',
      dst_port: { start: 10, end: 20 },
      tcp_flags: '0x2/17',
    },
  ],
  [
    'protocol ipv6 flower ip_proto sctp src_port 1-65535',
    ['eth_type ipv6', 'ip_proto sctp', 'src_port 1-65535'],
    { eth_type: 'ipv6', ip_proto: 'sctp', src_port: { start: 1, end: 65535 } },
  ],
  [
    'protocol ip flower tcp_flags 2 ip_proto tcp',
    ['eth_type ipv4', 'ip_proto tcp', 'tcp_flags 0x2/fff'],
    { eth_type: 'ipv4', ip_proto: 'tcp', tcp_flags: '0x2/fff' },
  ],
  [
    'protocol ip flower ip_tos 4/fc ip_ttl 64',
    ['eth_type ipv4', 'ip_tos 4/0xfc', 'ip_ttl 64'],
    { eth_type: 'ipv4', ip_tos: 4, ip_tos_mask: 'fc', ip_ttl: 64 },
  ],
  [
    'protocol ip flower ip_flags frag/nofirstfrag',
    ['eth_type ipv4', 'ip_flags frag/nofirstfrag'],
    { eth_type: 'ipv4', ip_flags: { frag: true, firstfrag: false } },
  ],
  [
    'protocol ip flower ip_flags firstfrag ip_flags nofrag',
    ['eth_type ipv4', 'ip_flags nofrag/firstfrag'],
    { eth_type: 'ipv4', ip_flags: { frag: false, firstfrag: true } },
  ],
  // The kernel keeps the bits of a group policy that it knows.
  [
    'protocol all flower vxlan_opts 5',
    ['vxlan_opts 5/4784127'],
    { vxlan_opt_key: [{ gbp: 5 }], vxlan_opt_mask: [{ gbp: 4784127 }] },
  ],
  [
    'protocol all flower vxlan_opts 0x10/0xff',
    ['vxlan_opts 16/255'],
    { vxlan_opt_key: [{ gbp: 16 }], vxlan_opt_mask: [{ gbp: 255 }] },
  ],
  // As iproute2 7.1 has them.
  [
    'protocol all flower l2_miss 1 enc_flags tuncsum/notundf/tunoam/notuncrit',
    ['enc_flags tuncsum/notundf/tunoam/notuncrit', 'l2_miss 1'],
    { enc_flags: { tuncsum: true, tundf: false, tunoam: true, tuncrit: false }, l2_miss: 1 },
  ],
  [
    'protocol all flower enc_tos 16 enc_ttl 0x40/f0',
    ['enc_tos 16', 'enc_ttl 64/0xf0'],
    { enc_tos: 16, enc_ttl: 64, enc_ttl_mask: 'f0' },
  ],
];

for (const [words, text, json] of shown) {
  test(`${words}: is shown as tc shows it, and saved as what makes it again`, (t) => {
    const filter = parse(words);
    t.deepEqual(textOf(filter), text);
    t.deepEqual(jsonOf(filter), json);
    const saved = parseBatchLine(['tc', ...filterCommand(filter)]);
    t.is(saved.kind, 'filter-add');
    if (saved.kind === 'filter-add') t.deepEqual(saved.filter.keys, filter.keys);
  });
}

test('hw_tc is a classid of its own kind', (t) => {
  t.regex(printFilterGet(parse('protocol ip flower hw_tc 3'), plain), / hw_tc 3 $/m);
  t.regex(printFilterGet(parse('protocol ip flower flowid 1:2 verbose'), plain), / classid 1:2 $/m);
});

test('A key whose mask is empty is not shown, as the kernel does not report it', (t) => {
  t.deepEqual(textOf(parse('protocol ip flower ip_proto tcp dst_port 5/0')), ['eth_type ipv4', 'ip_proto tcp']);
  t.deepEqual(textOf(parse('protocol ip flower ip_flags //')), ['eth_type ipv4']);
});

const noTag = (key: string): string => `Can't set "${key}" if ethertype isn't 802.1Q or 802.1AD and num_of_vlans is 0`;

const refused: readonly (readonly [words: string, exitCode: number, text: string])[] = [
  ['protocol ip flower vlan_id 5', 1, noTag('vlan_id')],
  ['protocol ip flower vlan_prio 5', 1, noTag('vlan_prio')],
  ['protocol ip flower vlan_ethtype ip', 1, noTag('vlan_ethtype')],
  [
    'protocol 802.1Q flower cvlan_id 5',
    1,
    'Can\'t set "cvlan_id" if inner vlan ethertype isn\'t 802.1Q or 802.1AD and num_of_vlans is less than 2',
  ],
  [
    'protocol ip flower cvlan_ethtype ip',
    1,
    'Can\'t set "cvlan_ethtype" if ethertype isn\'t 802.1Q or 802.1AD and num_of_vlans less than 2',
  ],
  ['protocol 802.1Q flower vlan_ethtype foo', 255, 'Error: argument "foo" is wrong: invalid vlan_ethtype'],
  ['protocol 802.1Q flower vlan_id 4096', 1, 'Illegal "vlan_id"'],
  ['protocol 802.1Q flower vlan_prio 8', 1, 'Illegal "vlan_prio"'],
  ['protocol 802.1Q flower ip_proto tcp', 1, 'Illegal "eth_type" for ip proto\nIllegal "ip_proto"'],
  ['protocol 802.1Q flower dst_ip 1.2.3.4', 1, 'Illegal "dst_ip"'],
  ['protocol all flower num_of_vlans 256', 1, 'Illegal "num_of_vlans"'],
  ['protocol arp flower arp_op 3', 1, 'Illegal "arp_op"'],
  ['protocol ip flower arp_op reply', 1, 'Illegal "arp_op"'],
  ['protocol ip flower arp_sip 1.2.3.4', 1, 'Illegal "arp_sip"'],
  ['protocol ip flower type 8', 1, 'Illegal "icmp type"'],
  ['protocol ip flower code 8', 1, 'Illegal "icmp code"'],
  ['protocol ip flower ip_proto icmp code 300', 1, 'Illegal "icmp code"'],
  ['protocol ip flower ip_flags xfrag', 1, 'Illegal "ip_flags"'],
  ['protocol ip flower enc_flags oam', 1, 'Illegal "enc_flags"'],
  ['protocol ip flower vxlan_opts 4294967296', 1, 'Illegal "vxlan_opts"'],
  ['protocol ip flower vxlan_opts 5/', 1, 'Illegal "vxlan_opts"'],
  ['protocol ip flower ip_ttl 300', 1, 'Illegal "ip_ttl"'],
  ['protocol ip flower tcp_flags 0x1000', 1, 'Illegal "tcp_flags"'],
  ['protocol ip flower hw_tc 16', 1, 'TC index exceeds max range'],
  ['protocol ip flower hw_tc x', 1, 'Illegal TC index'],
  ['protocol ip flower ip_proto tcp dst_port 10-', 1, 'Illegal "dst_port"'],
  ['protocol ip flower ip_proto tcp dst_port 0-5', 1, 'Illegal "dst_port"'],
  ['protocol ip flower ip_proto tcp src_port 1-65536', 1, 'Illegal "src_port"'],
  ['protocol ip flower src_port 1-5', 1, 'Illegal "src_port"'],
  ['protocol ip flower ip_proto tcp dst_port 5/70000', 1, 'Illegal "dst_port"'],
  ['protocol ip flower l2_miss 2', 2, 'Error: integer out of range.\nWe have an error talking to the kernel'],
];

for (const [words, exitCode, text] of refused) {
  test(`${words}: is refused as tc refuses it`, (t) => {
    t.deepEqual(refusalOf(`tc filter add dev lo ingress pref 1 ${words}`), [exitCode, text]);
  });
}
