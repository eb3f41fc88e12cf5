/** All that the endpoint counts, gathered for whoever looks at it from outside. */
import { readdirSync, readFileSync } from 'node:fs';
import { formatIp } from '../iproute/address.js';
import type { ActionCounts } from '../memory/counter-sets.js';
import { type Counters, SIZE_BUCKETS, SizeHistogram, WorkCounter } from '../memory/counters.js';
import { PeerCounter } from '../memory/peer-traffic.js';
import { dropRows } from '../observe/drops.js';
import type { Overview, OverviewDevice, OverviewPeer, OverviewWorker } from '../observe/overview.js';
import { workerRows } from '../observe/workers.js';
import type { Devices } from './devices.js';
import { type FilterChoice, type SurveyedHook, surveyFilters } from './filter-survey.js';
import type { Rules } from './rules.js';
import { Slices } from './slices.js';

/** Filters that are told one by one; a daemon may have a million. */
export const OVERVIEW_FILTERS = 1000;

/** Milliseconds without a question after which traffic is no longer counted by peer. */
const FORGET_PEERS_MS = 15_000;

export interface OverviewParts {
  readonly devices: Devices;
  readonly rules: Rules;
  readonly counters: readonly Counters[];
  readonly actionCounters: ActionCounts;
  readonly cpus: () => readonly number[];
  /** Resolves when no transaction is on, where one is: what it has only tried is told to nobody. */
  readonly calm: () => Promise<void> | undefined;
}

export class OverviewMaker {
  private readonly parts: OverviewParts;
  private readonly began = performance.now();
  private readonly making = new Map<FilterChoice, Promise<Overview>>();
  private generation = 0;
  private isCounting = false;
  private keeps = false;
  private forget: NodeJS.Timeout | undefined;

  constructor(parts: OverviewParts) {
    this.parts = parts;
  }

  /** Has traffic counted by peer from now on, whether anybody asks or not: counters of metrics must not begin anew. */
  keepPeers(): void {
    this.keeps = true;
    this.countPeers();
  }

  /** Whoever asks while one is made gets that one: however many ask, the work is that of one. */
  make(choice: FilterChoice): Promise<Overview> {
    const known = this.making.get(choice);
    if (known) return known;
    const making = this.look(choice).finally(() => this.making.delete(choice));
    this.making.set(choice, making);
    return making;
  }

  private async look(choice: FilterChoice): Promise<Overview> {
    const { devices, counters, actionCounters, cpus, calm } = this.parts;
    this.countPeers();
    await devices.refreshCounters();
    const slices = new Slices(calm);
    await slices.pause();
    const { filters, others } = await surveyFilters(this.hooks(), actionCounters, choice, OVERVIEW_FILTERS, slices);
    const peers = await this.peers(slices);
    const shown = [...devices.registry.list(), ...devices.hostPorts.list()];
    const { user, system } = process.cpuUsage();
    return {
      version: 1,
      time: Date.now(),
      strictPeers: devices.strictPeers !== undefined,
      uptime: (performance.now() - this.began) / 1000,
      devices: this.devices(),
      filters,
      others,
      drops: dropRows(shown, counters, { reasons: devices.reasons }).map(({ device, reason, verdict, count }) => ({
        device,
        reason,
        verdict,
        count,
      })),
      peers,
      workers: workersOf(counters, cpus()),
      process: {
        started: performance.timeOrigin,
        cpuSeconds: (user + system) / 1e6,
        residentBytes: process.memoryUsage.rss(),
        heapBytes: process.memoryUsage().heapUsed,
        descriptors: entriesOf('/proc/self/fd'),
      },
    };
  }

  close(): void {
    clearTimeout(this.forget);
  }

  private countPeers(): void {
    if (!this.isCounting) {
      this.isCounting = true;
      this.wantPeers(++this.generation);
    }
    clearTimeout(this.forget);
    if (this.keeps) return;
    this.forget = setTimeout(() => {
      this.isCounting = false;
      this.wantPeers(0);
    }, FORGET_PEERS_MS);
    this.forget.unref();
  }

  private wantPeers(generation: number): void {
    for (const { peers } of this.parts.counters) peers.want(generation);
  }

  private devices(): OverviewDevice[] {
    return this.parts.devices.links.states().map(({ name, flags, details, statistics: s }) => ({
      name,
      kind: details.kind,
      up: flags.includes('UP'),
      rx: { packets: s.rxPackets, bytes: s.rxBytes, errors: s.rxErrors, dropped: s.rxDropped },
      tx: { packets: s.txPackets, bytes: s.txBytes, errors: s.txErrors, dropped: s.txDropped },
    }));
  }

  private async peers(slices: Slices): Promise<OverviewPeer[]> {
    const { registry } = this.parts.devices;
    const found = new Map<string, OverviewPeer>();
    for (const { peers } of this.parts.counters) {
      for (const { device, vni, family, address, counts } of peers.eachRow()) {
        if (slices.isOver) await slices.pause();
        const name = device < 0 ? '' : registry.get(device)?.name;
        if (name === undefined) continue;
        const peer = device < 0 ? 'other' : formatIp(bytesOf(address, family));
        const key = `${name} ${vni} ${peer}`;
        const before = found.get(key);
        const of = (counter: number, there = 0): number => there + (counts[counter] ?? 0);
        found.set(key, {
          device: name,
          vni,
          peer,
          rx: {
            packets: of(PeerCounter.RX_PACKETS, before?.rx.packets),
            bytes: of(PeerCounter.RX_BYTES, before?.rx.bytes),
          },
          tx: {
            packets: of(PeerCounter.TX_PACKETS, before?.tx.packets),
            bytes: of(PeerCounter.TX_BYTES, before?.tx.bytes),
          },
        });
      }
    }
    return [...found.values()];
  }

  private *hooks(): Generator<SurveyedHook> {
    const { rules, devices } = this.parts;
    for (const { device } of rules.qdiscsInOrder()) {
      for (const [hook, block] of rules.blocks(device)) {
        const dev = devices.registry.get(device)?.name;
        if (dev !== undefined) yield { dev, parent: hook === 'egress' ? 'egress' : 'ingress', block };
      }
    }
  }
}

function bytesOf(words: Int32Array, family: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(family === 6 ? 16 : 4));
  for (let at = 0; at < bytes.byteLength; at += 4) bytes.setInt32(at, words[at / 4] ?? 0);
  return new Uint8Array(bytes.buffer);
}

function workersOf(counters: readonly Counters[], cpus: readonly number[]): OverviewWorker[] {
  const seconds = workerSeconds();
  return workerRows(counters, cpus).map((row) => {
    const set = counters[row.worker] as Counters;
    const sizes = (histogram: number): number[] =>
      Array.from({ length: SIZE_BUCKETS }, (_, bucket) => set.sizeValue(histogram, bucket));
    const cpuSeconds = seconds.get(row.worker);
    return {
      ...row,
      ...(cpuSeconds !== undefined && { cpuSeconds }),
      batches: sizes(SizeHistogram.RECEIVE_BATCH),
      written: sizes(SizeHistogram.WRITTEN_SEGMENTS),
      sent: sizes(SizeHistogram.SENT_SEGMENTS),
      writes: set.workValue(WorkCounter.TAP_WRITES),
      sentMessages: set.workValue(WorkCounter.SENT_MESSAGES),
    };
  });
}

/** Seconds of processor time by worker, from the threads' names (dataplane/this-thread.ts); nothing where /proc does not tell. */
function workerSeconds(): Map<number, number> {
  const found = new Map<number, number>();
  for (const task of namesIn('/proc/self/task')) {
    try {
      const folder = `/proc/self/task/${task}`;
      const worker = /^vtep-worker(\d+)$/.exec(readFileSync(`${folder}/comm`, 'latin1').trimEnd())?.[1];
      // The first field is nanoseconds on a processor (Documentation/scheduler/sched-stats.rst).
      if (worker !== undefined)
        found.set(Number(worker), Number.parseInt(readFileSync(`${folder}/schedstat`, 'latin1'), 10) / 1e9);
    } catch {
      // It ended meanwhile, or the kernel keeps no such figures.
    }
  }
  return found;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function entriesOf(folder: string): number {
  return namesIn(folder).length;
}
