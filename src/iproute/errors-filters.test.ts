/**
 * Refusals of tc filter and of the tools as such. Every text and exit code was taken from iproute2 6.1, or from the
 * kernel behind it.
 */
import test from 'ava';
import { incomplete, type RefusalTables, refusalOf } from './refusals.test.helper.js';

function action(problem: string, left: string): string {
  return `${problem}\nbad action parsing\nparse_action: bad value (${left})!\nIllegal "action"`;
}

const tables: RefusalTables = {
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
    ['tc filter add dev a ingress flower eth_type ipv4', 1, 'What is "eth_type"?'],
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
    ['tc filter add dev a ingress protocol ip flower ip_proto tcp dst_port 0', 1, 'Illegal "dst_port"'],
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
      `${action('set needs tunnel_key parameters', '2:tunnel_key')}\nvtep: src_ip and dst_ip are missing`,
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
      'Error: argument "abc" is wrong: cookie must be a hex string\n',
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
};

for (const [title, rows] of Object.entries(tables)) {
  test(`${title}: refusals have iproute2's text and exit code`, (t) => {
    for (const [line, exitCode, text] of rows) {
      t.deepEqual(refusalOf(line), [exitCode, text], line);
    }
  });
}
