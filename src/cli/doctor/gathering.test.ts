// What is read from /proc and from the list of links, with text that was made up.
import test from 'ava';
import { CommandError } from '../../iproute/commands.js';
import { health, link } from './facts.test.helper.js';
import { rulesetOf } from './gather.js';
import { boundSockets, capabilitiesOf, isMapped, mayMakeUserNamespace } from './proc.js';
import { runTool } from './run-tool.js';
import { chooseUnderlays } from './underlays.js';

test('capabilities are read from the mask of those in effect', (t) => {
  const status = (mask: string): string => `Name:\tnode\nCapPrm:\t0000000000003000\nCapEff:\t${mask}\n`;
  t.deepEqual(capabilitiesOf(status('0000000000001000')), { netAdmin: true, netRaw: false });
  t.deepEqual(capabilitiesOf(status('000001ffffffffff')), { netAdmin: true, netRaw: true });
  t.deepEqual(capabilitiesOf(status('0000000000000000')), { netAdmin: false, netRaw: false });
  t.deepEqual(capabilitiesOf(''), { netAdmin: false, netRaw: false });
});

test('a user namespace is told by its map', (t) => {
  t.false(isMapped('         0          0 4294967295\n'));
  t.true(isMapped('         0       1000          1\n'));
});

test('each of three sysctls keeps ordinary users from making user namespaces', (t) => {
  const sysctls = (values: Record<string, number>) => mayMakeUserNamespace((name) => values[name]);
  t.true(sysctls({ 'user/max_user_namespaces': 1000 }));
  t.false(sysctls({ 'user/max_user_namespaces': 0 }));
  t.false(sysctls({ 'user/max_user_namespaces': 1000, 'kernel/unprivileged_userns_clone': 0 }));
  t.false(sysctls({ 'user/max_user_namespaces': 1000, 'kernel/apparmor_restrict_unprivileged_userns': 1 }));
  t.is(sysctls({}), undefined);
});

const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  100: 00000000:12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4242 2 0000000000000000 0
  101: 0100007F:12B5 0200007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4243 2 0000000000000000 0
  102: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4244 2 0000000000000000 0
`;

test('a socket that receives on the port is found by its inode; others are not', (t) => {
  t.deepEqual(boundSockets(UDP, new Set([4789])), [{ port: 4789, inode: 4242 }]);
  t.deepEqual(boundSockets(UDP.replaceAll('00000000:', '00000000000000000000000000000000:'), new Set([4789])), [
    { port: 4789, inode: 4242 },
  ]);
  t.deepEqual(boundSockets('', new Set([4789])), []);
});

const LINKS = [
  link({ name: 'lo', isLoopback: true }),
  link({ name: 'eth0' }),
  link({ name: 'eth1', isUp: false }),
  link({ name: 'eth2', hasMaster: true }),
  link({ name: 'tap0', kind: 'tun' }),
  link({ name: 'vx0', kind: 'vxlan' }),
  link({ name: 'ppp0', isEthernet: false }),
];

test('without a daemon what could carry a tunnel is looked at', (t) => {
  t.deepEqual(chooseUnderlays(LINKS, undefined, undefined), ['eth0']);
});

test('of many the one of the default route is, or the first few', (t) => {
  const many = Array.from({ length: 9 }, (_, n) => link({ name: `eth${n}` }));
  t.deepEqual(chooseUnderlays(many, undefined, 'eth7'), ['eth7']);
  t.deepEqual(chooseUnderlays(many, undefined, undefined), ['eth0', 'eth1', 'eth2', 'eth3']);
});

const CLASSIC = { name: 'vx4', kind: 'vxlan', external: false, port: 4789, open: true, lower: 'eth1' } as const;
const EXTERNAL = { name: 'vxlan0', kind: 'vxlan', external: true, port: 4789, open: true } as const;

test('where a device tells what it stands on, that is looked at, up or down', (t) => {
  t.deepEqual(chooseUnderlays(LINKS, health({ devices: [CLASSIC] }), undefined), ['eth1']);
  t.deepEqual(chooseUnderlays(LINKS, health({ devices: [CLASSIC, EXTERNAL] }), undefined), ['eth1', 'eth0']);
});

test('a name means a device of vtep first, then any interface, and is refused otherwise', (t) => {
  const daemon = health({ devices: [CLASSIC, EXTERNAL, { name: 'tap0', kind: 'tap' }] });
  t.deepEqual(chooseUnderlays(LINKS, daemon, undefined, 'vx4'), ['eth1']);
  t.deepEqual(chooseUnderlays(LINKS, daemon, undefined, 'vxlan0'), ['eth0']);
  t.deepEqual(chooseUnderlays(LINKS, daemon, undefined, 'tap0'), ['eth1', 'eth0']);
  t.deepEqual(chooseUnderlays(LINKS, daemon, undefined, 'eth2'), ['eth2']);
  const error = t.throws(() => chooseUnderlays(LINKS, daemon, undefined, 'nosuch'), { instanceOf: CommandError });
  t.is(error?.message, 'Cannot find device "nosuch"');
  t.is(error?.exitCode, 2);
});

test('a tool that is missing, that fails and that prints are told apart', async (t) => {
  t.deepEqual(await runTool('no-such-tool-of-vtep'), { unseen: 'no-such-tool-of-vtep is not installed' });
  t.deepEqual(await runTool('sh', '-c', 'echo why >&2; exit 3'), { unseen: 'sh: why' });
  t.is(await runTool('sh', '-c', 'echo yes'), 'yes\n');
});

test('what nft prints has to be a ruleset: another program may have its name', (t) => {
  const ruleset = { nftables: [] };
  t.is(rulesetOf(ruleset), ruleset);
  const none = { unseen: 'what nft printed is no ruleset' };
  for (const printed of [[], null, 'usage', {}]) t.deepEqual(rulesetOf(printed), none);
  t.deepEqual(rulesetOf({ unseen: 'nft is not installed' }), { unseen: 'nft is not installed' });
});
