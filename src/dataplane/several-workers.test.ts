// Several real worker threads. Each reads a socket of its own in the place of a TAP's queue.
import { once } from 'node:events';
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { POLICE_WORDS, PoliceWord, Verdict } from '../actions/program.js';
import { DeviceKind } from '../devices/device-table.js';
import { closeHandover, openHandover } from '../io/handover/pair.js';
import { ActionCounter, DeviceCounter, WorkCounter } from '../memory/counters.js';
import { REASON } from '../memory/reasons.js';
import { buildFrame } from '../offload/test-frames.js';
import { Datapath, type DatapathOptions } from './datapath.js';
import { type Action, gact, policeMtu, TAP0 } from './harness.test.helper.js';
import { rules, until } from './worker-rules.test.helper.js';

const WORKERS = 3;

async function start(t: ExecutionContext, options: Partial<DatapathOptions> = {}): Promise<Datapath> {
  const datapath = await Datapath.start({ coalesce: true, workers: WORKERS, ...options });
  t.teardown(() => datapath.stop());
  datapath.devices.add(TAP0, DeviceKind.TAP, 100 + TAP0);
  datapath.devices.setUp(TAP0, true);
  return datapath;
}

/** A queue of messages in the place of a TAP's: the worker's end, and the host's. */
function queue(t: ExecutionContext): { worker: number; host: number } {
  const pair = openHandover(1 << 20);
  t.teardown(() => closeHandover(pair));
  return { worker: pair.receiveFd, host: pair.sendFd };
}

/** Opens TAP0 with a queue for each worker; returns what the host writes to. */
async function openTap(t: ExecutionContext, datapath: Datapath): Promise<number[]> {
  const pairs = Array.from({ length: WORKERS }, () => queue(t));
  const queues = pairs.map(({ worker }) => ({ readFd: worker, writeFd: worker }));
  await datapath.apply({ type: 'port-open', device: TAP0, queues, offloads: 0 });
  return pairs.map(({ host }) => host);
}

/** A policer of packets: `burst` of them at once, and one more every `time` nanoseconds. */
function policePackets(burst: number, time: number): Action {
  const more = new Int32Array(POLICE_WORDS);
  more.set(new Int32Array(Float64Array.of(time).buffer), PoliceWord.PACKET_TIME);
  more.set(new Int32Array(Float64Array.of(burst * time).buffer), PoliceWord.PACKET_BURST);
  more[PoliceWord.MTU] = 65_535;
  return { ...policeMtu(0), more: [...more] };
}

const FRAME = Buffer.concat([new Uint8Array(12), buildFrame({ protocol: 'udp' })]);

test('a rule that is in force is so for all workers, and what they count is one figure', async (t) => {
  const datapath = await start(t);
  const fds = await openTap(t, datapath);
  datapath.ensureActionCounters(1);
  for (const [verdict, reason] of [
    [Verdict.SHOT, 'action-drop'],
    [Verdict.TRAP, 'action-trap'],
  ] as const) {
    await datapath.apply(rules({ device: TAP0, actions: [gact(verdict)] }));
    for (const fd of fds) for (let n = 0; n < 5; n++) writeSync(fd, FRAME);
    const count = (): number => datapath.counters.reasonValue(TAP0, REASON[reason]);
    await until(datapath, () => count() === 5 * WORKERS);
    for (const set of datapath.counters.sets) t.is(set.reasonValue(TAP0, REASON[reason]), 5);
  }
  t.is(datapath.counters.deviceValue(TAP0, DeviceCounter.RX_PACKETS), 2 * 5 * WORKERS);
  t.is(datapath.actionCounters.value(0, ActionCounter.PACKETS), 2 * 5 * WORKERS);
});

test('a policer gives its rate once, whichever workers its packets meet it on', async (t) => {
  const datapath = await start(t);
  const fds = await openTap(t, datapath);
  datapath.ensureActionCounters(2);
  // 10 packets at once, and then one in a thousand seconds.
  const action = policePackets(10, 1e12);
  await datapath.apply(rules({ device: TAP0, actions: [action, gact(Verdict.TRAP)] }));
  for (let n = 0; n < 20; n++) for (const fd of fds) writeSync(fd, FRAME);
  const of = (reason: 'police-exceed' | 'action-trap'): number => datapath.counters.reasonValue(TAP0, REASON[reason]);
  await until(datapath, () => of('police-exceed') + of('action-trap') === 20 * WORKERS);
  t.is(of('action-trap'), 10);
  t.is(datapath.actionCounters.value(0, ActionCounter.OVERLIMITS), 20 * WORKERS - 10);
});

test('of several workers one dies, the others go on meanwhile, and another takes its place', async (t) => {
  const datapath = await start(t);
  const deaths: number[] = [];
  datapath.on('worker-died', (worker) => deaths.push(worker));
  const resumed = once(datapath, 'worker-resumed');
  const fds = await openTap(t, datapath);
  // A program whose counters were never made: no control thread does that, but a fault must not go unnoticed.
  await datapath.apply(rules({ device: TAP0, actions: [gact(Verdict.SHOT)] }));
  writeSync(fds[1] ?? -1, FRAME);
  await resumed;
  t.deepEqual(deaths, [1]);
  datapath.ensureActionCounters(1);
  await datapath.apply(rules({ device: TAP0, actions: [gact(Verdict.SHOT)] }));
  for (const fd of fds) writeSync(fd, FRAME);
  await until(datapath, () => datapath.actionCounters.value(0, 0) === WORKERS);
  t.is(datapath.counters.reasonValue(TAP0, REASON['worker-died']), 1);
  t.deepEqual(
    datapath.counters.sets.map((set) => set.workValue(WorkCounter.RESTARTS)),
    Array.from({ length: WORKERS }, (_, worker) => (worker === 1 ? 1 : 0)),
  );
});

test('a worker that refuses an instruction makes it refused, behind the answers of the others', async (t) => {
  const datapath = await start(t);
  const fds = Array.from({ length: WORKERS - 1 }, () => ({ kind: 'pcap', receiveFd: queue(t).worker }) as const);
  // The last worker has no place of its own.
  const opened = datapath.apply({ type: 'underlay-open', underlay: 3, parts: fds, owner: 1 });
  await t.throwsAsync(opened, { message: `no sockets for worker ${WORKERS - 1}` });
  await t.notThrowsAsync(datapath.apply({ type: 'underlay-close', underlay: 3 }));
});

test('workers have names, and those that are pinned keep to their processor', async (t) => {
  await start(t, { cpus: [0] });
  const tasks = readdirSync('/proc/self/task').map((id) => readFileSync(`/proc/self/task/${id}/status`, 'utf8'));
  for (let worker = 0; worker < WORKERS; worker++) {
    const status = tasks.filter((text) => text.startsWith(`Name:\tvtep-worker${worker}\n`));
    t.true(status.length >= 1);
    t.true(status.some((text) => /^Cpus_allowed_list:\t0$/m.test(text)));
  }
});

test('a processor that is not there is an error at the start', async (t) => {
  const started = Datapath.start({ coalesce: true, workers: 2, cpus: [0, 1000] });
  t.regex(String(await started.catch((error: unknown) => error)), /there is no CPU 1000 to run on/);
});
