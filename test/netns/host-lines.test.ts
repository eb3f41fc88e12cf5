// Lines about what is not vtep's: handed to the system's tools, or refused by name.
import { Daemon } from './daemon.js';
import { run } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { VTEP } from './topology.js';

rooted('lines about the host’s own devices reach the system’s tools, with their answers and exit codes', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.start(topology, ['ip link add tap0 type tap']);
  t.is(await daemon.do('ip -br link show dev vb'), await b.do('ip -br link show dev vb'));
  await daemon.do('tc qdisc add dev vb clsact');
  t.regex(await b.do('tc qdisc show dev vb'), /clsact/);
  t.is(await daemon.do('tc -j qdisc show dev vb'), await b.do('tc -j qdisc show dev vb'));
  const again = await daemon.attempt('tc qdisc add dev vb clsact');
  t.deepEqual([again.code, again.stderr], [2, 'Error: Exclusivity flag on, cannot modify.\n']);
  await daemon.do('tc qdisc del dev vb clsact');
  t.notRegex(await b.do('tc qdisc show dev vb'), /clsact/);
  await daemon.do('ip addr add 10.9.9.9/24 dev tap0');
  t.regex(await b.do('ip addr show dev tap0'), /10\.9\.9\.9\/24/);
  const twice = await daemon.attempt('ip addr add 10.9.9.9/24 dev tap0');
  t.is(twice.code, 2);
  t.regex(twice.stderr, /File exists|already assigned/);
});

rooted('the qdiscs of a TAP are those of the host and those of vtep, in one list', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.start(topology, ['ip link add tap0 type tap', 'tc qdisc add dev tap0 clsact']);
  await daemon.do('tc qdisc add dev tap0 root handle 7: pfifo limit 50');
  const root = 'qdisc pfifo 7: root refcnt 2 limit 50p\n';
  t.is(await daemon.do('tc qdisc show dev tap0'), `${root}qdisc clsact ffff: parent ffff:fff1 \n`);
  t.is(await daemon.do('tc qdisc show dev tap0 clsact'), 'qdisc clsact ffff: parent ffff:fff1 \n');
  t.is(await daemon.do('tc qdisc show dev tap0 root'), root);
  // As the real tc lists a clsact of the host's.
  await b.do('tc qdisc add dev vb clsact');
  const hosts = await b.do('tc qdisc show');
  const merged = await daemon.do('tc qdisc show');
  t.is(merged.replace('qdisc clsact ffff: dev tap0 parent ffff:fff1 \n', ''), hosts);
  t.regex(merged, /dev tap0 root .*\nqdisc clsact ffff: dev tap0 /);
  t.deepEqual(
    (JSON.parse(await daemon.do('tc -j qdisc show dev tap0')) as { kind: string }[]).map(({ kind }) => kind),
    ['pfifo', 'clsact'],
  );
});

rooted('what is the system’s tool’s alone runs where it was typed, and keeps nobody waiting', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, []);
  const shell = run(
    b.argv([VTEP, 'ip', 'netns', 'exec', a.namespace, 'sh', '-c', 'read word; ip -br link; echo $word']),
    {
      input: 'typed\n',
    },
  );
  const there = await shell;
  t.deepEqual([there.code, there.stdout], [0, `${await a.do('ip -br link')}typed\n`]);
  await daemon.stop();
  t.is((await run(b.argv([VTEP, 'ip', 'route']))).stdout, await b.do('ip route'));
});

rooted('a device that is not there is answered as ip and tc answer', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, []);
  for (const line of [
    'tc filter show dev no0 ingress',
    'tc filter del dev no0 ingress pref 1',
    'tc filter add dev no0 ingress pref 1 flower action drop',
    'tc qdisc add dev no0 ingress',
    'tc qdisc show dev no0',
    'ip link set no0 up',
    'ip link del no0',
  ]) {
    const refused = await daemon.attempt(line);
    t.deepEqual([refused.code, refused.stderr, refused.stdout], [1, 'Cannot find device "no0"\n', ''], line);
  }
  const host = await daemon.attempt('tc filter add dev vb ingress pref 1 flower action drop');
  t.is(host.code, 2);
  t.regex(host.stderr, /"vb" is the host's, not a device of vtep/);
});
