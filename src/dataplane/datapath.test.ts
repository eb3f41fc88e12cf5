// A real worker thread, without devices that need rights: a FIFO does for a TAP, as it is read and written alike.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import test, { type ExecutionContext } from 'ava';
import { AT_INGRESS } from '../actions/outlet.js';
import { Verdict } from '../actions/program.js';
import { DeviceKind } from '../devices/device-table.js';
import { DeviceCounter, MAX_DEVICES, WorkCounter } from '../memory/counters.js';
import { REASON } from '../memory/reasons.js';
import { EBADF } from '../native/errno.js';
import { buildFrame } from '../offload/test-frames.js';
import { Datapath } from './datapath.js';
import { gact, programsOf, TAP0 } from './harness.test.helper.js';
import { rules, until } from './worker-rules.test.helper.js';

async function start(t: ExecutionContext): Promise<Datapath> {
  const datapath = await Datapath.start({ coalesce: true });
  t.teardown(() => datapath.stop());
  datapath.devices.add(TAP0, DeviceKind.TAP, 100 + TAP0);
  datapath.devices.setUp(TAP0, true);
  return datapath;
}

/** Both ends of a FIFO in one descriptor. */
function fifo(t: ExecutionContext): number {
  const folder = mkdtempSync(join(tmpdir(), 'vtep-test-'));
  const path = join(folder, 'tap');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  rmSync(folder, { recursive: true });
  t.teardown(() => closeSync(fd));
  return fd;
}

/** Where everything is one worker's. */
function queuesOf(fd: number): { readFd: number; writeFd: number }[] {
  return [{ readFd: fd, writeFd: fd }];
}

/** The host sends a frame: an empty virtio-net header before it, in one write. */
function hostSends(fd: number, frame: Uint8Array): void {
  writeSync(fd, Buffer.concat([new Uint8Array(12), frame]));
}

test('a worker starts, obeys in order, and ends; what comes too late is refused', async (t) => {
  const datapath = await start(t);
  datapath.ensureActionCounters(5000);
  t.is(datapath.actionCounters.capacity, 8192);
  const order: number[] = [];
  await Promise.all([1, 2, 3].map((n) => datapath.apply(rules()).then(() => order.push(n))));
  t.deepEqual(order, [1, 2, 3]);
  t.true(datapath.counters.workValue(WorkCounter.WAKEUPS) > 0);
  await datapath.stop();
  await datapath.stop();
  await t.throwsAsync(datapath.apply(rules()), { message: 'the datapath worker has ended' });
});

test('what was asked for before the end is done, or refused, but never left open', async (t) => {
  const datapath = await start(t);
  const applied = datapath.apply(rules());
  await datapath.stop();
  await t.notThrowsAsync(applied);
});

test('a frame goes through rules in force, and rules that cannot be opened change nothing', async (t) => {
  const datapath = await start(t);
  const fd = fifo(t);
  datapath.ensureActionCounters(1);
  await datapath.apply({ type: 'port-open', device: TAP0, queues: queuesOf(fd), offloads: 0 });
  await datapath.apply(rules({ device: TAP0, actions: [gact(Verdict.SHOT)] }));
  const dropped = (): number => datapath.counters.reasonValue(TAP0, REASON['action-drop']);
  hostSends(fd, buildFrame({}));
  await until(datapath, () => dropped() === 1);

  const programs = programsOf([{ device: TAP0, actions: [gact(Verdict.OK)] }]);
  const hooks = [
    { device: TAP0, direction: AT_INGRESS },
    { device: 4, direction: AT_INGRESS, snapshot: { kind: 'crystal ball' } },
  ];
  const good = datapath.apply({ type: 'port-close', device: 1000 });
  const bad = datapath.apply({ type: 'rules', programs, hooks });
  const alsoGood = datapath.apply({ type: 'port-close', device: 1000 });
  await t.throwsAsync(bad, { message: 'no classifier of kind crystal ball' });
  await t.notThrowsAsync(good);
  await t.notThrowsAsync(alsoGood);
  hostSends(fd, buildFrame({}));
  await until(datapath, () => dropped() === 2);
  t.is(datapath.actionCounters.value(0, 0), 2);
  t.is(datapath.counters.deviceValue(TAP0, DeviceCounter.RX_PACKETS), 2);
});

test('a port that is opened anew takes the place of the old one, and its memory', async (t) => {
  const datapath = await start(t);
  const fd = fifo(t);
  const opened = Array.from({ length: MAX_DEVICES + 1 }, () =>
    datapath.apply({ type: 'port-open', device: TAP0, queues: queuesOf(fd), offloads: 0 }),
  );
  await t.notThrowsAsync(Promise.all(opened));
  hostSends(fd, buildFrame({}));
  const read = (): number => datapath.counters.deviceValue(TAP0, DeviceCounter.RX_PACKETS);
  await until(datapath, () => read() === 1);
  await datapath.apply({ type: 'port-close', device: TAP0 });
  t.is(datapath.counters.workValue(WorkCounter.TAP_READS), 1);
});

test('a descriptor that cannot be read is told and let go of, and the worker lives', async (t) => {
  const datapath = await start(t);
  const gone = once(datapath, 'port-gone');
  await datapath.apply({ type: 'port-open', device: TAP0, queues: queuesOf(1_000_000), offloads: 0 });
  t.deepEqual(await gone, [TAP0, EBADF]);
  await t.notThrowsAsync(datapath.apply(rules()));
});

test('an underlay whose socket is none is counted and let go of, and the worker lives', async (t) => {
  const datapath = await start(t);
  const none = { transmitFds: [], sourcePorts: [], receiveOffload: false, segmentation: false };
  const sockets = [
    {
      family: 4 as const,
      port: 4789,
      scopeId: 0,
      receiveFd: 1_000_000,
      receiveBuffer: 0,
      sendBuffer: 0,
      dropsBefore: 0,
      ...none,
    },
  ];
  await datapath.apply({ type: 'underlay-open', underlay: 3, parts: [{ kind: 'udp', sockets }], owner: 1 });
  const errors = (): number => datapath.counters.reasonValue(1, REASON['receive-error']);
  await until(datapath, () => errors() > 0);
  t.is(errors(), 1);
  await datapath.apply(rules());
  await datapath.apply(rules());
  t.is(errors(), 1);
});

/** Has the worker die of the next frame: a program whose counters were never made, which no control thread does. */
async function poison(datapath: Datapath): Promise<void> {
  await datapath.apply(rules({ device: TAP0, actions: [gact(Verdict.OK)] }));
}

test('a worker that dies says why, and another goes on with all that it had', async (t) => {
  const datapath = await start(t);
  const fd = fifo(t);
  await poison(datapath);
  const died = once(datapath, 'worker-died');
  const resumed = once(datapath, 'worker-resumed');
  await datapath.apply({ type: 'port-open', device: TAP0, queues: queuesOf(fd), offloads: 0 });
  hostSends(fd, buildFrame({}));
  // In force before the worker dies or by the one that follows: whoever asked hears nothing of it.
  const asked = Array.from({ length: 20 }, () => datapath.apply({ type: 'port-close', device: 1000 }));
  const [worker, error, wait] = (await died) as [number, Error, number];
  t.is(worker, 0);
  t.true(error instanceof TypeError);
  t.is(wait, 0);
  await Promise.all(asked);
  await resumed;
  const lost = (): number => datapath.counters.reasonValue(TAP0, REASON['worker-died']);
  t.is(lost(), 1);
  t.is(datapath.counters.deviceValue(TAP0, DeviceCounter.RX_DROPPED), 1);
  t.is(datapath.counters.workValue(WorkCounter.RESTARTS), 1);
  // Its port, its rules; and now with counters.
  datapath.ensureActionCounters(1);
  await datapath.apply(rules({ device: TAP0, actions: [gact(Verdict.OK)] }));
  hostSends(fd, buildFrame({}));
  await until(datapath, () => datapath.actionCounters.value(0, 0) === 1);
  t.is(datapath.counters.deviceValue(TAP0, DeviceCounter.RX_PACKETS), 2, 'counters go on');
  t.is(lost(), 1);
});

test('a worker that dies is the end where the forwarding table is torn, and the end says so', async (t) => {
  const datapath = await start(t);
  const fd = fifo(t);
  const writing = new Worker(new URL('../memory/shared-lock.test.helper.js', import.meta.url), {
    workerData: { words: new Int32Array(datapath.fdb.buffer), writes: true, holds: -1 },
  });
  await once(writing, 'message');
  await writing.terminate();
  await poison(datapath);
  const failed = once(datapath, 'failed');
  await datapath.apply({ type: 'port-open', device: TAP0, queues: queuesOf(fd), offloads: 0 });
  hostSends(fd, buildFrame({}));
  const [error] = (await failed) as [Error];
  t.regex(error.message, /^a worker died while it wrote the forwarding table: TypeError/);
});
