/**
 * Refusals of bridge, of tc actions and of tc chain. Every text and exit code was taken from iproute2 6.1, or from the
 * kernel behind it.
 */
import test from 'ava';
import { hasKernelMirred, hasKernelVxlan, quote, runInNamespace } from './kernel-oracle.test.helper.js';
import { incomplete, type RefusalTables, refusalOf } from './refusals.test.helper.js';

const mac = '02:00:00:00:00:01';
const required = 'Device and address are required arguments.';

const tables: RefusalTables = {
  'bridge fdb': [
    ['bridge fdb foo', 255, 'Command "foo" is unknown, try "bridge fdb help".'],
    ['bridge fdb add', 255, required],
    [`bridge fdb add ${mac}`, 255, required],
    ['bridge fdb add dev v', 255, required],
    ['bridge fdb add zz dev v', 255, 'Invalid mac address zz'],
    ['bridge fdb del 02:00:00:00:00 dev v', 255, 'Invalid mac address 02:00:00:00:00'],
    [`bridge fdb add ${mac} ${mac} dev v`, 255, `Error: either "to" is duplicate, or "${mac}" is a garbage.`],
    [`bridge fdb add ${mac} stale dev v`, 255, 'Error: either "to" is duplicate, or "stale" is a garbage.'],
    [`bridge fdb add ${mac} dev`, 255, incomplete],
    [
      `bridge fdb add ${mac} dev v dst 10.0.0.1 dst 10.0.0.2`,
      255,
      'Error: either "dst" is duplicate, or "10.0.0.2" is a garbage.',
    ],
    [`bridge fdb add ${mac} dev v dst foo`, 1, 'Error: any valid address is expected rather than "foo".'],
    [
      `bridge fdb add ${mac} dev v dst 10.0.0.1/24`,
      1,
      'Error: any valid address is expected rather than "10.0.0.1/24".',
    ],
    [`bridge fdb add ${mac} dev v dst any`, 255, 'Error: Unsupported address family.'],
    [`bridge fdb add ${mac} dev v port x`, 255, 'Error: argument "x" is wrong: invalid port\n'],
    [`bridge fdb add ${mac} dev v port 65536`, 255, 'Error: argument "65536" is wrong: invalid port\n'],
    [`bridge fdb add ${mac} dev v vni 16777216`, 255, 'Error: argument "16777216" is wrong: invalid VNI\n'],
    [`bridge fdb add ${mac} dev v src_vni x`, 255, 'Error: argument "x" is wrong: invalid src VNI\n'],
    [`bridge fdb add ${mac} dev v nhid x`, 255, 'Error: argument "x" is wrong: "id" value is invalid\n'],
    [`bridge fdb add ${mac} dev v dst 10.0.0.1 nhid 5`, 255, 'dst, port, vni are mutually exclusive with nhid'],
    [`bridge fdb add ${mac} dev v vlan 5 vlan 6`, 255, 'Error: either "vlan" is duplicate, or "vlan" is a garbage.'],
    ['bridge fdb show dev', 255, incomplete],
    ['bridge fdb show dev v state foo', 255, 'Error: argument "foo" is wrong: invalid state'],
    ['bridge fdb get', 255, 'Device or master and address are required arguments.'],
    [`bridge fdb get ${mac} dev v self foo`, 255, 'Error: either "to" is duplicate, or "foo" is a garbage.'],
    ['bridge fdb get zz dev v self', 255, 'Invalid mac address zz'],
    ['bridge fdb flush', 255, 'Device is a required argument.'],
  ],
  'bridge vni': [
    ['bridge vni foo', 255, 'Command "foo" is unknown, try "bridge vni help".'],
    ['bridge vni s', 255, 'Command "s" is unknown, try "bridge vni help".'],
    ['bridge vni add', 255, 'Device and VNI ID are required arguments.'],
    ['bridge vni add vni 4', 255, 'Device and VNI ID are required arguments.'],
    ['bridge vni add vni 4 vni 5 dev v', 255, 'Error: argument "5" is wrong: duplicate vni'],
    ['bridge vni add vni 4 dev v group 10.0.0.1', 255, 'Error: argument "10.0.0.1" is wrong: invalid group address'],
    ['bridge vni add vni 4 dev v remote foo', 1, 'Error: any valid address is expected rather than "foo".'],
    [
      'bridge vni add vni 4 dev v remote 1.1.1.1 group 239.1.1.1',
      255,
      'Error: argument "group" is wrong: duplicate group',
    ],
    ['bridge vni show dev v dev w', 255, 'Error: duplicate "dev": "w" is the second value.'],
  ],
  'tc actions': [
    ['tc actions foo', 255, 'Command "foo" is unknown, try "tc actions help".'],
    ['tc actions add', 255, 'Illegal "action"'],
    ['tc actions flush action mir', 1, 'Error: Cannot flush unknown TC action.\nWe have an error flushing'],
    ['tc actions add action', 255, 'bad action empty 1\nparse_action: bad value (0:(null))!\nIllegal "action"'],
    ['tc actions add action mirred egress redirect dev lo foo', 255, 'Bad action type foo'],
    [
      'tc actions add action mirred index 7',
      255,
      'Error: act_mirred: Unknown mirred option.\nWe have an error talking to the kernel',
    ],
    [
      'tc actions add action mirred egress mirror dev lo goto chain 4',
      255,
      "Error: can't goto NULL proto/chain.\nWe have an error talking to the kernel",
    ],
    ['tc actions get action mirred', 255, 'Error: no index specified action: mirred'],
    ['tc actions del action mirred', 255, 'Error: no index specified action: mirred'],
    ['tc actions get action mirred index x', 255, 'Illegal "index"'],
    ['tc actions get action mirred index', 255, incomplete],
    [
      'tc actions get action mirred index 0',
      255,
      'Error: Invalid TC action index value.\nWe have an error talking to the kernel',
    ],
    ['tc actions ls action mirred since x', 255, 'Error: argument "x" is wrong: dump time "since" is invalid'],
  ],
  'tc chain': [
    ['tc chain foo', 255, 'Command "foo" is unknown, try "tc chain help".'],
    ['tc chain flush dev lo egress', 255, 'Command "flush" is unknown, try "tc chain help".'],
    ['tc chain show foo', 255, ' What is "foo"? Try "tc filter help"'],
    ['tc chain add foo', 2, 'RTNETLINK answers: No such device\nWe have an error talking to the kernel'],
    ['tc chain add chain 5', 2, 'RTNETLINK answers: No such device\nWe have an error talking to the kernel'],
    ['tc chain add dev lo ingress chain x', 255, 'Error: argument "x" is wrong: invalid chain index value'],
    ['tc chain add dev lo ingress handle 1 chain 8', 255, 'Must specify filter type when using "handle"'],
  ],
  'ip link show': [
    ['ip link show foo bar', 255, 'Error: either "dev" is duplicate, or "bar" is a garbage.'],
    ['ip link show dev', 255, incomplete],
    ['ip link show type', 255, incomplete],
    ['ip link set type vxlan ttl 5', 255, 'Not enough information: "dev" argument is required.'],
    ['ip link set v type vxlan', 2, 'Error: Required attributes not provided to perform the operation.'],
    ['ip link set v type vxlan foo', 1, 'vxlan: unknown command "foo"?'],
  ],
};

/**
 * Where iproute2 passes over what it does not know: a word of show and flush; in a list of VNIs, what is no number (it
 * makes 0 of it) or too large; the name of an action that it would print nothing of.
 */
const stricter: RefusalTables = {
  'What iproute2 passes over': [
    ['bridge fdb show v', 255, 'vtep: "v" is not a word of bridge fdb show'],
    ['bridge fdb flush v', 255, 'vtep: "v" is not a word of bridge fdb flush'],
    ['bridge vni add vni 4,x dev v', 255, 'Error: argument "x" is wrong: invalid VNI'],
    ['bridge vni add vni 9-4 dev v', 255, 'Error: argument "9-4" is wrong: invalid VNI'],
    ['bridge vni add vni 16777216 dev v', 255, 'Error: argument "16777216" is wrong: invalid VNI'],
    ['tc actions ls action mir', 255, 'bad action mir'],
  ],
};

for (const [title, rows] of Object.entries({ ...tables, ...stricter })) {
  test(`${title}: refusals have their text and exit code`, (t) => {
    for (const [line, exitCode, text] of rows) {
      t.deepEqual(refusalOf(line), [exitCode, text], line);
    }
  });
}

(hasKernelVxlan && hasKernelMirred ? test : test.skip)('The tools of the system refuse these lines alike', (t) => {
  const rows = Object.values(tables).flat();
  const setUp = 'ip link add v type vxlan id 4 dstport 4789; ip link add w type vxlan id 5 dstport 4789';
  const scripts = rows.map(([line]) => `${line.split(' ').map(quote).join(' ')} 2>&1 >/dev/null; echo "exit $?"`);
  const results = runInNamespace([`${setUp}; tc qdisc add dev lo ingress`, ...scripts]).slice(1);
  for (const [i, [line, exitCode, text]] of rows.entries()) {
    const printed = (results[i] ?? '').split('\n');
    t.is(printed.at(-2), `exit ${exitCode}`, line);
    // Usage may follow.
    t.is(`${printed.join('\n')}\n`.slice(0, text.length + 1), `${text}\n`, line);
  }
});
