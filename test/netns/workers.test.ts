// Several workers: the order within a flow is kept, and everything else is as with one.

import type { ExecutionContext } from 'ava';
import { Daemon, startVtep } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import type { ExchangeResult } from './tools/exchange.js';
import { type Host, INNER, type Topology } from './topology.js';

interface WorkerCounts {
  readonly polls: number;
  readonly idlePolls: number;
  readonly receivedDatagrams: number;
  readonly sentDatagrams: number;
}

const WORKERS = 4;
const FLOWS = 64;
const BURSTS = 40;

async function start(topology: Topology, ...options: string[]): Promise<Daemon> {
  const pinned = ['--workers', String(WORKERS), '--cpus', '0', ...options];
  return Daemon.of(topology.b, startVtep(topology.b, topology.batch, pinned));
}

/** Both hosts send numbered datagrams of FLOWS flows to each other at once. */
async function exchange(topology: Topology, size: number): Promise<readonly [a: ExchangeResult, b: ExchangeResult]> {
  const { a, b } = INNER[4];
  const counts = [FLOWS, BURSTS, size].map(String);
  const end = (host: Host, cpu: string, words: string[]) =>
    // A sender that changes processors overtakes itself in the kernel.
    host.start(['taskset', '-c', cpu, ...host.tool('exchange', ...words, ...counts)]);
  const ends = [end(topology.a, '0', [a, '20000', b, '30000']), end(topology.b, '0', [b, '30000', a, '20000'])];
  await Promise.all(ends.map((each) => each.waitFor(/^ready/m)));
  for (const each of ends) each.child.stdin?.end();
  const [first, second] = await Promise.all(ends.map((each) => each.exited));
  return [resultOf(first?.stdout), resultOf(second?.stdout)];
}

function resultOf(text = ''): ExchangeResult {
  return JSON.parse(text.split('\n')[1] ?? '') as ExchangeResult;
}

function inOrder(t: ExecutionContext, what: string, result: ExchangeResult): void {
  t.is(result.late, 0, `${what}: late`);
  t.is(result.damaged, 0, `${what}: damaged`);
  t.is(result.flows, FLOWS, `${what}: flows`);
  t.true(result.received > result.sent / 4, `${what}: ${result.received} of ${result.sent}`);
}

for (const mode of ['wire', 'super'] as const) {
  for (const coalescing of ['on', 'off'] as const) {
    rooted(`four workers keep the order of every flow both ways, ${mode}, coalescing ${coalescing}`, async (t) => {
      const topology = await twoHosts(t, { mode });
      const daemon = await start(topology, ...(coalescing === 'on' ? [] : ['--no-coalesce']));
      const [a, b] = await exchange(topology, 400);
      inOrder(t, 'transmit', a);
      inOrder(t, 'receive', b);
      const rows = JSON.parse(await daemon.do('workers --json')) as WorkerCounts[];
      t.is(rows.length, WORKERS);
      t.true(rows.every(({ receivedDatagrams, sentDatagrams }) => receivedDatagrams > 0 && sentDatagrams > 0));
    });
  }
}

rooted('with several workers a TAP has a queue for each, and what vtep save prints makes the same again', async (t) => {
  const topology = await twoHosts(t);
  const first = await start(topology);
  t.regex(await first.do('ip -d link show dev tap0'), /multi_queue numqueues 4 numdisabled 4/);
  const saved = await first.do('save');
  await first.stop();
  const second = await Daemon.of(
    topology.b,
    startVtep(
      topology.b,
      saved.split('\n').filter((line) => !line.startsWith('#')),
    ),
  );
  t.is(await second.do('save'), saved);
  t.notRegex(await second.do('ip -d link show dev tap0'), /multi_queue/);
});

rooted('a persistent TAP goes on with another number of workers', async (t) => {
  const topology = await twoHosts(t);
  const lines = topology.batch.map((line) => (/^ip tuntap add/.test(line) ? `${line} persist` : line));
  for (const workers of ['1', '3', '1']) {
    const daemon = await Daemon.of(topology.b, startVtep(topology.b, lines, ['--workers', workers]));
    const [a, b] = await exchange(topology, 200);
    t.is(a.late + b.late, 0);
    t.true(a.received > 0 && b.received > 0, `${workers} workers`);
    await daemon.stop();
  }
  await topology.b.do('ip link del tap0');
});

rooted('busy polling looks for more behind traffic, and no longer', async (t) => {
  const topology = await twoHosts(t);
  const daemon = await start(topology, '--busy-poll', '200');
  const polls = async (): Promise<number> => {
    const rows = JSON.parse(await daemon.do('workers --json')) as WorkerCounts[];
    t.true(rows.every(({ polls, idlePolls }) => idlePolls <= polls));
    return rows.reduce((sum, { polls }) => sum + polls, 0);
  };
  const [a, b] = await exchange(topology, 400);
  t.is(a.late + b.late, 0);
  const after = await polls();
  t.true(after > 0);
  // Two readings are some tenths of a second apart, in which a worker that went on would look thousands of times.
  const deadline = Date.now() + 10_000;
  let [before, now] = [after, await polls()];
  while (now !== before && Date.now() < deadline) [before, now] = [now, await polls()];
  t.is(now, before);
});

rooted('a processor that is not there is said, and nothing is started', async (t) => {
  const topology = await twoHosts(t);
  const daemon = startVtep(topology.b, topology.batch, ['--workers', '2', '--cpus', '0,1000']);
  const { code, stderr } = await daemon.exited;
  t.is(code, 1);
  t.is(stderr, 'vtep: the datapath cannot start: there is no CPU 1000 to run on\n');
});

for (const kind of ['raw', 'pcap'] as const) {
  rooted(`underlay ${kind}: the first of several workers receives, in order`, async (t) => {
    const topology = await twoHosts(t, { mode: 'wire' });
    const lines = topology.batch.map((line) => (/ type vxlan /.test(line) ? `${line} underlay ${kind}` : line));
    const daemon = await Daemon.of(topology.b, startVtep(topology.b, lines, ['--workers', String(WORKERS)]));
    const [a, b] = await exchange(topology, 400);
    t.is(b.late, 0);
    t.true(b.received > 0 && b.damaged === 0);
    // A capture only listens.
    t.is(a.received > 0, kind === 'raw');
    t.is(a.late, 0);
    const rows = JSON.parse(await daemon.do('workers --json')) as WorkerCounts[];
    t.deepEqual(
      rows.map(({ receivedDatagrams }) => receivedDatagrams > 0),
      [true, false, false, false],
    );
    t.is(
      rows.every(({ sentDatagrams }) => sentDatagrams > 0),
      kind === 'raw',
    );
  });
}
