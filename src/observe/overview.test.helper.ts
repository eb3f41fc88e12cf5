import { SIZE_BUCKETS } from '../memory/counters.js';
import type { Overview, OverviewWorker } from './overview.js';

const NOTHING = { packets: 0, bytes: 0, errors: 0, dropped: 0 };

function sizes(...counts: readonly number[]): number[] {
  return Array.from({ length: SIZE_BUCKETS }, (_, n) => counts[n] ?? 0);
}

export const WORKER: OverviewWorker = {
  ...{ worker: 0, restarts: 1, wakeups: 100, polls: 0, idlePolls: 0, receivedDatagrams: 1000, sentDatagrams: 500 },
  ...{ framesRead: 50, framesWritten: 900, lookups: 200, cacheHits: 150, cpuSeconds: 1.5 },
  ...{ batches: sizes(2, 0, 3), written: sizes(4, 4), sent: sizes(7), writes: 90, sentMessages: 50 },
};

/** An endpoint with something of everything. */
export const OVERVIEW: Overview = {
  version: 1,
  strictPeers: false,
  time: 1_000_000,
  uptime: 100,
  devices: [
    {
      name: 'vxlan0',
      kind: 'vxlan',
      up: true,
      rx: { ...NOTHING, packets: 1000, bytes: 100_000 },
      tx: { ...NOTHING, dropped: 3 },
    },
    { name: 'tap0', kind: 'tap', up: false, rx: NOTHING, tx: NOTHING },
  ],
  filters: [
    {
      dev: 'vxlan0',
      parent: 'ingress',
      chain: 0,
      pref: 1,
      handle: 1,
      cookie: 'abcd',
      packets: 900,
      bytes: 90_000,
      dropped: 0,
    },
    { dev: 'vxlan0', parent: 'egress', chain: 2, pref: 3, handle: 26, packets: 5, bytes: 500, dropped: 5 },
  ],
  others: { count: 0, packets: 0, bytes: 0, dropped: 0 },
  drops: [
    { device: 'vxlan0', reason: 'unmatched', verdict: 'pass', count: 7 },
    { device: 'tap0', reason: 'tap-down', verdict: 'drop', count: 3 },
  ],
  peers: [
    { device: 'vxlan0', vni: 4, peer: '10.0.0.1', rx: { packets: 600, bytes: 60_000 }, tx: { packets: 1, bytes: 10 } },
    { device: 'vxlan0', vni: 4, peer: 'fd00::1', rx: { packets: 400, bytes: 40_000 }, tx: { packets: 0, bytes: 0 } },
  ],
  workers: [WORKER],
  process: { started: 900_000, cpuSeconds: 2, residentBytes: 80e6, heapBytes: 10e6, descriptors: 40 },
};

/** Two seconds later, twice the traffic. */
export const LATER: Overview = {
  ...OVERVIEW,
  time: 1_002_000,
  uptime: 102,
  devices: OVERVIEW.devices.map((each) => ({
    ...each,
    rx: { ...each.rx, packets: 2 * each.rx.packets, bytes: 2 * each.rx.bytes },
  })),
  filters: OVERVIEW.filters.map((each) => ({
    ...each,
    packets: 2 * each.packets,
    bytes: 2 * each.bytes,
    dropped: 2 * each.dropped,
  })),
  drops: [
    ...OVERVIEW.drops.map((each) => ({ ...each, count: 3 * each.count })),
    { device: 'tap0', reason: 'tap-gone', verdict: 'drop', count: 4 },
  ],
  peers: OVERVIEW.peers.map((each) => ({ ...each, rx: { packets: 2 * each.rx.packets, bytes: 2 * each.rx.bytes } })),
  workers: [
    {
      ...WORKER,
      receivedDatagrams: 3000,
      framesWritten: 1800,
      writes: 110,
      lookups: 300,
      cacheHits: 240,
      cpuSeconds: 2.5,
      batches: sizes(3, 0, 12),
    },
  ],
};
