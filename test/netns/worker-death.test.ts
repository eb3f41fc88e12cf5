// An error in a worker that nobody expected: the thread dies, another goes on, and all that was in force with it. Several
// workers, and a stream that comes through whole, are the scenario worker-death of test/torture.
import { kill, restartsOf, startMortal } from './deadly.js';
import { until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { chunk } from './spoofed.js';
import { INNER, VTEP } from './topology.js';
import { ping } from './traffic.js';

/** An address of host A that no rule names. */
const STRANGER = '203.0.113.9';

rooted(
  'another worker takes the place of one that died, with all that was in force; the sixth death is the end',
  async (t) => {
    const topology = await twoHosts(t);
    const { a, b, outer } = topology;
    await a.do(`ip addr add ${STRANGER}/32 dev lo`);
    await b.do(`ip route add ${STRANGER}/32 via ${outer.a}`);
    await b.do('sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.vb.rp_filter=0');
    const lines = [
      ...topology.batch,
      'ip link add vxlan9 type vxlan id 9 remote 192.0.2.9 dstport 4790',
      'bridge fdb add 02:00:00:00:00:99 dev vxlan9 dst 192.0.2.99',
      'ip link set vxlan9 up',
    ];
    const daemon = await startMortal(topology, lines, ['--strict-peers'], true);
    t.is((await ping(a, INNER[4].b)).received, 3);
    const ports = (): Promise<string> => b.do('ss -Huln');
    const before = { ports: await ports(), fdb: await daemon.do('bridge fdb show dev vxlan9') };
    const counted = await daemon.actions('vxlan0');
    const capture = b.start([VTEP, 'capture', '--at', 'decap', 'dev', 'vxlan0']);
    await capture.waitFor(/vtep: capturing/);

    await kill(a, INNER[4].b);
    await until(async () => (await restartsOf(daemon)) === 1, 'a restart is counted');
    await kill(b, INNER[4].a);
    await until(async () => (await restartsOf(daemon)) === 2, 'a second one');
    await until(async () => daemon.process.stderr.match(/worker 0 goes on/g)?.length === 2, 'both are said to go on');
    const said = daemon.process.stderr.match(
      /worker 0 died, another takes its place.*: TypeError: a fault that nobody/g,
    );
    t.is(said?.length, 2);
    t.regex(daemon.process.stderr, /at .*Engine\.serviceUnderlay/, 'with its stack');
    t.true((await daemon.drops())('worker-died') >= 2);

    // Who was a peer is one, who was none is none, and who captures goes on.
    const seen = (): number => capture.stdout.match(/ICMP|icmp/g)?.length ?? 0;
    const seenBefore = seen();
    t.is((await ping(a, INNER[4].b)).received, 3);
    await until(async () => seen() >= seenBefore + 3, 'the capture goes on');
    const unknown = (await daemon.drops())('unknown-peer');
    await chunk(a, { from: STRANGER, to: outer.b, port: 4789, vni: 4, count: 5 });
    await until(async () => (await daemon.drops())('unknown-peer') === unknown + 5, 'strangers are counted');
    capture.child.kill('SIGINT');
    t.is((await capture.exited).code, 0);
    // Sockets, tables and counters are the process's.
    t.is(await ports(), before.ports);
    t.is(await daemon.do('bridge fdb show dev vxlan9'), before.fdb);
    const after = await daemon.actions('vxlan0');
    t.true(after.every(({ packets }, n) => packets > (counted[n]?.packets ?? 0)));

    // What comes while there is none waits in the socket.
    const flood = a.start(['sh', '-c', `while :; do ping -c 1 -W 0.1 -s 1234 ${INNER[4].b}; done`]);
    const finished = await daemon.process.exited;
    await flood.stop();
    t.is(finished.code, 1);
    t.is(finished.stderr.match(/worker 0 died, another takes its place/g)?.length, 5);
    t.regex(finished.stderr, /vtep: the datapath failed: .*TypeError: a fault that nobody expected\n/);
    t.is((await b.attempt('ip link show dev tap0')).code, 1);
    t.is((await b.attempt('ip link show dev vxlan0')).code, 1);
  },
);
