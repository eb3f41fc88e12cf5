/**
 * Refusals of ip and of tc qdisc. Every text and exit code was taken from iproute2 6.1, or from the kernel behind it.
 */
import test from 'ava';
import { incomplete, type RefusalTables, refusalOf } from './refusals.test.helper.js';

const tables: RefusalTables = {
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
    ['tc qdisc show foo', 255, 'What is "foo"? Try "tc qdisc help".'],
  ],
  Links: [
    ['ip link add v', 1, 'Not enough information: "type" argument is required'],
    ['ip link add v type', 255, incomplete],
    ['ip link add v type vxlan', 2, 'Error: Required attributes not provided to perform the operation.'],
    ['ip link add v mtu x type vxlan external', 255, 'Error: argument "x" is wrong: Invalid "mtu" value\n'],
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
    ['ip link add v type vxlan vnifilter', 1, "vxlan: vnifilter is valid only when 'external' is set"],
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
