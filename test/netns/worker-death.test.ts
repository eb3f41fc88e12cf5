// An error in a worker that nobody expected: the thread dies, another goes on, and the traffic with it.
import { kill, restartsOf, startMortal } from './deadly.js';
import { until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, type Topology } from './topology.js';
import { ping, streamIsIntact } from './traffic.js';

/** Source ports that vtep's sockets are bound to. */
async function ports({ b }: Topology): Promise<string> {
  return b.do('ss -Huln');
}

for (const workers of [1, 3]) {
  rooted(
    `with ${workers === 1 ? 'one worker' : `${workers} workers`}, another takes the place of one that died`,
    async (t) => {
      const topology = await twoHosts(t);
      const { a, b } = topology;
      const lines = [
        ...topology.batch,
        'ip link add vxlan9 type vxlan id 9 remote 192.0.2.9 dstport 4790',
        'bridge fdb add 02:00:00:00:00:99 dev vxlan9 dst 192.0.2.99',
        'ip link set vxlan9 up',
      ];
      const daemon = await startMortal(topology, lines, ['--workers', `${workers}`]);
      t.is((await ping(a, INNER[4].b)).received, 3);
      const portsBefore = await ports(topology);
      const fdb = await daemon.do('bridge fdb show dev vxlan9');
      const before = await daemon.actions('vxlan0');

      // A stream that is on its way all the while comes whole.
      const stream = streamIsIntact(b, a, INNER[4].a, 20_000_000);
      await kill(a, INNER[4].b);
      await until(async () => (await restartsOf(daemon)) === 1, 'a restart is counted');
      await kill(b, INNER[4].a);
      await until(async () => (await restartsOf(daemon)) === 2, 'a second one');
      t.true(await stream);
      t.is((await ping(a, INNER[4].b)).received, 3);

      await until(
        async () => daemon.process.stderr.match(/worker \d goes on/g)?.length === 2,
        'both are said to go on',
      );
      t.is(
        daemon.process.stderr.match(/worker \d died, another takes its place.*: TypeError: a fault that nobody/g)
          ?.length,
        2,
      );
      t.regex(daemon.process.stderr, /at .*Engine\.serviceUnderlay/, 'with its stack');
      const drops = await daemon.drops();
      t.true(drops('worker-died') >= 2);
      // Sockets, tables and counters are the process's.
      t.is(await ports(topology), portsBefore);
      t.is(await daemon.do('bridge fdb show dev vxlan9'), fdb);
      const after = await daemon.actions('vxlan0');
      t.true(after.every(({ packets }, n) => packets > (before[n]?.packets ?? 0)));
      t.is((await daemon.stop()).code, 0);
    },
  );
}

rooted('workers that die again and again end the daemon, which says so and leaves nothing behind', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await startMortal(topology, topology.batch);
  // Those that come while there is none wait in the socket.
  const flood = a.start(['sh', '-c', `while :; do ping -c 1 -W 0.1 -s 1234 ${INNER[4].b}; done`]);
  const finished = await daemon.process.exited;
  await flood.stop();
  t.is(finished.code, 1);
  t.regex(finished.stderr, /vtep: worker 0 died, another takes its place in 6400 ms/);
  t.regex(finished.stderr, /vtep: the datapath failed: .*TypeError: a fault that nobody expected\n/);
  t.is((await b.attempt('ip link show dev tap0')).code, 1);
  t.is((await b.attempt('ip link show dev vxlan0')).code, 1);
});
