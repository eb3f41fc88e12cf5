// vtep as a service: what the manager is told, from the start to the end, and the watchdog.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Daemon } from './daemon.js';
import { until } from './process.js';
import { rooted, twoHosts } from './rooted.js';
import { Manager } from './service.js';
import { INNER, type Topology } from './topology.js';
import { ping } from './traffic.js';

function batchOf({ b, batch }: Topology, lines: readonly string[] = batch): string {
  const file = `${b.notes}/service.batch`;
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** The kernel's ids of the daemon's workers. */
function workersOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).filter((id) =>
    readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').startsWith('vtep-worker'),
  );
}

rooted(
  'the manager is told of readiness, of each reload and of the end, and no child speaks in its place',
  async (t) => {
    const topology = await twoHosts(t);
    const { b } = topology;
    const manager = await Manager.start(b);
    const file = batchOf(topology);
    const process = manager.run(b, ['-b', file], { WATCHDOG_USEC: '2000000' });
    const daemon = await Daemon.of(b, process);
    await manager.told(/^READY=1/);
    const [ready] = manager.notices;
    t.is(ready?.pid, process.child.pid);
    t.is(ready?.text, `READY=1\nMAINPID=${process.child.pid}\nSTATUS=2 devices, 2 filters, 1 peer`);
    t.is((await ping(topology.a, INNER[4].b)).received, 3);

    writeFileSync(file, `${topology.batch.join('\n')}\ntc filter add dev tap0 ingress pref 7 flower action drop\n`);
    process.child.kill('SIGHUP');
    process.child.kill('SIGHUP');
    await manager.told(/STATUS=2 devices, 3 filters, 1 peer/);
    await daemon.do('reload');
    await until(async () => manager.values('READY').length >= manager.values('RELOADING').length, 'ready again');
    const reloads = manager.notices.filter(({ text }) => text.startsWith('RELOADING=1\nMONOTONIC_USEC='));
    t.true(reloads.length >= 2, 'two signals may be one');
    for (const { text } of reloads) t.true(Number(/USEC=(\d+)/.exec(text)?.[1]) > 0);
    t.regex(manager.notices.filter(({ text }) => !text.startsWith('WATCHDOG')).at(-1)?.text ?? '', /^READY=1\n/);

    const before = await daemon.do('save');
    rmSync(file);
    const { code, stderr } = await daemon.attempt('reload');
    t.is(code, 1);
    t.regex(stderr, /service\.batch/);
    process.child.kill('SIGHUP');
    await manager.told(/the last reload failed/, 2);
    t.is(await daemon.do('save'), before);
    writeFileSync(file, 'tc frob\n');
    t.is((await daemon.attempt('reload')).code, 1);
    await manager.told(/^READY=1\n.*\nSTATUS=2 devices, 3 filters, 1 peer; the last reload failed/);

    t.is((await daemon.stop()).code, 0);
    await manager.told(/^STOPPING=1/);
    t.deepEqual([...new Set(manager.notices.map(({ pid }) => pid))], [process.child.pid ?? 0]);
  },
);

rooted('SIGHUP during a start is heard, and the file read again as soon as everything is in place', async (t) => {
  const topology = await twoHosts(t);
  const { b, batch } = topology;
  const manager = await Manager.start(b);
  const many = Array.from(
    { length: 20_000 },
    (_, n) => `tc filter add dev tap0 ingress protocol ip pref 9 flower dst_ip 10.${n >> 8}.${n & 255}.1 action drop`,
  );
  const process = manager.run(b, ['-b', batchOf(topology, [...batch, ...many])]);
  await until(async () => (await b.do('ip link')).includes('tap0'), 'the start is on its way');
  process.child.kill('SIGHUP');
  await process.waitFor(/^vtep: reloaded/m, 30_000);
  await manager.told(/^READY=1/, 2);
  const told = manager.notices
    .map(({ text }) => text.split('=')[0])
    .filter((name) => /READY|RELOADING/.test(name ?? ''));
  t.deepEqual(told, ['READY', 'RELOADING', 'READY']);
  t.is(manager.values('STATUS').at(-1), '2 devices, 20,002 filters, 1 peer');
  t.is((await ping(topology.a, INNER[4].b)).received, 3);
  t.is((await process.stop()).code, 0);
});

rooted('an abstract socket is told as well, and a start that fails says why', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const manager = await Manager.start(b, `@${b.namespace}-notify`);
  const failing = manager.run(b, ['-b', batchOf(topology, ['ip link add tap0 type tap', 'frob'])]);
  t.is((await failing.exited).code, 1);
  await manager.told(/^STATUS=.*"frob".*Command failed .*:2$/);
  t.deepEqual(manager.values('READY'), []);

  const process = manager.run(b, ['-b', batchOf(topology)]);
  await manager.told(/^READY=1/);
  t.is((await process.stop()).code, 0);
});

rooted('a worker that hangs gets no watchdog ping, the others notwithstanding, until it goes on', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const manager = await Manager.start(b);
  const process = manager.run(b, ['-b', batchOf(topology), '--workers', '2'], { WATCHDOG_USEC: '800000' });
  const daemon = await Daemon.of(b, process);
  await manager.told(/^WATCHDOG=1/, 3);
  const [, victim = ''] = workersOf(process.child.pid ?? 0);
  const holder = b.start(b.tool('hold-thread', victim));
  await holder.waitFor(/^held/);
  await process.waitFor(/the watchdog is not fed: worker \d has not turned a round/);
  const fed = manager.values('WATCHDOG').length;
  // The main thread is well, and says so to whoever asks for what needs no worker.
  t.regex(await daemon.do('workers'), /WORKER/i);
  await manager.told(/^STATUS|^READY/);
  t.is(manager.values('WATCHDOG').length, fed, 'not one more');
  holder.child.stdin?.end();
  await process.waitFor(/the watchdog is fed again/);
  await manager.told(/^WATCHDOG=1/, fed + 2);
  t.is((await process.stop()).code, 0);
});

rooted('a worker that hangs does not keep the endpoint from ending, and a second signal hurries it', async (t) => {
  const topology = await twoHosts(t);
  const { b } = topology;
  const daemon = await Daemon.start(topology);
  const { child } = daemon.process;
  const holder = b.start(b.tool('hold-thread', workersOf(child.pid ?? 0)[0] ?? ''));
  await holder.waitFor(/^held/);
  child.kill('SIGTERM');
  await until(async () => (await daemon.attempt('drops')).code !== 0, 'the control socket is closed');
  child.kill('SIGTERM');
  await daemon.process.waitFor(/a worker does not answer; left without waiting for it/);
  // A process is not gone before whoever traces its threads has let go of them.
  await holder.stop('SIGKILL');
  t.is((await daemon.process.exited).code, 1);
});
