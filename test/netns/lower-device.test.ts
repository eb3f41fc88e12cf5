// The interface that vxlan devices stand on goes, comes again, moves and is renamed; the devices go on over it.
import type { ExecutionContext } from 'ava';
import { Daemon } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import type { Topology } from './topology.js';
import { ping } from './traffic.js';

const GROUP = '239.1.1.5';

interface Stage {
  readonly topology: Topology;
  readonly daemon: Daemon;
}

/** A device with a remote and one with a group, on both hosts. */
async function stage(t: ExecutionContext): Promise<Stage> {
  const topology = await twoHosts(t);
  const { a, outer } = topology;
  await a.do('ip link del vxlan4');
  const daemon = await Daemon.start(topology, [
    `ip link add vx5 type vxlan id 5 remote ${outer.a} local ${outer.b} dev vb dstport 4789`,
    `ip link add vx6 type vxlan id 6 group ${GROUP} dev vb dstport 4789`,
    'bridge fdb add 02:00:00:00:00:77 dev vx6 dst 192.168.1.77 via vb permanent',
    'ip addr add 10.5.0.2/24 dev vx5',
    'ip addr add 10.6.0.2/24 dev vx6',
    'ip link set vx5 up',
    'ip link set vx6 up',
  ]);
  await peers(topology);
  return { topology, daemon };
}

/** The kernel's devices on host A, which go with their lower one. */
async function peers({ a, outer }: Topology): Promise<void> {
  await a.do(`ip link add vx5 type vxlan id 5 remote ${outer.b} local ${outer.a} dev va dstport 4789`);
  await a.do(`ip link add vx6 type vxlan id 6 group ${GROUP} dev va dstport 4789`);
  for (const id of [5, 6]) {
    await a.do(`ip addr add 10.${id}.0.1/24 dev vx${id}`);
    await a.do(`ip link set vx${id} up`);
  }
}

/** The first questions may be lost to what has just come up. AVA's own deadline bounds it. */
async function reaches(t: ExecutionContext, { topology: { a } }: Stage): Promise<void> {
  for (const address of ['10.5.0.2', '10.6.0.2']) {
    while ((await ping(a, address, { count: 1 })).received === 0);
    t.is((await ping(a, address)).received, 3, address);
  }
}

/** Has each host ask for the other one's stations through the group again. */
async function forget({ topology: { a, b }, daemon }: Stage): Promise<void> {
  await a.do('bridge fdb flush dev vx6 nopermanent');
  await daemon.do('bridge fdb flush dev vx6 nopermanent');
  for (const host of [a, b]) await host.do('ip neigh flush dev vx6');
}

async function addressed(
  { outer }: Topology,
  hosts: readonly (readonly [Topology['a'], string, string])[],
): Promise<void> {
  for (const [host, name, address] of hosts) {
    await host.do(`ip addr add ${address === '' ? outer.a : address}/24 dev ${name}`);
    await host.do(`ip link set ${name} up`);
  }
}

rooted('a vxlan device goes on over the interface that is made again by the name of its own', async (t) => {
  const on = await stage(t);
  const { topology, daemon } = on;
  const { a, b, outer } = topology;
  await reaches(t, on);
  const saved = await daemon.do('save');
  await b.do('ip link del vb');
  await daemon.process.waitFor(/vx5: vb is gone; it goes on when/);
  await daemon.process.waitFor(/vx6: vb is gone; it goes on when/);
  t.is(await daemon.do('save'), saved, 'what is saved meanwhile makes the same');
  await b.do(`ip link add vb type veth peer name va netns ${a.namespace}`);
  await addressed(topology, [
    [a, 'va', outer.a],
    [b, 'vb', outer.b],
  ]);
  await daemon.process.waitFor(/vx5: vb is there again, and it goes on/);
  await daemon.process.waitFor(/vx6: vb is there again, and it goes on/);
  await peers(topology);
  await forget(on);
  await reaches(t, on);
  t.is(await daemon.do('save'), saved);
  t.regex(await daemon.do('bridge fdb show dev vx6'), /02:00:00:00:00:77 dst 192\.168\.1\.77 via vb self permanent/);
});

rooted('a vxlan device goes on over an interface that was in another namespace for a while', async (t) => {
  const on = await stage(t);
  const { topology, daemon } = on;
  const { b, outer } = topology;
  const c = await topology.addHost('c');
  await reaches(t, on);
  await b.do(`ip link set vb netns ${c.namespace}`);
  await daemon.process.waitFor(/vx6: vb is gone/);
  await c.do(`ip link set vb netns ${b.namespace}`);
  await daemon.process.waitFor(/vx6: vb is there again/);
  await addressed(topology, [[b, 'vb', outer.b]]);
  await forget(on);
  await reaches(t, on);
});

rooted('a vxlan device follows its interface when that is renamed, as the kernel’s does', async (t) => {
  const on = await stage(t);
  const { topology, daemon } = on;
  const { b, outer } = topology;
  await b.do('ip link set vb down');
  await b.do('ip link set vb name vb9');
  await daemon.process.waitFor(/vx6: vb is called vb9 now/);
  await b.do('ip link set vb9 up');
  await b.attempt(`ip addr add ${outer.b}/24 dev vb9`);
  t.regex(await daemon.do('ip -d link show dev vx5'), /vxlan id 5 remote \S+ local \S+ dev vb9 /);
  t.regex(await daemon.do('bridge fdb show dev vx6'), /00:00:00:00:00:00 dst 239\.1\.1\.5 via vb9 self permanent/);
  await reaches(t, on);
});
