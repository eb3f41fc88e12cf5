// Several workers: the order within a flow is kept, and everything else is as with one.

import type { ExecutionContext } from 'ava';
import { Daemon, startVtep } from './daemon.js';
import { rooted, twoHosts } from './rooted.js';
import type { ExchangeResult } from './tools/exchange.js';
import { type Host, INNER, type Topology } from './topology.js';

interface WorkerCounts {
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
