// Start, stop, and what people do to the devices meanwhile with the system's own ip.
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { Daemon, startVtep } from './daemon.js';
import { run } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { type Host, INNER, MAC_A, type Topology, VTEP } from './topology.js';
import { iperf, ping } from './traffic.js';

/** The devices of vtep that are there. */
async function devices(host: Host): Promise<string[]> {
  const links = JSON.parse(await host.do('ip -j link show')) as { ifname: string }[];
  return links.map((link) => link.ifname).filter((name) => /^(tap|vxlan)\d/.test(name));
}

async function neighbour({ b }: Topology): Promise<void> {
  await b.do(`ip neigh replace ${INNER[4].a} lladdr ${MAC_A} dev tap0 nud permanent`);
}

/** Resolves as soon as the UDP port is open (or closed) in the host's namespace; rejects after 10 s. */
async function portBecomes(host: Host, port: number, open: boolean): Promise<void> {
  const local = new RegExp(`^\\s*\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, '0')} `, 'm');
  const deadline = Date.now() + 10_000;
  while (local.test(await host.do('cat /proc/net/udp')) !== open) {
    if (Date.now() > deadline) throw new Error(`UDP port ${port} is not ${open ? 'open' : 'closed'} after 10 s`);
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  rooted(`${signal} ends the daemon with 0 and takes its devices with it`, async (t) => {
    const topology = await twoHosts(t);
    const daemon = await Daemon.start(topology);
    t.deepEqual((await devices(topology.b)).sort(), ['tap0', 'vxlan0']);
    const finished = await daemon.stop(signal);
    t.is(finished.code, 0);
    t.deepEqual(await devices(topology.b), []);
  });
}

rooted('SIGTERM in the middle of traffic ends the daemon with 0', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology);
  const server = b.start(['iperf3', '-s', '-1', '-i', '0', '--forceflush']);
  await server.waitFor(/listening/i);
  const client = a.start(['iperf3', '-c', INNER[4].b, '-t', '20', '-i', '0.5', '--forceflush']);
  await client.waitFor(/sec .*bits/);
  t.is((await daemon.stop()).code, 0);
  t.deepEqual(await devices(b), []);
});

rooted('after SIGKILL the next start works', async (t) => {
  const topology = await twoHosts(t);
  const killed = await Daemon.start(topology);
  await killed.stop('SIGKILL');
  await Daemon.start(topology);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted('a restart finds the port and the names free', async (t) => {
  const topology = await twoHosts(t);
  for (let i = 0; i < 3; i++) {
    const daemon = await Daemon.start(topology);
    t.is((await ping(topology.a, INNER[4].b, { count: 1 })).received, 1);
    t.is((await daemon.stop()).code, 0);
  }
});

rooted('a second daemon in the same namespace is refused before it makes anything', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  // Nothing of its own is in the way of the first one's.
  const lines = ['ip link add vxlan9 type vxlan external dstport 4999', 'ip link set vxlan9 up'];
  const finished = await startVtep(topology.b, lines).exited;
  t.is(finished.code, 2);
  t.regex(finished.stderr, /^vtep: another vtep runs in this network namespace \(/);
  t.true(daemon.process.running);
  t.deepEqual((await devices(topology.b)).sort(), ['tap0', 'vxlan0']);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted('daemons in two namespaces do not know of each other', async (t) => {
  const one = await twoHosts(t);
  const two = await twoHosts(t);
  const first = await Daemon.start(one);
  await Daemon.start(two);
  t.is((await ping(one.a, INNER[4].b)).received, 3);
  t.is((await ping(two.a, INNER[4].b)).received, 3);
  await first.stop();
  t.is((await ping(two.a, INNER[4].b)).received, 3);
});

rooted('a port that is taken answers Address already in use, and nothing is left behind', async (t) => {
  const topology = await twoHosts(t);
  const holder = topology.b.start(topology.b.tool('hold-port', '0.0.0.0', '4789'));
  await holder.waitFor(/bound/);
  const refused = await startVtep(topology.b, topology.batch).exited;
  t.not(refused.code, 0);
  t.not(refused.code, null);
  t.regex(refused.stderr, /Address already in use/);
  t.deepEqual(await devices(topology.b), []);
  await holder.stop();
  await Daemon.start(topology);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted('a second external device of a port is refused in the words of the kernel, another port is not', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology);
  // With other receive options it would not be the same socket: then it is setting it up that is refused.
  const second = await daemon.attempt('ip link add vxlan1 type vxlan external dstport 4789 udp6zerocsumrx');
  t.is(second.code, 2);
  t.is(second.stderr, 'Error: A VXLAN device with the specified VNI already exists.\n');
  t.deepEqual((await devices(topology.b)).sort(), ['tap0', 'vxlan0']);
  await daemon.do('ip link add vxlan1 type vxlan external dstport 4790');
  t.deepEqual((await devices(topology.b)).sort(), ['tap0', 'vxlan0', 'vxlan1']);
});

rooted('a line that is wrong stops the batch, is named with its number, and leaves nothing behind', async (t) => {
  const topology = await twoHosts(t);
  const refused = await startVtep(topology.b, [...topology.batch.slice(0, 2), 'tc filter add nonsense']).exited;
  t.is(refused.code, 1);
  t.regex(refused.stderr, /^Command failed \S+:3$/m);
  t.notRegex(refused.stderr, /^vtep: ready/m);
  t.deepEqual(await devices(topology.b), []);
});

rooted('--ready-fd is written to when everything is in place', async (t) => {
  const topology = await twoHosts(t);
  const process = startVtep(topology.b, topology.batch, ['--ready-fd', '3'], { extraPipes: 1 });
  const pipe = process.child.stdio[3] as Readable;
  const ended = process.exited.then(({ stderr }) => Promise.reject(new Error(`vtep ended: ${stderr}`)));
  const [bytes] = (await Promise.race([once(pipe, 'data'), ended])) as [Buffer];
  ended.catch(() => {}); // it ends with the test
  t.true(bytes.length > 0);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted('commands without a daemon say so and fail', async (t) => {
  const { b } = await twoHosts(t);
  const finished = await run(b.argv([VTEP, 'drops']));
  t.is(finished.code, 1);
  t.regex(finished.stderr, /^vtep: no vtep runs in this network namespace/);
  t.notRegex(finished.stderr, /\n {4}at /, 'a message, not a stack trace');
});

rooted('tap0 set down stops its traffic under a named reason, set up again it goes on', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology);
  t.is((await ping(a, INNER[4].b)).received, 3);
  await b.do('ip link set tap0 down');
  t.is((await ping(a, INNER[4].b, { count: 2 })).received, 0);
  const drops = await daemon.drops();
  t.is(drops('mirred-down') + drops('tap-down'), 2);
  await b.do('ip link set tap0 up');
  await neighbour(topology); // going down forgets it
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.true((await iperf(a, b, INNER[4].b)).bytes > 1e6);
});

rooted('vxlan0 set down closes its port, set up again it goes on', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology);
  t.is((await ping(a, INNER[4].b)).received, 3);
  // the daemon hears of both through rtnetlink, in its own time
  await b.do('ip link set vxlan0 down');
  await portBecomes(b, 4789, false);
  t.is((await ping(a, INNER[4].b, { count: 2 })).received, 0);
  await b.do('ip link set vxlan0 up');
  await portBecomes(b, 4789, true);
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.true(daemon.process.running);
});

rooted('tap0 with a smaller MTU and another address set by ip goes on', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  await Daemon.start(topology);
  await b.do('ip link set tap0 mtu 1300');
  await a.do('ip link set vxlan4 mtu 1300');
  t.is((await ping(a, INNER[4].b, { size: 1272 })).received, 3);
  t.true((await iperf(a, b, INNER[4].b)).bytes > 1e6);
  t.true((await iperf(a, b, INNER[4].b, { reverse: true })).bytes > 1e6);
});

rooted('a TAP renamed by ip keeps its rules and its traffic', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  await Daemon.start(topology);
  await b.do('ip link set tap0 down');
  await b.do('ip link set tap0 name renamed0');
  await b.do('ip link set renamed0 up');
  await b.do(`ip neigh replace ${INNER[4].a} lladdr ${MAC_A} dev renamed0 nud permanent`);
  t.true((await ping(a, INNER[4].b, { count: 10 })).received >= 9);
});

rooted('a TAP moved into another namespace goes on passing traffic there', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  await Daemon.start(topology);
  t.is((await ping(a, INNER[4].b)).received, 3);
  const container = await topology.addHost('d');
  await b.do(`ip link set tap0 netns ${container.namespace}`);
  await container.do('ip link set tap0 up');
  await container.do('ip addr add 10.4.0.2/24 dev tap0');
  await container.do(`ip neigh replace ${INNER[4].a} lladdr ${MAC_A} dev tap0 nud permanent`);
  t.true((await ping(a, INNER[4].b, { count: 10 })).received >= 9);
  t.is((await ping(container, INNER[4].a)).received, 3);
  t.true((await iperf(a, container, INNER[4].b)).bytes > 1e6);
  t.true((await iperf(a, container, INNER[4].b, { reverse: true })).bytes > 1e6);
});

rooted('a TAP deleted from outside is said once, and the others go on', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, [...topology.batch, 'ip tuntap add dev tap1 mode tap']);
  await b.do('ip link del tap1');
  await daemon.process.waitFor(/tap1 is gone \(it was deleted\)/);
  t.is((await ping(a, INNER[4].b)).received, 3);
  t.true(daemon.process.running);
  const { code, stderr } = await daemon.stop();
  t.is(code, 0);
  t.is(stderr.match(/tap1 is gone/g)?.length, 1);
});
