// Whose a TAP is: what vtep makes, keeps, takes over again, and leaves alone.
import type { ExecutionContext } from 'ava';
import { Daemon, startVtep } from './daemon.js';
import { run } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import type { Host, Topology } from './topology.js';
import { INNER, VTEP } from './topology.js';
import { ping } from './traffic.js';

interface Seen {
  readonly ifindex: number;
  readonly ifalias?: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly txqlen?: number;
  readonly address: string;
}

/** The link of that name; undefined where there is none. */
async function link(host: Host, name: string): Promise<Seen | undefined> {
  const { code, stdout } = await host.attempt(`ip -j link show dev ${name}`);
  return code === 0 ? (JSON.parse(stdout) as Seen[])[0] : undefined;
}

/** A host without anything of vtep on it. */
async function bare(t: ExecutionContext): Promise<{ topology: Topology; b: Host }> {
  const topology = await twoHosts(t);
  return { topology, b: topology.b };
}

rooted('a persistent TAP outlives vtep with its addresses, and the next vtep takes it over', async (t) => {
  const { topology, b } = await bare(t);
  const persistent = topology.batch.map((line) => (line.includes('tuntap') ? `${line} persist` : line));
  t.true(persistent.some((line) => line.endsWith('persist')));
  const first = await Daemon.start(topology, persistent);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
  const before = await link(b, 'tap0');
  t.like(before, { ifalias: 'vtep' });
  t.is((await first.stop()).code, 0);
  t.is((await link(b, 'tap0'))?.ifindex, before?.ifindex);
  t.is(await link(b, 'vxlan0'), undefined);

  // The addresses are there still, and the same batch says them again.
  const second = await Daemon.start(topology, persistent);
  t.is((await link(b, 'tap0'))?.ifindex, before?.ifindex, 'the same device');
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
  await second.stop('SIGKILL');
  t.is((await link(b, 'tap0'))?.ifindex, before?.ifindex, 'and after SIGKILL');

  // Without the word it is an ordinary one from then on.
  const third = await Daemon.start(topology, ['ip tuntap add dev tap0 mode tap']);
  t.is((await link(b, 'tap0'))?.ifindex, before?.ifindex);
  await third.stop();
  t.is(await link(b, 'tap0'), undefined);
});

rooted('a persistent TAP goes when it is deleted through vtep', async (t) => {
  const { topology, b } = await bare(t);
  const daemon = await Daemon.start(topology, ['ip link add tap7 type tap persist']);
  t.like(await link(b, 'tap7'), { ifalias: 'vtep' });
  await daemon.do('ip link del tap7');
  t.is(await link(b, 'tap7'), undefined);
  t.is((await daemon.attempt('tc qdisc add dev tap7 ingress')).stderr, 'Cannot find device "tap7"\n');
});

rooted('a persistent TAP of a stranger is refused and left alone', async (t) => {
  const { topology, b } = await bare(t);
  await b.do('ip tuntap add dev tap0 mode tap');
  await b.do('ip link set tap0 alias somebody');
  const refused = await startVtep(b, topology.batch).exited;
  t.is(refused.code, 1);
  t.regex(refused.stderr, /^ioctl\(TUNSETIFF\): Device or resource busy\nCommand failed \S+:\d+$/m);
  t.like(await link(b, 'tap0'), { ifalias: 'somebody' });
  t.is(await link(b, 'vxlan0'), undefined);

  const daemon = await Daemon.start(topology, []);
  const again = await daemon.attempt('ip link add tap0 type tap');
  t.deepEqual([again.code, again.stderr], [2, 'RTNETLINK answers: File exists\n']);
  const veth = await daemon.attempt('ip link add vb type vxlan external dstport 4789');
  t.deepEqual([veth.code, veth.stderr], [2, 'RTNETLINK answers: File exists\n']);
  await daemon.stop();
  t.like(await link(b, 'tap0'), { ifalias: 'somebody' });
});

rooted('a name that vtep itself has is refused, and the device goes on', async (t) => {
  const { topology } = await bare(t);
  const daemon = await Daemon.start(topology);
  for (const line of ['ip link add tap0 type tap', 'ip link add vxlan0 type vxlan external dstport 4790']) {
    const refused = await daemon.attempt(line);
    t.deepEqual([refused.code, refused.stderr], [2, 'RTNETLINK answers: File exists\n'], line);
  }
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted('a batch that fails leaves nothing behind, no persistent TAP of its own either', async (t) => {
  const { topology, b } = await bare(t);
  await startVtep(b, ['ip link add old0 type tap persist', 'ip link add bad']).exited;
  t.is(await link(b, 'old0'), undefined);

  const daemon = await Daemon.start(topology, ['ip link add old0 type tap persist']);
  await daemon.stop();
  const lines = ['ip link add old0 type tap persist', 'ip link add new0 type tap persist', 'ip link set nowhere up'];
  const refused = await startVtep(b, lines).exited;
  t.is(refused.code, 1);
  t.regex(refused.stderr, /^Cannot find device "nowhere"\nCommand failed \S+:3$/m);
  t.truthy(await link(b, 'old0'), 'what was there before stays');
  t.is(await link(b, 'new0'), undefined);
});

rooted('a device that cannot be finished is not there', async (t) => {
  const { topology, b } = await bare(t);
  const daemon = await Daemon.start(topology, []);
  const holder = b.start(b.tool('hold-port', '0.0.0.0', '4789'));
  await holder.waitFor(/bound/);
  const add = 'ip link add vxlan0 up type vxlan external dstport 4789';
  const taken = await daemon.attempt(add);
  t.deepEqual([taken.code, taken.stderr], [2, 'RTNETLINK answers: Address already in use\n']);
  t.is(await link(b, 'vxlan0'), undefined);
  const elsewhere = await daemon.attempt(`${add} local 203.0.113.1`);
  t.deepEqual([elsewhere.code, elsewhere.stderr], [2, 'RTNETLINK answers: Cannot assign requested address\n']);
  const nowhere = await daemon.attempt(`${add} dev nowhere`);
  t.deepEqual([nowhere.code, nowhere.stderr], [255, 'Cannot find device "nowhere"\n']);
  t.is(await link(b, 'vxlan0'), undefined);
  await holder.stop();
  await daemon.do(add);
  t.true((await link(b, 'vxlan0'))?.flags.includes('UP'));
});

rooted('what is said before the word type is what the device has', async (t) => {
  const { topology, b } = await bare(t);
  const daemon = await Daemon.start(topology, []);
  await daemon.do('ip link add tap3 mtu 1300 address 02:00:00:00:00:09 txqueuelen 77 type tap');
  t.like(await link(b, 'tap3'), { mtu: 1300, address: '02:00:00:00:00:09', txqlen: 77 });
  t.false((await link(b, 'tap3'))?.flags.includes('UP'));
  await daemon.do('ip link add vxlan1 type vxlan external dstport 4790 dev vb');
  t.is((await link(b, 'vxlan1'))?.mtu, 1450);
  await daemon.do('ip link add vxlan2 mtu 9000 type vxlan external dstport 4791 dev vb');
  t.is((await link(b, 'vxlan2'))?.mtu, 1450, 'no more than the lower device leaves');
});

rooted('up and down from vtep, its clients and the system’s ip at once end as the last one said', async (t) => {
  const { topology, b } = await bare(t);
  const daemon = await Daemon.start(topology);
  const ways: readonly ((state: string) => Promise<unknown>)[] = [
    (state) => daemon.do(`ip link set vxlan0 ${state}`),
    (state) => b.do(`ip link set vxlan0 ${state}`),
    (state) => b.do(`ip link set vxlan0 mtu 1450 ${state}`),
  ];
  for (let n = 0; n < 4; n++) await Promise.all(ways.map((way, i) => way((n + i) % 2 === 0 ? 'down' : 'up')));
  await b.do('ip link set vxlan0 down');
  await daemon.do('ip link set vxlan0 up');
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
  await daemon.do('ip link set vxlan0 down');
  t.is((await b.do('ss -Hulnp sport = :4789')).trim(), '', 'down: the port is free');
  await b.do('ip link set vxlan0 up');
  await daemon.do('ip link set vxlan0 up');
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
  t.true(daemon.process.running);
});

rooted(
  'set up by the system’s ip while the port is taken, a vxlan device goes down again and vtep says why',
  async (t) => {
    const { topology, b } = await bare(t);
    const daemon = await Daemon.start(topology, ['ip link add vxlan0 type vxlan external dstport 4789']);
    const holder = b.start(b.tool('hold-port', '0.0.0.0', '4789'));
    await holder.waitFor(/bound/);
    await b.do('ip link set vxlan0 up');
    await daemon.process.waitFor(/vxlan0 stays down: RTNETLINK answers: Address already in use/);
    t.false((await link(b, 'vxlan0'))?.flags.includes('UP'));
    const refused = await daemon.attempt('ip link set vxlan0 up');
    t.deepEqual([refused.code, refused.stderr], [2, 'RTNETLINK answers: Address already in use\n']);
    await holder.stop();
    await daemon.do('ip link set vxlan0 up');
    t.true((await link(b, 'vxlan0'))?.flags.includes('UP'));
  },
);

rooted('a TAP that is deleted from outside takes its filters along, and its name may be made again', async (t) => {
  const { topology, b } = await bare(t);
  const daemon = await Daemon.start(topology);
  await b.do('ip link del tap0');
  await daemon.process.waitFor(/tap0 is gone/);
  t.is((await daemon.attempt('tc filter show dev tap0 ingress')).stderr, 'Cannot find device "tap0"\n');
  t.regex(await daemon.do('tc filter show dev vxlan0 ingress'), /mirred \(Egress Redirect to device \*\) stolen/);
  await daemon.do('ip link add other0 up type tap');
  await ping(topology.a, INNER[4].b, { count: 2 });
  const drops = await daemon.drops();
  t.is(drops('mirred-gone'), 2, 'and no other device is sent what was for it');
  t.is(daemon.process.stderr.match(/tap0 is gone/g)?.length, 1);
  // The whole of the batch again, but for what is there.
  for (const line of topology.batch.filter((each) => each.includes('tap0'))) {
    await daemon.do(
      line.replace('filter add dev vxlan0', 'filter replace dev vxlan0').replace('prio 1 ', 'prio 1 handle 1 '),
    );
  }
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted('a TAP renamed by ip is known to vtep by its new name at once, one moved away comes back', async (t) => {
  const { topology, b } = await bare(t);
  const daemon = await Daemon.start(topology, ['ip link add tap0 type tap']);
  await b.do('ip link set tap0 name new0');
  await daemon.do('tc qdisc add dev new0 ingress');
  t.regex(await daemon.do('tc qdisc show dev new0'), /^qdisc ingress ffff: dev new0|^qdisc ingress ffff:/);
  const away = await topology.addHost('d');
  await b.do(`ip link set new0 netns ${away.namespace}`);
  await daemon.process.waitFor(/new0 moved to another network namespace/);
  t.is((await daemon.attempt('tc qdisc show dev new0')).code, 1);
  // `1` is another process's namespace: the host's own is named by its file.
  await away.do(`ip link set new0 netns ${b.namespace}`);
  await daemon.process.waitFor(/new0 came back to this network namespace/);
  t.regex(await daemon.do('tc qdisc show dev new0'), /ingress/);
});

rooted('SIGTERM in the middle of a batch ends it, and nothing is left behind', async (t) => {
  const { topology, b } = await bare(t);
  const rules = Array.from(
    { length: 60_000 },
    (_, n) => `tc filter add dev tap0 ingress pref 1 flower enc_key_id ${n} action drop`,
  );
  const process = startVtep(b, ['ip link add tap0 type tap persist', 'tc qdisc add dev tap0 ingress', ...rules]);
  while ((await link(b, 'tap0'))?.ifalias !== 'vtep') t.true(process.running);
  const finished = await process.stop();
  t.is(finished.code, 0);
  t.is(finished.stderr, 'vtep: stopped before it was ready\n');
  t.is(await link(b, 'tap0'), undefined);
  t.is((await Daemon.start(topology)).process.running, true);
});

rooted('a tool of the system that hangs does not keep vtep from ending', async (t) => {
  const { topology, b } = await bare(t);
  const daemon = await Daemon.start(topology, []);
  // Of a batch it is the daemon that runs the system's tools.
  const hanging = run(daemon.host.argv([VTEP, '-b', '-']), { input: 'ip netns monitor\n' });
  const { pid } = daemon.process.child;
  for (let n = 0; (await b.do(`cat /proc/${pid}/task/${pid}/children`)) === ''; n++) {
    if (n > 500) throw new Error('the daemon runs no tool');
  }
  t.is((await daemon.stop()).code, 0);
  t.not((await hanging).code, 0);
  t.is(await link(b, 'tap0'), undefined);
});
