/** What grew between two overviews, a second. */
import type {
  Overview,
  OverviewDevice,
  OverviewDrop,
  OverviewFilter,
  OverviewPeer,
  OverviewWorker,
  Traffic,
} from '../overview.js';

/** Packets and bits a second. */
export interface Flow {
  readonly packets: number;
  readonly bits: number;
}

export interface DeviceRate {
  readonly of: OverviewDevice;
  readonly rx: Flow;
  readonly tx: Flow;
  readonly drops: number;
}

export interface FilterRate {
  readonly of: OverviewFilter;
  readonly flow: Flow;
  readonly drops: number;
}

export interface PeerRate {
  readonly of: Pick<OverviewPeer, 'device' | 'vni' | 'peer'>;
  readonly rx: Flow;
  readonly tx: Flow;
}

export interface VniRate {
  readonly device: string;
  readonly vni: number;
  readonly peers: number;
  readonly rx: Flow;
  readonly tx: Flow;
}

export interface DropRate {
  readonly of: OverviewDrop;
  readonly rate: number;
}

export interface WorkerRate {
  readonly of: OverviewWorker;
  /** Share of a processor, 0 … 1; NaN where it is not known. */
  readonly load: number;
  readonly wakeups: number;
  readonly received: number;
  readonly sent: number;
  readonly read: number;
  readonly written: number;
  readonly lookups: number;
  /** Datagrams of an average receive batch, frames of an average write, share of look-ups that the cache answered. */
  readonly batch: number;
  readonly merged: number;
  readonly cached: number;
}

export interface Rates {
  readonly seconds: number;
  readonly devices: readonly DeviceRate[];
  readonly filters: readonly FilterRate[];
  readonly peers: readonly PeerRate[];
  readonly vnis: readonly VniRate[];
  readonly drops: readonly DropRate[];
  readonly workers: readonly WorkerRate[];
}

/** A counter that stands lower than before is another's now, and began at 0. */
function grown(before: number | undefined, after: number): number {
  return before === undefined || after < before ? after : after - before;
}

export function ratesBetween(before: Overview, after: Overview): Rates {
  // Not by `time`, which people may set.
  const seconds = Math.max(0.001, after.uptime - before.uptime);
  const each = (from: number | undefined, to: number): number => grown(from, to) / seconds;
  const flow = (from: Traffic | undefined, to: Traffic): Flow => ({
    packets: each(from?.packets, to.packets),
    bits: 8 * each(from?.bytes, to.bytes),
  });
  const devices = index(before.devices, ({ name }) => name);
  const filters = index(before.filters, filterName);
  const peers = index(before.peers, peerName);
  const drops = index(before.drops, ({ device, reason }) => `${device} ${reason}`);
  const workers = index(before.workers, ({ worker }) => `${worker}`);
  const peerRates = after.peers.map((of): PeerRate => {
    const from = peers.get(peerName(of));
    return { of, rx: flow(from?.rx, of.rx), tx: flow(from?.tx, of.tx) };
  });
  return {
    seconds,
    devices: after.devices.map((of) => {
      const from = devices.get(of.name);
      const lost = each(from?.rx.dropped, of.rx.dropped) + each(from?.tx.dropped, of.tx.dropped);
      return { of, rx: flow(from?.rx, of.rx), tx: flow(from?.tx, of.tx), drops: lost };
    }),
    filters: after.filters.map((of) => {
      const from = filters.get(filterName(of));
      return { of, flow: flow(from, of), drops: each(from?.dropped, of.dropped) };
    }),
    peers: peerRates,
    vnis: byVni(peerRates),
    drops: after.drops.map((of) => ({ of, rate: each(drops.get(`${of.device} ${of.reason}`)?.count, of.count) })),
    workers: after.workers.map((of) => workerRate(workers.get(`${of.worker}`), of, seconds)),
  };
}

function workerRate(before: OverviewWorker | undefined, of: OverviewWorker, seconds: number): WorkerRate {
  const more = (
    what:
      | 'wakeups'
      | 'receivedDatagrams'
      | 'sentDatagrams'
      | 'framesRead'
      | 'framesWritten'
      | 'writes'
      | 'lookups'
      | 'cacheHits',
  ): number => grown(before?.[what], of[what]);
  const batches = of.batches.reduce((sum, count, n) => sum + grown(before?.batches[n], count), 0);
  const load = of.cpuSeconds === undefined ? Number.NaN : grown(before?.cpuSeconds, of.cpuSeconds) / seconds;
  return {
    of,
    load,
    wakeups: more('wakeups') / seconds,
    received: more('receivedDatagrams') / seconds,
    sent: more('sentDatagrams') / seconds,
    read: more('framesRead') / seconds,
    written: more('framesWritten') / seconds,
    lookups: more('lookups') / seconds,
    batch: more('receivedDatagrams') / batches,
    merged: more('framesWritten') / more('writes'),
    cached: more('cacheHits') / more('lookups'),
  };
}

function byVni(peers: readonly PeerRate[]): VniRate[] {
  const found = new Map<string, VniRate>();
  for (const { of, rx, tx } of peers) {
    if (of.peer === 'other') continue;
    const key = `${of.device} ${of.vni}`;
    const there = found.get(key);
    const sum = (one: Flow | undefined, other: Flow): Flow => ({
      packets: (one?.packets ?? 0) + other.packets,
      bits: (one?.bits ?? 0) + other.bits,
    });
    const { device, vni } = of;
    found.set(key, { device, vni, peers: (there?.peers ?? 0) + 1, rx: sum(there?.rx, rx), tx: sum(there?.tx, tx) });
  }
  return [...found.values()];
}

function index<T>(rows: readonly T[], name: (row: T) => string): Map<string, T> {
  return new Map(rows.map((row) => [name(row), row]));
}

function filterName({ dev, parent, chain, pref, handle }: OverviewFilter): string {
  return `${dev} ${parent} ${chain} ${pref} ${handle}`;
}

function peerName({ device, vni, peer }: OverviewPeer): string {
  return `${device} ${vni} ${peer}`;
}
