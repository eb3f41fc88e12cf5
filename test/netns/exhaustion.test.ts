// What a daemon does where the machine has no more of something: descriptors, room on a disk, a folder for its socket, its
// own file, somebody who reads its log; and where its control thread fails. One daemon goes through all of it.
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Daemon } from './daemon.js';
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

rooted('what a machine runs out of is said, and the daemon goes on', async (t) => {
  const topology = await twoHosts(t);
  const { a, b } = topology;
  const preload = fileURLToPath(new URL('./tools/deadly-commands.js', import.meta.url));
  const file = `${b.notes}/exhaustion.batch`;
  const lines = [
    ...topology.batch,
    'ip tuntap add dev tap1 mode tap',
    ...Array.from(
      { length: 200 },
      (_, n) => `tc filter add dev vxlan0 ingress pref 9 flower enc_key_id ${n + 100} action drop`,
    ),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const process = b.start([VTEP, 'run', '-b', file], { env: { NODE_OPTIONS: `--import ${preload}` } });
  const daemon = await Daemon.of(b, process);
  const show = 'tc filter show dev vxlan0 ingress pref 1';

  // Descriptors.
  const { pid } = process.child;
  const open = new Set((await run(['ls', `/proc/${pid}/fd`])).stdout.trim().split('\n').map(Number));
  let next = 0;
  while (open.has(next)) next++;
  await run(['prlimit', '--pid', `${pid}`, `--nofile=${next}:4096`]);
  const before = await ticks(pid);
  t.not((await daemon.attempt(show)).code, 0);
  t.is((await ping(a, INNER[4].b, { count: 20, interval: 0.05 })).received, 20);
  // A second of pings; one that spun would have used most of it.
  t.true((await ticks(pid)) - before < 60);
  t.not((await daemon.attempt('ip tuntap add dev tap9 mode tap')).code, 0);
  await run(['prlimit', '--pid', `${pid}`, '--nofile=4096:4096']);
  await until(async () => (await daemon.attempt(show)).code === 0, 'it answers again when there are some');

  // A disk. It is a mount that nobody else sees, and that goes with its processes.
  const script = [
    'mount -t tmpfs -o size=16k tmpfs /mnt',
    'echo old >/mnt/saved',
    `${VTEP} save /mnt/saved; echo "exit $?"`,
    'cat /mnt/saved; ls /mnt',
  ].join('; ');
  const saved = await run(b.argv(['unshare', '-m', 'sh', '-c', script]));
  t.is(saved.stdout, 'exit 1\nold\nsaved\n', 'the old one is whole');
  t.regex(saved.stderr, /^vtep: \/mnt\/saved: No space left on device\n$/);

  // Its own file.
  rmSync(file);
  const reload = await daemon.attempt('reload');
  t.is(reload.code, 1);
  t.regex(reload.stderr, /exhaustion\.batch.*(ENOENT|No such file or directory)/);
  process.child.kill('SIGHUP');
  await process.waitFor(/exhaustion\.batch.*(ENOENT|No such file or directory)/);
  t.is((await daemon.attempt(show)).code, 0);

  // Whoever reads its log; a TAP that somebody deletes would be something to say.
  process.child.stdout?.destroy();
  process.child.stderr?.destroy();
  await b.do('ip link del tap1');
  await until(async () => (await daemon.attempt('tc qdisc show dev tap1')).code !== 0, 'tap1 is gone');
  // Reading the file again makes it anew.
  writeFileSync(file, `${lines.join('\n')}\n`);
  await daemon.do('reload');
  await b.do('ip link show dev tap1');
  t.is((await ping(a, INNER[4].b)).received, 3);

  // And in the end its control thread.
  await daemon.attempt('drops');
  t.is((await process.exited).code, 1);
  for (const name of ['tap0', 'vxlan0']) t.is((await b.attempt(`ip link show dev ${name}`)).code, 1);
  t.is((await b.attempt('ss -Hulnp sport = :4789')).stdout.trim(), '');
});

rooted('a start without descriptors, or without a folder for its socket, says so and leaves nothing', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const few = await run(b.argv(['prlimit', '--nofile=40', '--', VTEP, 'run', '-b', '/dev/null']));
  t.is(few.code, 1);
  t.regex(few.stderr, /^vtep: .*(EMFILE|Too many open files)/m);
  t.notRegex(few.stderr, /\n {4}at /);

  const file = `${b.notes}/nowhere.batch`;
  writeFileSync(file, `${topology.batch.join('\n')}\n`);
  const script = `cp ${file} /mnt/batch; mount -t tmpfs -o ro tmpfs /run; exec ${VTEP} run --control /run/vtep/own.sock -b /mnt/batch`;
  const nowhere = await run(b.argv(['unshare', '-m', 'sh', '-c', `mount -t tmpfs tmpfs /mnt; ${script}`]));
  t.is(nowhere.code, 1);
  t.regex(
    nowhere.stderr,
    /^vtep: control socket: \/run\/vtep: Read-only file system; --control PATH names another place$/m,
  );
  t.notRegex(nowhere.stderr, /\n {4}at /);
  t.is((await b.attempt('ip link show dev tap0')).code, 1);

  // One that the control thread's error has ended says that, too, and the next finds everything free.
  const preload = fileURLToPath(new URL('./tools/deadly-commands.js', import.meta.url));
  const daemon = await Daemon.of(
    b,
    b.start([VTEP, 'run', '-b', file], { env: { NODE_OPTIONS: `--import ${preload}` } }),
  );
  await daemon.attempt('drops');
  const { code, stderr } = await daemon.process.exited;
  t.is(code, 1);
  t.regex(stderr, /^vtep: an error that nobody expected, it ends: TypeError: a fault of the control thread\n {4}at /m);
  await Daemon.start(topology);
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
});
