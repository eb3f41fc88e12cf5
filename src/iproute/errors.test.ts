/**
 * Refusals. Every text and exit code that does not begin with `vtep:` was taken from ip and tc of iproute2 6.1, or
 * from the kernel behind them.
 */
import test from 'ava';
import { parseBatchLine, splitBatch } from './batch.js';
import { CommandError } from './commands.js';

function refusalOf(line: string): readonly [exitCode: number, text: string] {
  try {
    const [first] = splitBatch(line);
    return [0, parseBatchLine(first?.words ?? []).kind];
  } catch (error) {
    return error instanceof CommandError ? [error.exitCode, error.message] : [-1, String(error)];
  }
}

const incomplete = 'Command line is not complete. Try option "help"';

function action(problem: string, left: string): string {
  return `${problem}\nbad action parsing\nparse_action: bad value (${left})!\nIllegal "action"`;
}

const tables: Readonly<Record<string, readonly (readonly [line: string, exitCode: number, text: string])[]>> = {
  'Objects, verbs and options': [
    ['tc foo', 255, 'Object "foo" is unknown, try "tc help".'],
    ['ip foo', 1, 'Object "foo" is unknown, try "ip help".'],
    ['bridge foo', 255, 'Object "foo" is unknown, try "bridge help".'],
    ['tc filter foo', 255, 'Command "foo" is unknown, try "tc filter help".'],
    ['tc qdisc foo', 255, 'Command "foo" is unknown, try "tc qdisc help".'],
    ['ip link foo', 255, 'Command "foo" is unknown, try "ip link help".'],
    ['ip tuntap foo', 255, 'Command "foo" is unknown, try "ip tuntap help".'],
    ['tc -foo filter', 255, 'Option "-foo" is unknown, try "tc -help".'],
    ['ifconfig eth0', 255, 'vtep: a line begins with ip, tc or bridge, not "ifconfig"'],
    ['tc -b x', 255, 'vtep: "-b" comes before the commands, not within one'],
  ],
  'The head of a filter': [
    ['tc filter add dev', 255, incomplete],
    [
      'tc filter add dev a ingress',
      2,
      'Error: Filter kind and protocol must be specified.\nWe have an error talking to the kernel',
    ],
    ['tc filter add ingress flower', 2, 'RTNETLINK answers: No such device\nWe have an error talking to the kernel'],
    ['tc filter add dev a ingress pref x flower', 255, 'Error: argument "x" is wrong: invalid priority value'],
    ['tc filter add dev a ingress pref 65536 flower', 255, 'Error: argument "65536" is wrong: invalid priority value'],
    ['tc filter add dev a ingress pref 1 prio 2 flower', 255, 'Error: duplicate "priority": "2" is the second value.'],
    ['tc filter add dev a dev b ingress flower', 255, 'Error: duplicate "dev": "b" is the second value.'],
    ['tc filter add dev a ingress egress flower', 255, 'Error: "egress" is duplicate parent ID'],
    ['tc filter add dev a ingress parent ffff: flower', 255, 'Error: duplicate "parent": "ffff:" is the second value.'],
    ['tc filter add dev a parent xyz flower', 255, 'Error: argument "xyz" is wrong: Invalid parent ID'],
    ['tc filter show dev a parent xyz', 255, 'Error: argument "xyz" is wrong: invalid parent ID'],
    ['tc filter add dev a ingress protocol foo flower', 255, 'Error: argument "foo" is wrong: invalid protocol'],
    ['tc filter add dev a ingress chain x flower', 255, 'Error: argument "x" is wrong: invalid chain index value'],
    ['tc filter add dev a ingress handle 1', 255, 'Must specify filter type when using "handle"'],
    ['tc filter add dev a ingress handle zz flower', 1, 'Illegal "handle"'],
    [
      'tc filter change dev a ingress flower',
      2,
      'Error: Invalid filter command with priority of zero.\nWe have an error talking to the kernel',
    ],
    ['tc filter show dev a foo', 255, ' What is "foo"? Try "tc filter help"'],
    ['tc filter show dev a ingress pref x', 255, 'Error: argument "x" is wrong: invalid preference'],
    ['tc filter get dev a ingress', 255, 'Must specify filter protocol'],
    ['tc filter get dev a ingress protocol ip', 255, 'Must specify filter priority'],
    ['tc filter get dev a protocol ip pref 1 flower', 255, 'Must specify filter parent'],
    ['tc filter get dev a ingress protocol ip pref 1', 255, 'Must specify filter type'],
    [
      'tc filter get ingress protocol ip pref 1 handle 1 flower',
      255,
      'Must specify netdevice "dev" or block index "block"',
    ],
    ['tc filter get dev a ingress protocol ip pref 1 flower', 255, 'Must specify filter "handle"'],
    ['tc filter del dev a ingress pref 1 handle 1', 255, 'Must specify filter type when using "handle"'],
  ],
  'Keys of flower': [
    ['tc filter add dev a ingress flower foo', 1, 'What is "foo"?'],
    ['tc filter add dev a ingress flower dst_mac', 255, incomplete],
    ['tc filter add dev a ingress flower dst_mac zz', 1, '"zz" is invalid lladdr.\nIllegal "dst_mac"'],
    ['tc filter add dev a ingress flower dst_mac 100:0:0:0:0:1', 1, '"100" is invalid lladdr.\nIllegal "dst_mac"'],
    [
      'tc filter add dev a ingress flower src_mac 02:00:00:00:00:01/zz',
      1,
      '"zz" is invalid lladdr.\nIllegal "src_mac"',
    ],
    // tc takes five octets and leaves the sixth to chance, as it does with 49 bits.
    ['tc filter add dev a ingress flower dst_mac 02:00:00:00:00', 1, 'Illegal "dst_mac"'],
    ['tc filter add dev a ingress flower dst_mac 02:00:00:00:00:01/49', 1, 'Illegal "dst_mac"'],
    ['tc filter add dev a ingress flower dst_ip 1.2.3.4', 1, 'Illegal "dst_ip"'],
    ['tc filter add dev a ingress protocol arp flower src_ip 1.2.3.4', 1, 'Illegal "src_ip"'],
    [
      'tc filter add dev a ingress protocol ip flower dst_ip ::1',
      1,
      'Error: inet prefix is expected rather than "::1".',
    ],
    [
      'tc filter add dev a ingress protocol ip flower dst_ip 1.2.3.4/33',
      1,
      'Error: inet prefix is expected rather than "1.2.3.4/33".',
    ],
    [
      'tc filter add dev a ingress protocol ip flower dst_ip 1.2.3.4/255.0.255.0',
      1,
      'Error: inet prefix is expected rather than "1.2.3.4/255.0.255.0".',
    ],
    [
      'tc filter add dev a ingress protocol ipv6 flower dst_ip 1.2.3.4',
      1,
      'Error: inet6 prefix is expected rather than "1.2.3.4".',
    ],
    ['tc filter add dev a ingress flower enc_dst_ip foo', 1, 'Error: any valid prefix is expected rather than "foo".'],
    ['tc filter add dev a ingress flower ip_proto tcp', 1, 'Illegal "eth_type" for ip proto\nIllegal "ip_proto"'],
    [
      'tc filter add dev a ingress protocol ip flower ip_proto icmpv6',
      1,
      'Illegal "eth_type" for ip proto\nIllegal "ip_proto"',
    ],
    ['tc filter add dev a ingress protocol ip flower ip_proto 132', 1, 'Illegal "ip_proto"'],
    ['tc filter add dev a ingress protocol ip flower dst_port 80', 1, 'Illegal "dst_port"'],
    ['tc filter add dev a ingress protocol ip flower dst_port 80 ip_proto tcp', 1, 'Illegal "dst_port"'],
    ['tc filter add dev a ingress protocol ip flower ip_proto icmp src_port 80', 1, 'Illegal "src_port"'],
    ['tc filter add dev a ingress protocol ip flower ip_proto tcp dst_port 65536', 1, 'Illegal "dst_port"'],
    ['tc filter add dev a ingress protocol ip flower ip_proto tcp dst_port 0x50', 1, 'Illegal "dst_port"'],
    [
      'tc filter add dev a ingress protocol ip flower ip_proto tcp dst_port 20-10',
      1,
      'max value should be greater than min value\nIllegal "dst_port"',
    ],
    ['tc filter add dev a ingress flower enc_key_id 0x10', 1, 'Illegal "enc_key_id"'],
    ['tc filter add dev a ingress flower enc_key_id 4294967296', 1, 'Illegal "enc_key_id"'],
    ['tc filter add dev a ingress flower enc_dst_port 4789/255', 1, 'Illegal "enc_dst_port"'],
    ['tc filter add dev a ingress flower enc_tos 1ff', 1, 'Illegal "enc_tos"'],
    ['tc filter add dev a ingress flower enc_ttl 64/zz', 1, 'Illegal "enc_ttl"'],
    ['tc filter add dev a ingress flower indev a/b', 255, 'Error: argument "a/b" is wrong: "indev" not a valid ifname'],
    ['tc filter add dev a ingress flower classid zz', 1, 'Illegal "classid"'],
    [
      'tc filter add dev a ingress flower skip_sw',
      2,
      'RTNETLINK answers: Operation not supported\nWe have an error talking to the kernel',
    ],
    [
      'tc filter add dev a ingress flower skip_sw skip_hw',
      2,
      'RTNETLINK answers: Invalid argument\nWe have an error talking to the kernel',
    ],
  ],
  Actions: [
    ['tc filter add dev a ingress flower action', 255, incomplete],
    ['tc filter add dev a ingress flower action foo', 255, 'Bad action type foo'],
    ['tc filter add dev a ingress flower action help', 1, 'Illegal "action"'],
    [
      'tc filter add dev a ingress flower action drop action',
      1,
      'bad action empty 1\nparse_action: bad value (0:(null))!\nIllegal "action"',
    ],
    ['tc filter add dev a ingress flower action drop change', 1, 'What is "change"?'],
    ['tc filter add dev a ingress flower action drop index x', 1, action('Illegal "index"', '3:drop')],
    ['tc filter add dev a ingress flower action drop random foo', 1, action('Illegal "random type"', '3:drop')],
    [
      'tc filter add dev a ingress flower action drop random netrand pass 10001',
      1,
      action('Illegal probability val  0x2711', '5:drop'),
    ],
    [
      'tc filter add dev a ingress flower action drop hw_stats foo',
      255,
      'Error: argument "foo" is wrong: value is invalid',
    ],
    ['tc filter add dev a ingress flower action goto foo', 255, '"chain index" expected'],
    ['tc filter add dev a ingress flower action goto chain x', 255, 'Illegal "chain index"'],
    ['tc filter add dev a ingress flower action jump x', 255, 'Invalid "jump count" (x)'],
    ['tc filter add dev a ingress flower action tunnel_key foo', 255, 'Bad action type foo'],
    ['tc filter add dev a ingress flower action tunnel_key unset stolen', 255, 'Bad action type stolen'],
    [
      'tc filter add dev a ingress flower action tunnel_key set',
      1,
      action('set needs tunnel_key parameters', '2:tunnel_key'),
    ],
    [
      'tc filter add dev a ingress flower action tunnel_key set set',
      1,
      action('unexpected "set" - action already specified', '3:tunnel_key'),
    ],
    [
      'tc filter add dev a ingress flower action tunnel_key set src_ip zz',
      1,
      'Error: any valid address is expected rather than "zz".',
    ],
    [
      'tc filter add dev a ingress flower action tunnel_key set src_ip 1.1.1.1 dst_ip 1.1.1.2 id zz',
      1,
      action('Illegal "id"', '8:tunnel_key'),
    ],
    [
      'tc filter add dev a ingress flower action tunnel_key set src_ip 1.1.1.1 dst_ip 1.1.1.2 dst_port 99999',
      1,
      action('Illegal "dst port"', '8:tunnel_key'),
    ],
    [
      'tc filter add dev a ingress flower action tunnel_key set src_ip 1.1.1.1 dst_ip ::1',
      2,
      'Error: Missing either ipv4 or ipv6 src and dst.\nWe have an error talking to the kernel',
    ],
    [
      'tc filter add dev a ingress flower action tunnel_key unset index x',
      1,
      action('tunnel_key: Illegal "index"', '4:tunnel_key'),
    ],
    [
      'tc filter add dev a ingress flower action tunnel_key unset cookie abc',
      255,
      'Error: argument "abc" is wrong: cookie must be a hex string',
    ],
    [
      'tc filter add dev a ingress flower action tunnel_key unset cookie aabbccddeeff00112233445566778899aa',
      255,
      'Error: argument "aabbccddeeff00112233445566778899aa" is wrong: 34 Max allowed size 32',
    ],
    ['tc filter add dev a ingress flower action mirred', 255, incomplete],
    ['tc filter add dev a ingress flower action mirred foo', 1, action('mirred option not supported foo', '2:mirred')],
    ['tc filter add dev a ingress flower action mirred egress redirect', 255, incomplete],
    [
      'tc filter add dev a ingress flower action mirred egress ingress redirect dev b',
      1,
      action("Can't have both ingress and egress", '6:mirred'),
    ],
    [
      'tc filter add dev a ingress flower action mirred egress redirect mirror dev b',
      1,
      action("Can't have both mirror and redir", '6:mirred'),
    ],
    ['tc filter add dev a ingress flower action mirred egress redirect dev b foo', 255, 'Bad action type foo'],
    [
      'tc filter add dev a ingress flower action mirred egress redirect index 1 dev b index 2',
      1,
      action('mirred: Illegal double index', '9:mirred'),
    ],
  ],
  Qdiscs: [
    ['tc qdisc add dev', 255, incomplete],
    ['tc qdisc add ingress', 2, 'RTNETLINK answers: No such device'],
    ['tc qdisc add dev a ingress foo', 1, 'What is "foo"?\nUsage: ... ingress'],
    ['tc qdisc add dev a clsact foo', 1, 'What is "foo"?\nUsage: ... clsact'],
    ['tc qdisc add dev a handle zz ingress', 255, 'Error: argument "zz" is wrong: invalid qdisc ID'],
    ['tc qdisc add dev a root ingress', 255, 'Error: "ingress" is a duplicate parent ID'],
    ['tc qdisc add dev a handle ffff: parent ffff:fff1 clsact', 255, 'Error: "clsact" is a duplicate parent ID'],
    ['tc qdisc add dev a parent zz ingress', 255, 'Error: argument "zz" is wrong: invalid parent ID'],
    ['tc qdisc add dev a dev b ingress', 255, 'Error: duplicate "dev": "b" is the second value.'],
    ['tc qdisc change dev a ingress', 2, 'Error: Change operation not supported by specified qdisc.'],
    ['tc qdisc show foo', 255, 'What is "foo"? Try "tc qdisc help".'],
  ],
  Links: [
    ['ip link add v', 1, 'Not enough information: "type" argument is required'],
    ['ip link add v type', 255, incomplete],
    ['ip link add v type vxlan', 2, 'Error: Required attributes not provided to perform the operation.'],
    ['ip link add v mtu x type vxlan external', 255, 'Error: argument "x" is wrong: Invalid "mtu" value'],
    ['ip link add v mtu 100 mtu 200 type tap', 255, 'Error: duplicate "mtu": "200" is the second value.'],
    ['ip link add v mtu -1 type tap', 2, 'Error: MTU must be between 68 and 65535.'],
    ['ip link add v address zz type tap', 1, '"zz" is invalid lladdr.'],
    ['ip link add v address 02:00 type tap', 2, 'Error: Provided link layer address is not Ethernet.'],
    ['ip link add v address 01:00:00:00:00:01 type tap', 2, 'Error: Provided Ethernet address is not unicast.'],
    ['ip link add toolongdevicename type tap', 2, 'Error: Attribute failed policy validation.'],
    ['ip link add a/b type tap', 255, 'Error: argument "a/b" is wrong: "dev" not a valid ifname'],
    ['ip link add v w type tap', 255, 'Error: either "dev" is duplicate, or "w" is a garbage.'],
    ['ip link add name v name w type tap', 255, 'Error: duplicate "name": "w" is the second value.'],
    ['ip link add dev v name w type tap', 255, 'both "name" and "dev" cannot be used when creating devices.'],
    ['ip link add v type tap foo', 1, 'Garbage instead of arguments "foo ...". Try "ip link help".'],
    ['ip link del', 255, 'Not enough information: "dev" argument is required.'],
    ['ip link del a b', 255, 'Error: either "dev" is duplicate, or "b" is a garbage.'],
    ['ip link set va foo', 255, 'Error: either "dev" is duplicate, or "foo" is a garbage.'],
    ['ip tuntap add t', 1, 'You failed to specify a tunnel mode'],
    ['ip tuntap add t mode foo', 255, 'Unknown tunnel mode "foo"'],
    ['ip tuntap add dev t mode tap mode tun', 255, 'You managed to ask for more than one tunnel mode.'],
    ['ip tuntap add t8 t9 mode tap', 255, 'Error: either "name" is duplicate, or "t9" is a garbage.'],
    ['ip tuntap add dev a/b mode tap', 255, 'Error: argument "a/b" is wrong: "dev" not a valid ifname'],
  ],
  'Options of vxlan': [
    ['ip link add v type vxlan foo', 1, 'vxlan: unknown command "foo"?'],
    ['ip link add v type vxlan id', 255, incomplete],
    ['ip link add v type vxlan id 16777216', 255, 'Error: argument "16777216" is wrong: invalid id'],
    ['ip link add v type vxlan id 1 vni 2', 255, 'Error: either "id" is duplicate, or "2" is a garbage.'],
    ['ip link add v type vxlan external id 4', 1, "vxlan: both 'external' and vni cannot be specified"],
    [
      'ip link add v type vxlan external noexternal',
      255,
      'Error: either "noexternal" is duplicate, or "noexternal" is a garbage.',
    ],
    ['ip link add v type vxlan dstport 4789', 1, 'vxlan: missing virtual network identifier'],
    ['ip link add v type vxlan vnifilter id 4', 1, "vxlan: vnifilter is valid only when 'external' is set"],
    ['ip link add v type vxlan id 4 group 239.1.1.1', 1, "vxlan: 'group' requires 'dev' to be specified"],
    ['ip link add v type vxlan id 4 group 1.1.1.1', 255, 'Error: argument "1.1.1.1" is wrong: invalid group address'],
    [
      'ip link add v type vxlan id 4 remote 239.1.1.1',
      255,
      'Error: argument "239.1.1.1" is wrong: invalid remote address',
    ],
    [
      'ip link add v type vxlan external local 239.1.1.1',
      255,
      'Error: argument "239.1.1.1" is wrong: invalid local address',
    ],
    ['ip link add v type vxlan external local foo', 1, 'Error: any valid address is expected rather than "foo".'],
    [
      'ip link add v type vxlan id 4 remote fd00::1 local 1.2.3.4',
      1,
      'Error: inet6 address is expected rather than "1.2.3.4".',
    ],
    [
      'ip link add v type vxlan id 4 local 1.2.3.4 remote fd00::1',
      1,
      'Error: inet address is expected rather than "fd00::1".',
    ],
    ['ip link add v type vxlan external dstport 70000', 255, 'Error: argument "70000" is wrong: dst port'],
    [
      'ip link add v type vxlan external dstport 1 dstport 2',
      255,
      'Error: either "dstport" is duplicate, or "2" is a garbage.',
    ],
    ['ip link add v type vxlan external srcport 1', 255, incomplete],
    ['ip link add v type vxlan external srcport x 2', 255, 'Error: argument "x" is wrong: min port'],
    ['ip link add v type vxlan external srcport 1 x', 255, 'Error: argument "x" is wrong: max port'],
    ['ip link add v type vxlan external srcport 20 10', 2, 'Error: Invalid source port range.'],
    ['ip link add v type vxlan external ttl 256', 255, 'Error: argument "256" is wrong: TTL must be <= 255'],
    ['ip link add v type vxlan external ttl x', 255, 'Error: argument "x" is wrong: invalid TTL'],
    ['ip link add v type vxlan external tos 300', 255, 'Error: argument "300" is wrong: bad TOS value'],
    ['ip link add v type vxlan external ageing x', 255, 'Error: argument "x" is wrong: ageing timer'],
    [
      'ip link add v type vxlan external df foo',
      255,
      "Error: argument \"foo\" is wrong: DF must be 'unset', 'set' or 'inherit'",
    ],
    [
      'ip link add v type vxlan external flowlabel 0x100000',
      255,
      'Error: argument "0x100000" is wrong: invalid flowlabel',
    ],
    [
      'ip link add v type vxlan external udpcsum noudpcsum',
      255,
      'Error: either "noudpcsum" is duplicate, or "noudpcsum" is a garbage.',
    ],
  ],
};

for (const [title, rows] of Object.entries(tables)) {
  test(`${title}: refusals have iproute2's text and exit code`, (t) => {
    for (const [line, exitCode, text] of rows) {
      t.deepEqual(refusalOf(line), [exitCode, text], line);
    }
  });
}

test('What vtep does not have is refused by name, with exit code 2', (t) => {
  const flower = 'tc filter add dev a ingress protocol ip flower';
  const vxlan = 'ip link add v type vxlan external';
  for (const [line, what] of [
    [`${flower} vlan_id 5`, 'flower key "vlan_id"'],
    [`${flower} ct_state +trk`, 'flower key "ct_state"'],
    [`${flower} l2_miss 1`, 'flower key "l2_miss"'],
    [`${flower} ip_proto tcp dst_port 10-20`, 'a range of ports ("dst_port 10-20")'],
    [`${flower} action vlan pop`, 'action "vlan"'],
    [`${flower} action gact index 4`, 'gact by index alone (a shared action)'],
    [`${flower} action tunnel_key set geneve_opts 1:2:3`, '"geneve_opts" of action tunnel_key'],
    ['tc filter add dev a ingress matchall', 'filter kind "matchall"'],
    ['tc filter add block 1 flower', 'a shared block ("block")'],
    ['tc actions ls action gact', 'tc actions'],
    ['tc chain show dev a ingress', 'tc chain'],
    ['ip link add v type vxlan id 4', 'vxlan "id" (a device of one VNI; vtep has external ones)'],
    [`${vxlan} remote 10.0.0.1`, 'vxlan "remote"'],
    [`${vxlan} gbp`, 'vxlan "gbp"'],
    [`${vxlan} gpe`, 'vxlan "gpe"'],
    [`${vxlan} vnifilter`, 'vxlan "vnifilter"'],
    [`${vxlan} proxy`, 'vxlan "proxy"'],
    [`${vxlan} nolocalbypass`, 'vxlan "nolocalbypass"'],
    [`${vxlan} reserved_bits 0xff`, 'vxlan "reserved_bits"'],
    [`${vxlan} df set`, 'vxlan "df set"'],
    [`${vxlan} flowlabel 5`, 'vxlan "flowlabel"'],
    [`${vxlan} maxaddress 5`, 'vxlan "maxaddress"'],
    ['ip link add v numtxqueues 4 type tap', '"numtxqueues" in ip link add'],
    ['ip link set v type vxlan ttl 5', 'changing the options of a vxlan device'],
    ['ip tuntap add t mode tap pi', '"pi" of a TAP'],
    ['ip tuntap add t mode tap user root', '"user root" of a TAP'],
    ['ip -n other link add v type tap', 'a device of another namespace ("-netns")'],
    ['tc -o filter show dev a ingress', 'option "-o" of tc'],
    ['bridge vni add vni 5 dev v', 'bridge vni'],
    ['bridge fdb add 02:00:00:00:00:01 dev v dst 10.0.0.1', 'bridge fdb with a remote destination'],
  ] as const) {
    t.deepEqual(refusalOf(line), [2, `vtep: ${what} is not supported by vtep`], line);
  }
});

test('Words that say what a device has anyway are taken', (t) => {
  const words = 'noproxy norsc nol2miss nol3miss noremcsumtx noremcsumrx novnifilter localbypass df unset flowlabel 0';
  const line = `ip link add v type vxlan external dstport 4789 ${words} maxaddress unlimited ttl auto ageing none`;
  t.deepEqual(refusalOf(line), [0, 'link-add-vxlan']);
});
