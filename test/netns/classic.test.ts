// Classic vxlan devices against the kernel's: traffic both ways, shared ports, learning, roaming and ageing.
import type { ExecutionContext } from 'ava';
import { Daemon } from './daemon.js';
import type { Background } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { type Host, type Topology, VTEP } from './topology.js';
import { iperf, ping } from './traffic.js';

const MAC_A = '02:00:00:00:00:aa';
const MAC_B = '02:00:00:00:00:bb';

/** A kernel device of VNI `vni` on a host, 10.VNI.0.N. */
async function kernelDevice(host: Host, vni: number, mac: string, n: number, options: string): Promise<void> {
  await host.do(`ip link add vx${vni} address ${mac} mtu 1400 type vxlan id ${vni} dstport 4789 ${options}`);
  await host.do(`ip addr add 10.${vni}.0.${n}/24 dev vx${vni}`);
  await host.do(`ip link set vx${vni} up`);
}

function vtepDevice(vni: number, mac: string, n: number, options: string): string[] {
  return [
    `ip link add vx${vni} address ${mac} mtu 1400 type vxlan id ${vni} dstport 4789 ${options}`,
    `ip link set vx${vni} up`,
    `ip addr add 10.${vni}.0.${n}/24 dev vx${vni}`,
  ];
}

/** A monitor that has told of an entry which comes and goes: from now on it misses nothing. */
async function listening(
  monitor: Background,
  say: (line: string) => Promise<string>,
  dev: string,
): Promise<Background> {
  while (monitor.stdout === '') {
    await say(`bridge fdb add 02:00:00:00:00:dd dev ${dev} dst 192.0.2.1`);
    await say(`bridge fdb del 02:00:00:00:00:dd dev ${dev}`);
  }
  return monitor;
}

async function withoutDevice(t: ExecutionContext, underlay: 4 | 6 = 4): Promise<Topology> {
  const topology = await twoHosts(t, { underlay });
  await topology.a.do('ip link del vxlan4');
  return topology;
}

/** Asks until the answer is right, or fails with it. */
async function until<T>(
  t: ExecutionContext,
  ask: () => Promise<T>,
  right: (answer: T) => boolean,
  seconds = 15,
): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (right(answer)) {
      t.pass();
      return;
    }
    if (Date.now() > deadline) {
      t.fail(`still ${JSON.stringify(answer)}`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

for (const underlay of [4, 6] as const) {
  rooted(
    `ping and TCP run both ways between classic devices, and two VNIs share a port (IPv${underlay})`,
    async (t) => {
      const topology = await withoutDevice(t, underlay);
      const { a, b, outer } = topology;
      await kernelDevice(a, 4, MAC_A, 1, `remote ${outer.b}`);
      await kernelDevice(a, 5, '02:00:00:00:05:aa', 1, `remote ${outer.b}`);
      await kernelDevice(a, 6, '02:00:00:00:06:aa', 1, `remote ${outer.b}`);
      const daemon = await Daemon.start(topology, [
        ...vtepDevice(4, MAC_B, 2, `remote ${outer.a} local ${outer.b}`),
        ...vtepDevice(5, '02:00:00:00:05:bb', 2, `remote ${outer.a} srcport 30000 30004`),
      ]);
      t.is((await ping(a, '10.4.0.2')).received, 3);
      t.is((await ping(b, '10.5.0.1')).received, 3);
      t.is((await ping(a, '10.6.0.2', { count: 2 })).received, 0);
      t.true((await daemon.drops())('unknown-vni') > 0);
      t.true((await iperf(a, b, '10.4.0.2')).bytes > 1e6);
      t.true((await iperf(a, b, '10.4.0.2', { reverse: true })).bytes > 1e6);
      t.regex(await daemon.do('bridge fdb show dev vx4'), new RegExp(`^${MAC_A} dst ${outer.a} self \n`));
      await daemon.do('ip link set vx4 down');
      t.is((await ping(b, '10.5.0.1')).received, 3);
      t.notRegex(await daemon.do('bridge fdb show dev vx4'), new RegExp(MAC_A));
    },
  );
}

rooted('a station that moves is followed, one that falls silent is forgotten, as by the kernel', async (t) => {
  const topology = await withoutDevice(t);
  const { a, b, outer } = topology;
  // A third host, at two addresses, speaks to a kernel's device on A and to vtep on B.
  const c = await topology.addHost('c');
  await c.do(`ip link add vc type veth peer name va2 netns ${a.namespace}`);
  await c.do(`ip link add vd type veth peer name vb2 netns ${b.namespace}`);
  for (const [host, dev, net, n] of [
    [c, 'vc', 3, 14],
    [c, 'vc', 3, 15],
    [c, 'vd', 5, 14],
    [c, 'vd', 5, 15],
    [a, 'va2', 3, 1],
    [b, 'vb2', 5, 1],
  ] as const) {
    await host.do(`ip addr add 192.168.${net}.${n}/24 dev ${dev}`);
    await host.do(`ip link set ${dev} up`);
  }
  await c.do('ip link add vx4 address 02:00:00:00:00:cc type vxlan id 4 dstport 4789 local 192.168.3.14');
  await c.do('bridge fdb append 00:00:00:00:00:00 dev vx4 dst 192.168.3.1');
  await c.do('ip link set vx4 up');
  await c.do('ip link add vx7 address 02:00:00:00:00:cc type vxlan id 7 dstport 4789 local 192.168.5.14');
  await c.do('bridge fdb append 00:00:00:00:00:00 dev vx7 dst 192.168.5.1');
  await c.do('ip link set vx7 up');
  await kernelDevice(a, 4, MAC_A, 1, `remote ${outer.b} ageing 3`);
  const daemon = await Daemon.start(topology, vtepDevice(7, MAC_B, 2, `remote ${outer.a} ageing 3`));

  const monitors = [
    await listening(a.start(['bridge', 'monitor', 'fdb']), (line) => a.do(line), 'vx4'),
    await listening(daemon.host.start([VTEP, 'bridge', 'monitor', 'fdb']), (line) => daemon.do(line), 'vx7'),
  ];
  const table = async (): Promise<string[]> => {
    const [kernel, ours] = await Promise.all([a.do('bridge fdb show dev vx4'), daemon.do('bridge fdb show dev vx7')]);
    return [kernel, ours].map((text) => text.split('\n').find((line) => line.includes(':cc ')) ?? '');
  };
  const say = async (): Promise<void> => {
    for (const dev of ['vx4', 'vx7']) {
      const frame = `ffffffffffff0200000000cc88b5${'00'.repeat(46)}`;
      await c.do(c.tool('raw-frames', 'inject', dev), `${frame}\n`);
    }
  };
  await say();
  await until(t, table, ([k, o]) => (k ?? '').includes('dst 192.168.3.14 ') && (o ?? '').includes('dst 192.168.5.14 '));
  await c.do('ip link set vx4 type vxlan local 192.168.3.15');
  await c.do('ip link set vx7 type vxlan local 192.168.5.15');
  await say();
  await until(t, table, ([k, o]) => (k ?? '').includes('dst 192.168.3.15 ') && (o ?? '').includes('dst 192.168.5.15 '));
  const [kernel = '', ours = ''] = await table();
  t.is(ours, kernel.replace('192.168.3.15', '192.168.5.15'));
  await until(t, table, ([k, o]) => k === '' && o === '', 20);
  // Learned, moved, forgotten: each was told, in the words of the kernel's.
  for (const monitor of monitors) await monitor.waitFor(/Deleted .*:cc /);
  const [theirs = [], vteps = []] = monitors.map(({ stdout }) =>
    stdout.split('\n').filter((line) => line.includes(':cc ')),
  );
  const asOurs = (line: string): string => line.replaceAll('vx4', 'vx7').replaceAll('192.168.3.', '192.168.5.');
  t.true(vteps.length >= 3, vteps.join('\n'));
  t.deepEqual([...new Set(vteps)], [...new Set(theirs.map(asOurs))]);

  // Static entries are not moved, and what comes from elsewhere is dropped.
  await daemon.do('bridge fdb add 02:00:00:00:00:cc dev vx7 dst 192.168.5.99 static');
  await say();
  await until(t, daemon.drops.bind(daemon), (drops) => drops('static-mac') === 1);
  t.is(
    await daemon.do('bridge fdb get 02:00:00:00:00:cc dev vx7 self'),
    '02:00:00:00:00:cc dev vx7 dst 192.168.5.99 self static\n',
  );
});

rooted('broadcasts go to every destination of the all-zeros entry, unicasts to one', async (t) => {
  const topology = await withoutDevice(t);
  const { a, b, outer } = topology;
  const c = await topology.addHost('c');
  await c.do(`ip link add vc type veth peer name vb2 netns ${b.namespace}`);
  for (const [host, dev, n] of [
    [c, 'vc', 14],
    [b, 'vb2', 13],
  ] as const) {
    await host.do(`ip addr add 192.168.2.${n}/24 dev ${dev}`);
    await host.do(`ip link set ${dev} up`);
  }
  await kernelDevice(a, 4, MAC_A, 1, `remote ${outer.b}`);
  await kernelDevice(c, 4, '02:00:00:00:00:cc', 3, 'remote 192.168.2.13');
  const daemon = await Daemon.start(topology, [
    ...vtepDevice(4, MAC_B, 2, `remote ${outer.a}`),
    'bridge fdb append 00:00:00:00:00:00 dev vx4 dst 192.168.2.14',
  ]);
  t.is((await ping(b, '10.4.0.1')).received, 3);
  t.is((await ping(b, '10.4.0.3')).received, 3);
  t.is((await ping(c, '10.4.0.2')).received, 3);
  const shown = await daemon.do('bridge fdb show dev vx4');
  t.regex(shown, new RegExp(`^${MAC_A} dst ${outer.a} self $`, 'm'));
  t.regex(shown, /^02:00:00:00:00:cc dst 192\.168\.2\.14 self $/m);
  t.true((await iperf(b, c, '10.4.0.3')).bytes > 1e6);
  await daemon.do('bridge fdb flush dev vx4');
  await b.do(b.tool('raw-frames', 'inject', 'vx4'), `0200000000770200000000bb88b5${'00'.repeat(46)}\n`);
  await until(
    t,
    () => daemon.drops(),
    (drops) => drops('no-remote') > 0,
  );
});

rooted('a rule with keys of the tunnel takes nothing on a classic device, another rule does', async (t) => {
  const topology = await withoutDevice(t);
  const { a, outer } = topology;
  await kernelDevice(a, 4, MAC_A, 1, `remote ${outer.b}`);
  const daemon = await Daemon.start(topology, [
    ...vtepDevice(4, MAC_B, 2, `remote ${outer.a}`),
    'tc qdisc add dev vx4 clsact',
    'tc filter add dev vx4 ingress protocol all pref 1 flower enc_key_id 4 action drop',
    'tc filter add dev vx4 ingress protocol ip pref 2 flower ip_proto icmp action pass',
  ]);
  t.is((await ping(a, '10.4.0.2')).received, 3);
  t.deepEqual(
    (await daemon.actions('vx4')).map(({ packets }) => packets),
    [0, 3],
  );
});
