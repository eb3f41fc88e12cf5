// What a file asks for: the refusals of a start, without one.
import test from 'ava';
import { LinearTable } from '../classifier/linear/linear-table.js';
import { CommandError } from '../iproute/commands.js';
import type { PresentDevices } from './desired-devices.js';
import { type DesiredState, readDesired } from './desired-state.js';
import { TableDrafts } from './device-tables.js';
import { noSuchDevice, rtnetlinkAnswers } from './refusal.js';

/** The daemon has tap0, the host eth0. */
const present: PresentDevices = {
  newTables: () => new TableDrafts({ link: () => undefined }),
  meant: (name) => (name === 'tap0' ? { index: 3, ifindex: 33 } : undefined),
  hostIfindex: (name) => {
    if (name === 'eth0') return 2;
    throw noSuchDevice(name);
  },
  isHosts: (name) => name === 'eth0',
  check: (name, vxlan, beside) => {
    if (name === 'eth0' || beside.some(({ dstport }) => dstport === vxlan?.dstport))
      throw rtnetlinkAnswers('File exists');
  },
  changed: (current, changes) => ({ ...current, ...changes }) as NonNullable<typeof current>,
};

const read = (...lines: string[]): Promise<DesiredState> =>
  readDesired(lines.join('\n'), 'FILE', present, () => new LinearTable());

for (const [title, said, ...lines] of [
  [
    'a word that is unknown',
    'What is "frob"?',
    'ip link add tap0 type tap',
    'tc qdisc add dev tap0 ingress',
    'tc filter add dev tap0 ingress flower frob',
  ],
  [
    'a device that only the daemon has',
    'Cannot find device "tap0"',
    'tc qdisc add dev tap9 ingress',
    'ip link add tap9 type tap',
    'tc filter add dev tap0 ingress flower action drop',
  ],
  [
    'a name of the host’s',
    'RTNETLINK answers: File exists',
    'ip link add tap0 type tap',
    'ip link add tap9 type tap',
    'ip link add eth0 type tap',
  ],
  [
    'a name that is made twice',
    'RTNETLINK answers: File exists',
    '',
    '# twice',
    'ip link add tap0 type tap',
    'ip link add tap0 type tap',
  ],
  [
    'two tunnels of one port',
    'RTNETLINK answers: File exists',
    '',
    'ip link add v1 type vxlan external dstport 4',
    'ip link add v2 type vxlan external dstport 4',
  ],
  [
    'a redirect to nowhere',
    'Cannot find device "tap8"',
    'ip link add tap0 type tap',
    'tc qdisc add dev tap0 ingress',
    'tc filter add dev tap0 ingress flower action mirred egress redirect dev tap8',
  ],
  ['an option of a TAP', '', 'ip link add tap0 type tap', '', 'ip link set tap7 type vxlan ttl 3'],
] as const) {
  test(`${title} is refused with its line`, async (t) => {
    const error = await t.throwsAsync(read(...lines), { instanceOf: CommandError });
    t.true(error?.message.includes(said), error?.message);
    t.regex(error?.message ?? '', new RegExp(`\nCommand failed FILE:${lines.length}$`));
  });
}

test('a quote without its end is refused', async (t) => {
  await t.throwsAsync(read('ip link add tap0 type tap', 'ip addr add "'), {
    message: /^Unterminated quoted string in line 2$/,
  });
});

test('devices are those of the daemon where it has them; tunnels have the options of the last line', async (t) => {
  const { devices, rules, host } = await read(
    'ip link add tap0 mtu 1400 type tap',
    'ip link add vxlan0 type vxlan external dstport 4789',
    'ip link set vxlan0 type vxlan ttl 9',
    'ip link add tap1 type tap',
    'tc qdisc add dev tap0 clsact',
    'tc filter add dev tap0 ingress protocol ip flower indev eth0 action mirred egress redirect dev vxlan0',
    'ip link del tap1',
    'ip addr add 10.0.0.1/24 dev tap0',
    'ip link del br0',
  );
  t.deepEqual([...devices.wanted.keys()], ['tap0', 'vxlan0']);
  t.is(devices.wanted.get('tap0')?.index, 3);
  t.like(devices.wanted.get('vxlan0')?.making, { vxlan: { ttl: 9, dstport: 4789 } });
  t.is([...rules.each({ dev: 'tap0', parent: 'ingress' })].length, 1);
  t.deepEqual(
    host.filter(({ stage }) => stage === 'last').map(({ line }) => line),
    [8, 9],
  );
});

test('an empty file asks for nothing', async (t) => {
  const { devices, rules, host } = await read('');
  t.deepEqual([devices.wanted.size, rules.qdiscsOf(), host], [0, [], []]);
});
