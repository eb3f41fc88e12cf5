// Each finding, and beside it the nearest rules that have nothing wrong with them.
import test from 'ava';
import { CHECKS } from '../../control/lint/finding.js';
import { formatIp } from '../../iproute/address.js';
import { lintBatch } from './lint-batch.js';
import { printLint } from './print-lint.js';

const DEVICES = `ip link add vxlan0 type vxlan external dstport 4789
ip link add blue type vxlan id 7 dstport 4790 local 192.0.2.1 remote 192.0.2.9
ip tuntap add dev tap0 mode tap
ip tuntap add dev tap1 mode tap
ip link set vxlan0 up
ip link set blue up
ip link set tap0 up
tc qdisc add dev vxlan0 clsact
tc qdisc add dev blue clsact
tc qdisc add dev tap0 clsact
tc qdisc add dev tap1 clsact
`;
const LINES = DEVICES.trimEnd().split('\n').length;

/** Rules are lines without `tc filter add dev`; those that begin with + are whole lines. */
async function checks(rules: readonly string[], routes?: readonly string[]): Promise<string[]> {
  const lines = rules.map((rule) => (rule.startsWith('+') ? rule.slice(1) : `tc filter add dev ${rule}`));
  const { findings } = await lintBatch(`${DEVICES}${lines.join('\n')}\n`, 'rules', {
    hosts: ['eth0'],
    hasLines: true,
    ...(routes && { wayTo: (address) => (routes.includes(formatIp(address)) ? 'eth0' : '') }),
  });
  return findings.map(({ check, line = 0, level }) => {
    if (level !== CHECKS[check]) throw new Error(`${check}: ${level}`);
    return `${check} ${line - LINES}`;
  });
}

const SET = 'action tunnel_key set src_ip 192.0.2.1 dst_ip 192.0.2.2 id 4';
const TO = (device: string): string => `action mirred egress redirect dev ${device}`;
const DROP = 'action drop';

const cases: readonly [
  title: string,
  wanted: readonly string[],
  rules: readonly string[],
  routes?: readonly string[],
][] = [
  // covered
  [
    'a rule behind a wider one',
    ['covered 2'],
    [
      `vxlan0 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 ${DROP}`,
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 10.1.0.0/16 ip_proto tcp dst_port 80 ${DROP}`,
    ],
  ],
  [
    'a rule behind one that is as wide elsewhere',
    [],
    [
      `vxlan0 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 ${DROP}`,
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 11.1.0.0/16 ip_proto tcp dst_port 80 ${DROP}`,
    ],
  ],
  [
    'a wider rule that goes on to the next',
    [],
    [
      'vxlan0 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 action continue',
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 10.1.0.0/16 ${DROP}`,
    ],
  ],
  [
    'a wider rule that goes on now and then',
    [],
    [
      'vxlan0 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 action drop random netrand continue 5',
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 10.1.0.0/16 ${DROP}`,
    ],
  ],
  [
    'a wider rule whose continue stands behind an end',
    ['unreached-action 1', 'covered 2'],
    [
      'vxlan0 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 action drop action continue',
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 10.1.0.0/16 ${DROP}`,
    ],
  ],
  [
    'a wider rule that only leads elsewhere',
    ['covered 2'],
    [
      'vxlan0 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 action goto chain 3',
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 10.1.0.0/16 ${DROP}`,
      `vxlan0 ingress protocol ip pref 1 chain 3 flower ${DROP}`,
    ],
  ],
  [
    'a wider rule of pipe alone ends with its actions',
    ['covered 2'],
    [
      'vxlan0 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 action tunnel_key unset pipe',
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 10.1.0.0/16 ${DROP}`,
    ],
  ],
  [
    'a wider rule of another protocol',
    [],
    [
      `vxlan0 ingress protocol ipv6 pref 1 flower ${DROP}`,
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 10.1.0.0/16 ${DROP}`,
    ],
  ],
  [
    'a wider rule of another chain, hook or device',
    [],
    [
      'vxlan0 ingress protocol ip pref 1 flower dst_ip 11.0.0.0/8 action goto chain 3',
      `vxlan0 ingress protocol ip pref 1 chain 3 flower ${DROP}`,
      `vxlan0 egress protocol ip pref 1 flower ${DROP}`,
      `blue ingress protocol ip pref 1 flower ${DROP}`,
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 10.1.0.0/16 ${DROP}`,
    ],
  ],
  [
    'a wider rule of a lower pref that a rule before it leads around',
    [],
    [
      'vxlan0 ingress protocol ip pref 1 flower src_ip 10.9.0.1 action continue',
      `vxlan0 ingress protocol ip pref 1 flower dst_ip 10.0.0.0/8 ${DROP}`,
      `vxlan0 ingress protocol ip pref 2 flower dst_ip 10.1.0.0/16 ${DROP}`,
    ],
  ],
  // keys
  [
    'keys of the tunnel on a device that has none',
    ['enc-keys 1', 'enc-keys 2'],
    [
      `tap0 ingress protocol ip pref 1 flower enc_key_id 4 ${DROP}`,
      `blue ingress protocol ip pref 1 flower enc_src_ip 10.0.0.1 ${DROP}`,
    ],
  ],
  [
    'keys of the tunnel where there may be some',
    [],
    [
      `vxlan0 ingress protocol ip pref 1 flower enc_key_id 5 action mirred ingress redirect dev tap0`,
      `tap0 ingress protocol ip pref 1 flower enc_key_id 4 ${DROP}`,
      `tap0 egress protocol ip pref 1 flower enc_key_id 4 ${DROP}`,
    ],
  ],
  [
    'a port of the tunnel that the device has not',
    ['enc-dst-port 1'],
    [`vxlan0 ingress protocol ip pref 1 flower enc_dst_port 8472 ${DROP}`],
  ],
  ['the port that it has', [], [`vxlan0 ingress protocol ip pref 1 flower enc_dst_port 4789 ${DROP}`]],
  ['indev of another device', ['indev-elsewhere 1'], [`tap0 ingress protocol ip pref 1 flower indev tap1 ${DROP}`]],
  [
    'indev of its own, and at the egress',
    [],
    [
      `tap0 ingress protocol ip pref 1 flower indev tap0 ${DROP}`,
      `tap0 egress protocol ip pref 1 flower indev tap1 ${DROP}`,
    ],
  ],
  // chains
  [
    'chains that nothing leads to',
    ['unreached-chain 1', 'unreached-chain 2', 'unreached-chain 3'],
    [
      'vxlan0 ingress protocol ip pref 1 chain 3 flower action goto chain 4',
      `vxlan0 ingress protocol ip pref 1 chain 4 flower ${DROP}`,
      `vxlan0 ingress protocol ip pref 1 chain 5 flower ${DROP}`,
    ],
  ],
  [
    'chains that chain 0 leads to by another',
    [],
    [
      'vxlan0 ingress protocol ip pref 1 flower action goto chain 3',
      'vxlan0 ingress protocol ip pref 1 chain 3 flower action goto chain 4',
      `vxlan0 ingress protocol ip pref 1 chain 4 flower ${DROP}`,
    ],
  ],
  [
    'a chain without filters',
    ['empty-chain 1', 'empty-chain 3'],
    [
      'vxlan0 ingress protocol ip pref 1 flower dst_ip 10.0.0.1 action goto chain 3',
      '+tc chain add dev vxlan0 ingress chain 4',
      'vxlan0 ingress protocol ip pref 2 flower action goto chain 4',
    ],
  ],
  // actions
  [
    'an action behind one that ends: as csum and pedit do by themselves, as drop does, as a redirect does',
    ['unreached-action 1', 'unreached-action 2', 'unreached-action 3'],
    [
      `vxlan0 ingress protocol ip pref 1 flower ip_ttl 1 action csum ip ${TO('tap0')}`,
      `vxlan0 ingress protocol ip pref 2 flower ip_ttl 2 action drop ${TO('tap0')}`,
      `vxlan0 ingress protocol ip pref 3 flower ip_ttl 3 ${TO('tap0')} action vlan pop`,
    ],
  ],
  [
    'an action behind one that goes on, that goes on at times, or that something jumps to',
    [],
    [
      `vxlan0 ingress protocol ip pref 1 flower ip_ttl 1 action csum ip pipe ${TO('tap0')}`,
      `vxlan0 ingress protocol ip pref 2 flower ip_ttl 2 action drop random netrand pipe 5 ${TO('tap0')}`,
      `vxlan0 ingress protocol ip pref 3 flower ip_ttl 3 action police rate 1mbit burst 10k conform-exceed drop/pipe ${TO('tap0')}`,
      `vxlan0 ingress protocol ip pref 4 flower ip_ttl 4 action jump 2 action drop ${TO('tap0')}`,
    ],
  ],
  // devices
  ['a device that there is not', ['missing-device 1'], [`vxlan0 ingress protocol ip pref 1 flower ${TO('eth9')}`]],
  ['an interface of the host', [], [`vxlan0 ingress protocol ip pref 1 flower ${TO('eth0')}`]],
  ['a device that is down', ['target-down 1'], [`vxlan0 ingress protocol ip pref 1 flower ${TO('tap1')}`]],
  [
    'a device that a later line sets up',
    [],
    [`vxlan0 ingress protocol ip pref 1 flower ${TO('tap1')}`, '+ip link set tap1 up'],
  ],
  // tunnels
  ['no route', ['no-route 1'], [`tap0 ingress protocol ip pref 1 flower ${SET} ${TO('vxlan0')}`], ['192.0.2.3']],
  ['a route', [], [`tap0 ingress protocol ip pref 1 flower ${SET} ${TO('vxlan0')}`], ['192.0.2.2']],
  [
    'a tunnel that nothing goes into',
    ['tunnel-key-unused 1', 'tunnel-key-unused 2', 'tunnel-key-unused 3'],
    [
      `tap0 ingress protocol ip pref 1 flower ${SET} ${TO('tap0')}`,
      `tap0 ingress protocol arp pref 2 flower ${SET} action pass`,
      `tap0 ingress protocol ipv6 pref 3 flower ${SET} action tunnel_key unset ${TO('blue')}`,
    ],
  ],
  [
    'a tunnel that is used: by a mirror, by the chain, where the frame goes on, by another hook',
    [],
    [
      `tap0 ingress protocol ip pref 1 flower ${SET} action mirred egress mirror dev vxlan0 action drop`,
      `tap0 ingress protocol arp pref 2 flower ${SET} pipe action goto chain 3`,
      `tap0 ingress protocol arp pref 1 chain 3 flower ${TO('vxlan0')}`,
      `vxlan0 egress protocol ip pref 1 flower ${SET}`,
      `tap0 ingress protocol ipv6 pref 3 flower ${SET} action mirred ingress redirect dev blue`,
    ],
  ],
  [
    'into a tunnel that nothing is said of',
    ['no-tunnel-key 1', 'no-tunnel-key 2'],
    [
      `tap0 ingress protocol ip pref 1 flower ${TO('vxlan0')}`,
      'tap0 ingress protocol arp pref 2 flower action mirred egress mirror dev vxlan0 action drop',
    ],
  ],
  [
    'into a tunnel of a classic device, or one whose egress says it',
    [],
    [
      `tap0 ingress protocol ip pref 1 flower ${TO('blue')}`,
      `tap0 ingress protocol arp pref 2 flower ${TO('vxlan0')}`,
      `vxlan0 egress protocol all pref 1 flower ${SET}`,
    ],
  ],
  [
    'an address that a route of the file leads into the device that is to send there',
    ['route-loop 2'],
    ['+ip addr add 192.0.2.1/24 dev vxlan0', `tap0 ingress protocol ip pref 1 flower ${SET} ${TO('vxlan0')}`],
  ],
  [
    'an address that a longer route of the file leads out of it again',
    [],
    [
      '+ip addr add 192.0.2.1/24 dev vxlan0',
      '+ip addr add 198.51.100.1/24 dev tap1',
      '+ip route add 192.0.2.0/28 via 198.51.100.9',
      `tap0 ingress protocol ip pref 1 flower ${SET} ${TO('vxlan0')}`,
    ],
  ],
  [
    'an address that the file makes unreachable',
    ['no-route 2'],
    ['+ip route add unreachable 192.0.2.0/30', `tap0 ingress protocol ip pref 1 flower ${SET} ${TO('vxlan0')}`],
  ],
  [
    'an address that a line of the file gives a route to, which the host does not have yet',
    [],
    ['+ip addr add 192.0.2.9/24 dev tap1', `tap0 ingress protocol ip pref 1 flower ${SET} ${TO('vxlan0')}`],
    [],
  ],
];

for (const [title, wanted, rules, routes] of cases) {
  test(`${wanted.length > 0 ? 'found' : 'nothing found'}: ${title}`, async (t) => {
    t.deepEqual(await checks(rules, routes), wanted);
  });
}

test('there is a case for each finding', (t) => {
  const tried = new Set(cases.flatMap(([, wanted]) => wanted.map((one) => one.split(' ')[0])));
  t.deepEqual([...tried].sort(), Object.keys(CHECKS).sort());
});

test('a finding names the line, the rule and what to do, and fits into a narrow terminal', async (t) => {
  const text = `${DEVICES}tc filter add dev vxlan0 ingress protocol ip pref 3 flower action mirred egress redirect dev eth9\n`;
  const result = await lintBatch(text, 'rules', { hosts: [], hasLines: true });
  t.is(
    printLint(result),
    `line ${LINES + 1}: missing-device: dev vxlan0 ingress chain 0 pref 3 handle 0x1
  it sends to eth9, and there is no such device
  do: make eth9, or say --host eth9 where the host has it
1 finding in 1 filter
`,
  );
  t.true(
    printLint(result, 40)
      .split('\n')
      .every((line) => line.length <= 40),
  );
  const none = await lintBatch(DEVICES, 'rules', { hosts: [], hasLines: true });
  t.is(printLint(none), 'nothing found in 0 filters\n');
});

test('a line that cannot be carried out is refused by its number', async (t) => {
  await t.throwsAsync(
    lintBatch(`${DEVICES}tc filter add dev nix ingress protocol ip flower\n`, 'rules', { hosts: [], hasLines: true }),
    {
      message: new RegExp(`Command failed rules:${LINES + 1}$`),
    },
  );
});
