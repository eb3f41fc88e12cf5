/** All that an endpoint counts, as it stands at one moment: what `vtep top` and the metrics are made from. */
import type { WorkerRow } from './workers.js';

export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

export interface LinkTraffic extends Traffic {
  readonly errors: number;
  readonly dropped: number;
}

/** As `ip -s link` counts: a vxlan device receives what was decapsulated, a TAP what vtep writes into it. */
export interface OverviewDevice {
  readonly name: string;
  readonly kind: 'vxlan' | 'tap';
  readonly up: boolean;
  readonly rx: LinkTraffic;
  readonly tx: LinkTraffic;
}

/** What met a filter's first action, and what its actions dropped. */
export interface OverviewFilter extends Traffic {
  readonly dev: string;
  readonly parent: 'ingress' | 'egress';
  readonly chain: number;
  readonly pref: number;
  readonly handle: number;
  /** Of the first action that has one, in hexadecimal. */
  readonly cookie?: string;
  readonly dropped: number;
}

/** The filters beyond the bound, all together. */
export interface OtherFilters extends Traffic {
  readonly count: number;
  readonly dropped: number;
}

export interface OverviewDrop {
  readonly device: string;
  readonly reason: string;
  readonly verdict: 'drop' | 'pass';
  readonly count: number;
}

export interface OverviewPeer {
  readonly device: string;
  readonly vni: number;
  /** The peer's address; `other` for all that found no room in the table. */
  readonly peer: string;
  readonly rx: Traffic;
  readonly tx: Traffic;
}

export interface OverviewWorker extends WorkerRow {
  /** Seconds of processor time since it began; absent where /proc does not tell. */
  readonly cpuSeconds?: number;
  /** How many there were of each size, by powers of two (memory/counters.ts, SizeHistogram). */
  readonly batches: readonly number[];
  readonly written: readonly number[];
  readonly sent: readonly number[];
  /** Writes to TAPs and interfaces: super-frames count once. */
  readonly writes: number;
  readonly sentMessages: number;
}

export interface OverviewProcess {
  /** Milliseconds since the epoch, as the clock stood when it began: the same at each look. */
  readonly started: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly descriptors: number;
}

export interface Overview {
  readonly version: 1;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Whether it runs with --strict-peers. */
  readonly strictPeers: boolean;
  /** Seconds since the start, whatever becomes of the clock on the wall: rates are made by it. */
  readonly uptime: number;
  readonly devices: readonly OverviewDevice[];
  readonly filters: readonly OverviewFilter[];
  readonly others: OtherFilters;
  readonly drops: readonly OverviewDrop[];
  readonly peers: readonly OverviewPeer[];
  readonly workers: readonly OverviewWorker[];
  readonly process: OverviewProcess;
}
