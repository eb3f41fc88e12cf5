// bridge fdb: the same lines on a kernel vxlan device and on vtep's, and what each of them says and shows.
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import { type Host, VTEP } from './topology.js';

interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Seconds pass between the two: ages are compared where they matter. */
function ageless({ code, stdout, stderr }: Answer): Answer {
  return {
    code,
    stdout: stdout.replaceAll(/used \d+\/\d+/g, 'used 0/0').replaceAll(/"(used|updated)":(\s*)\d+/g, '"$1":$20'),
    stderr,
  };
}

const DEVICES = [
  'ip link add vx4 type vxlan id 4 remote 10.0.0.9 dstport 4789',
  'ip link add vx6 type vxlan id 6 remote fd00::9 dstport 4789 dev lo',
  'ip link add vxm type vxlan id 7 dstport 4790 maxaddress 2',
  'ip link add vxe type vxlan external dstport 4791',
];

const zeros = '00:00:00:00:00:00';
const mac = (n: number): string => `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`;

const LINES = [
  `fdb add ${mac(1)} dev vx4 dst 10.0.0.1`,
  `fdb add ${mac(1)} dev vx4 dst 10.0.0.2`,
  `fdb append ${mac(1)} dev vx4 dst 10.0.0.2`,
  `fdb append ${zeros} dev vx4 dst 10.0.0.2`,
  `fdb append ${zeros} dev vx4 dst 10.0.0.2`,
  `fdb append ${zeros} dev vx4 dst 10.0.0.3 port 99 vni 77`,
  `fdb replace ${zeros} dev vx4 dst 10.0.0.3`,
  `fdb replace ${mac(1)} dev vx4 dst 10.0.0.5 static`,
  `fdb replace ${mac(7)} dev vx4 dst 10.0.0.5 dynamic`,
  `fdb replace ${mac(7)} dev vx4 dst 10.0.0.6 port 4000 dynamic extern_learn`,
  `fdb add ${mac(8)} dev vx4 dst fd00::1`,
  `fdb add ${mac(9)} dev vx4`,
  `fdb add ${mac(10)} dev vx4 dst 10.0.0.1 via lo`,
  `fdb add ${mac(11)} dev vx4 dst 10.0.0.1 via nope`,
  `fdb add 01:00:5e:00:00:01 dev vx4 dst 10.0.0.1`,
  `fdb append 01:00:5e:00:00:01 dev vx4 dst 10.0.0.2`,
  `fdb replace 01:00:5e:00:00:02 dev vx4 dst 10.0.0.2`,
  `fdb add ${mac(13)} dev vx4 dst 0.0.0.0 router`,
  `fdb add ${mac(14)} dev vx4 dst 239.1.1.1`,
  `fdb add ${mac(15)} dev vx4 dst 10.0.0.7 extern_learn`,
  `fdb replace ${mac(1)} dev vx4 dst 10.0.0.8 extern_learn dynamic`,
  '-s fdb show dev vx4',
  '-j -s fdb show dev vx4',
  '-j -p fdb show dev vx4',
  'fdb show dev vx4 state permanent',
  'fdb show dev vx4 state static',
  'fdb show dev vx4 dynamic',
  `fdb get ${mac(10)} dev vx4 self`,
  `fdb get ${mac(10)} dev vx4 vni 5 self`,
  `fdb get ${mac(99)} dev vx4 self`,
  `-s fdb get ${zeros} dev vx4 self`,
  `fdb del ${mac(10)} dev vx4 dst 10.0.0.77`,
  `fdb del ${zeros} dev vx4 dst 10.0.0.9`,
  'fdb show dev vx4',
  `fdb del ${mac(10)} dev vx4`,
  `fdb del ${mac(10)} dev vx4`,
  `fdb del 01:00:5e:00:00:01 dev vx4 dst 10.0.0.1`,
  'fdb show dev vx4',
  `fdb del ${zeros} dev vx4`,
  'fdb flush dev vx4 dynamic',
  'fdb show dev vx4',
  'fdb flush dev vx4 nopermanent extern_learn',
  'fdb show dev vx4',
  'fdb flush dev vx4 sticky',
  'fdb flush dev vx4',
  'fdb show dev vx4',
  `fdb add ${mac(1)} dev vx6 dst fd00::1 port 5 via lo`,
  `fdb add ${mac(2)} dev vx6 dst 10.0.0.1`,
  `fdb append ${zeros} dev vx6 dst fd00::2`,
  'fdb show dev vx6',
  '-j fdb show dev vx6',
  `fdb add ${mac(1)} dev vxm dst 10.0.0.1`,
  `fdb add ${mac(2)} dev vxm dst 10.0.0.1`,
  `fdb add ${mac(3)} dev vxm dst 10.0.0.1`,
  `fdb append ${mac(3)} dev vxm dst 10.0.0.1`,
  `fdb del ${mac(2)} dev vxm`,
  `fdb replace ${mac(3)} dev vxm dst 10.0.0.1`,
  'fdb show dev vxm',
  `fdb add ${mac(1)} dev vxe dst 10.0.0.1 src_vni 22`,
  `fdb add ${mac(1)} dev vxe dst 10.0.0.1 src_vni 23 vni 24`,
  `fdb add ${mac(1)} dev vxe dst 10.0.0.1 src_vni 23`,
  `fdb add ${mac(1)} dev vxe dst 10.0.0.1`,
  `fdb add ${mac(1)} dev vxe dst fd00::1 src_vni 25`,
  `fdb append ${zeros} dev vxe dst 10.0.0.2 src_vni 22`,
  'fdb show dev vxe',
  '-j fdb show dev vxe',
  `fdb get ${mac(1)} dev vxe vni 23 self`,
  `fdb del ${mac(1)} dev vxe dst 10.0.0.1 src_vni 22`,
  `fdb del ${mac(1)} dev vxe dst 10.0.0.1 src_vni 22`,
  'fdb show dev vxe',
  `fdb add ${mac(1)} dev nope dst 10.0.0.1`,
];

rooted('bridge fdb says, refuses and shows what it does on a kernel device', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  t.timeout(180_000);
  await a.do('ip link del vxlan4');
  for (const line of DEVICES) await a.do(line);
  const daemon = await Daemon.start(topology, DEVICES);
  for (const line of LINES) {
    const [theirs, ours] = await Promise.all([a.attempt(`bridge ${line}`), daemon.attempt(`bridge ${line}`)]);
    const { code, stdout, stderr } = ours;
    t.deepEqual(ageless({ code, stdout, stderr }), ageless({ ...pick(theirs) }), line);
  }
  t.is((await b.attempt('bridge fdb show')).code, 0);
});

function pick({ code, stdout, stderr }: Answer): Answer {
  return { code, stdout, stderr };
}

rooted('devices that the kernel would refuse are refused, and ports that are taken are taken', async (t) => {
  const topology = await twoHosts(t);
  const { a } = topology;
  const daemon = await Daemon.start(topology, []);
  const lines = [
    'ip link add vx4 type vxlan id 4 remote 10.0.0.9 dstport 4700',
    'ip link add vx5 type vxlan id 5 remote 10.0.0.9 dstport 4700',
    'ip link add vx5b type vxlan id 5 dstport 4700',
    'ip link add vx6 type vxlan id 5 remote fd00::9 dstport 4700',
    'ip link add vx5g type vxlan id 5 gbp dstport 4700',
    'ip link add vxe type vxlan external dstport 4700',
    'ip link add vxe2 type vxlan external dstport 4700',
    'ip link add vxs type vxlan id 8 dstport 4700 srcport 5000 5004',
    'ip link set vx4 up',
    'ip link set vx5 up',
    'ip link set vx6 up',
    'ip link set vxe up',
    'ip link set vx5g up',
    'ip link set vxs up',
    'ip link set vx4 down',
    'ip link set vx5 down',
    'ip link set vxs down',
    'ip link set vx6 down',
    'ip link set vxe up',
    'ip link set vx4 up',
  ];
  for (const line of lines) {
    const [theirs, ours] = [await a.attempt(line), await daemon.attempt(line)];
    t.deepEqual([ours.code, ours.stderr], [theirs.code, theirs.stderr], line);
  }
});

/** The kernel's device on host A, vtep's on host B, each the other's peer. */
async function peers(a: Host, options: string): Promise<string[]> {
  await a.do('ip link del vxlan4');
  await a.do(`ip link add vx4 address 02:00:00:00:00:aa mtu 1450 type vxlan id 4 dstport 4789 ${options}`);
  await a.do('ip addr add 10.4.0.1/24 dev vx4');
  await a.do('ip link set vx4 up');
  return [
    `ip link add vx4 address 02:00:00:00:00:bb mtu 1450 type vxlan id 4 dstport 4789 ${options}`,
    'ip link set vx4 up',
    'ip addr add 10.4.0.2/24 dev vx4',
  ];
}

rooted('a changed remote and a device that is set down change the table as the kernel’s', async (t) => {
  const topology = await twoHosts(t);
  const { a } = topology;
  const daemon = await Daemon.start(topology, await peers(a, 'remote 10.9.9.9'));
  const lines = [
    'ip link set vx4 type vxlan remote 10.0.0.33',
    'bridge fdb show dev vx4',
    'bridge fdb append 00:00:00:00:00:00 dev vx4 dst 10.0.0.34',
    'ip link set vx4 type vxlan remote 10.0.0.35',
    'bridge fdb show dev vx4',
    `bridge fdb add ${mac(1)} dev vx4 dst 10.0.0.1 dynamic`,
    `bridge fdb add ${mac(2)} dev vx4 dst 10.0.0.1 static`,
    `bridge fdb add ${mac(3)} dev vx4 dst 10.0.0.1 dynamic extern_learn`,
    `bridge fdb add ${mac(4)} dev vx4 dst 10.0.0.1`,
    'ip link set vx4 down',
    'bridge fdb show dev vx4',
    'ip link set vx4 up',
    'bridge fdb show dev vx4',
    'bridge fdb flush dev vx4',
    'ip link set vx4 type vxlan remote 10.0.0.36',
    'bridge fdb show dev vx4',
  ];
  for (const line of lines) {
    const [theirs, ours] = [await a.attempt(line), await daemon.attempt(line)];
    t.deepEqual([ours.code, ours.stdout, ours.stderr], [theirs.code, theirs.stdout, theirs.stderr], line);
  }
});

rooted('the entries of a device that is deleted are told of as deleted', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, [`ip link add vx4 type vxlan id 4 remote 10.9.9.9 dstport 4700`]);
  await a.do('ip link add vx4 type vxlan id 4 remote 10.9.9.9 dstport 4700');
  const sides = [
    { monitor: a.start(['bridge', 'monitor', 'fdb']), say: (line: string) => a.do(line) },
    { monitor: b.start([VTEP, 'bridge', 'monitor', 'fdb']), say: (line: string) => daemon.do(line) },
  ] as const;
  const told: string[][] = [];
  for (const { monitor, say } of sides) {
    while (monitor.stdout === '') {
      await say(`bridge fdb add ${mac(0xdd)} dev vx4 dst 192.0.2.1`);
      await say(`bridge fdb del ${mac(0xdd)} dev vx4`);
    }
    await say(`bridge fdb add ${mac(1)} dev vx4 dst 10.0.0.1 dynamic`);
    await say(`bridge fdb add ${mac(2)} dev vx4 dst 10.0.0.2 port 99 vni 5`);
    await say('bridge fdb append 00:00:00:00:00:00 dev vx4 dst 10.0.0.3');
    await say('ip link set vx4 up');
    await say('ip link del vx4');
    await monitor.waitFor(/Deleted 00:00:00:00:00:00 .*10\.0\.0\.3/);
    await monitor.waitFor(new RegExp(`Deleted ${mac(2)} `));
    const lines = monitor.stdout.split('\n').filter((line) => /^Deleted .* dst 10\./.test(line));
    told.push(lines.map((line) => line.replace(/ dev \S+/, '')).sort());
  }
  t.true((told[0]?.length ?? 0) >= 4, told[0]?.join('\n'));
  t.deepEqual(told[1], told[0]);
});
