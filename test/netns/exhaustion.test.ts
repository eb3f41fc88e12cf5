// What a daemon does where the machine has no more of something: descriptors, room on a disk, somebody who reads its log;
// and where its own control thread fails.
import { fileURLToPath } from 'node:url';
import { Daemon, startVtep } from './daemon.js';
import { run, until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { INNER, VTEP } from './topology.js';
import { ping } from './traffic.js';

/** Processor time that a process has used, in clock ticks. */
async function ticks(pid: number | undefined): Promise<number> {
  const { stdout } = await run(['cat', `/proc/${pid}/stat`]);
  const words = stdout.slice(stdout.lastIndexOf(')') + 2).split(' ');
  return Number(words[11]) + Number(words[12]);
}

rooted('an error of the control thread is said, and ends the daemon with 1 and without its devices', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const preload = fileURLToPath(new URL('./tools/deadly-commands.js', import.meta.url));
  const process = startVtep(b, topology.batch, [], { env: { NODE_OPTIONS: `--import ${preload}` } });
  const daemon = await Daemon.of(b, process);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
  await daemon.attempt('drops');
  const finished = await process.exited;
  t.is(finished.code, 1);
  t.regex(
    finished.stderr,
    /^vtep: an error that nobody expected, it ends: TypeError: a fault of the control thread\n {4}at /m,
  );
  for (const name of ['tap0', 'vxlan0']) t.is((await b.attempt(`ip link show dev ${name}`)).code, 1);
  t.is((await b.attempt('ss -Hulnp sport = :4789')).stdout.trim(), '');
  await Daemon.start(topology);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});

rooted(
  'without descriptors a start says so; a running daemon goes on, and answers again when there are some',
  async (t) => {
    const topology = await twoHosts(t);
    const { a, b } = topology;
    const daemon = await Daemon.start(topology);
    const { pid } = daemon.process.child;
    const open = new Set((await run(['ls', `/proc/${pid}/fd`])).stdout.trim().split('\n').map(Number));
    let next = 0;
    while (open.has(next)) next++;
    await run(['prlimit', '--pid', `${pid}`, `--nofile=${next}:4096`]);
    const before = await ticks(pid);
    const refused = await daemon.attempt('tc filter show dev vxlan0 ingress');
    t.not(refused.code, 0);
    t.is((await ping(a, INNER[4].b, { count: 20, interval: 0.05 })).received, 20);
    // A second of pings; one that spun would have used most of it.
    t.true((await ticks(pid)) - before < 60);
    const add = await daemon.attempt('ip tuntap add dev tap9 mode tap');
    t.not(add.code, 0);
    await run(['prlimit', '--pid', `${pid}`, '--nofile=4096:4096']);
    await until(async () => (await daemon.attempt('tc filter show dev vxlan0 ingress')).code === 0, 'it answers');
    t.is((await daemon.stop()).code, 0);

    const few = await run(b.argv(['prlimit', '--nofile=40', '--', VTEP, 'run', '-b', '/dev/null']));
    t.is(few.code, 1);
    t.regex(few.stderr, /^vtep: .*(EMFILE|Too many open files)/m);
    t.notRegex(few.stderr, /\n {4}at /);
  },
);

rooted('a daemon whose log nobody reads any more goes on', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const daemon = await Daemon.start(topology, [...topology.batch, 'ip tuntap add dev tap1 mode tap']);
  daemon.process.child.stdout?.destroy();
  daemon.process.child.stderr?.destroy();
  // Something to say.
  await b.do('ip link del tap1');
  await daemon.attempt('reload');
  t.is((await ping(a, INNER[4].b)).received, 3);
  await until(async () => !(await daemon.do('ip link show')).includes('tap1'), 'tap1 is gone').catch(() => undefined);
  t.is(daemon.process.running, true);
  t.is((await daemon.stop()).code, 0);
});

rooted('on a full disk a save names the file, ends with 1, and the old one is whole', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await Daemon.start(topology, [
    ...topology.batch,
    ...Array.from(
      { length: 200 },
      (_, n) => `tc filter add dev vxlan0 ingress pref 9 flower enc_key_id ${n + 100} action drop`,
    ),
  ]);
  // A mount that nobody else sees, and that goes with its processes.
  const script = [
    'mount -t tmpfs -o size=16k tmpfs /mnt',
    'echo old >/mnt/saved',
    `${VTEP} save /mnt/saved; echo "exit $?"`,
    'cat /mnt/saved; ls /mnt',
  ].join('; ');
  const { stdout, stderr } = await run(daemon.host.argv(['unshare', '-m', 'sh', '-c', script]));
  t.is(stdout, 'exit 1\nold\nsaved\n');
  t.regex(stderr, /^vtep: \/mnt\/saved: ENOSPC: no space left on device, write\n$/);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});
