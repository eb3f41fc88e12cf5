/**
 * A soak: mixed traffic below capacity while everything about the endpoint changes, and whether it stays what it was:
 * nothing lost, memory and descriptors flat, counters that only grow, a control socket that answers.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Daemon } from '../netns/daemon.js';
import { Topology, VTEP } from '../netns/topology.js';
import type { Figure } from '../torture/scenario.js';
import { Changes } from './changes.js';
import { openPeers, SoakTraffic, soakBatch } from './traffic.js';
import { floorsOf, type Sample, type Trend, trendOf } from './trend.js';

export interface SoakOptions {
  readonly seconds: number;
  /** Datagrams a second, each way. */
  readonly rate: number;
  /** Bits a second of each TCP stream, in iperf3's words. */
  readonly stream: string;
  readonly say: (what: string) => void;
}

const MIB = 2 ** 20;
/** The share of the time in which memory may still come to its size. */
const WARM_UP = 0.4;
/**
 * What the line through the floors may grow by behind that, and in a minute, where it was measured for so long. In less
 * than a minute Node.js itself has not come to its size: then there is only the bound below.
 */
const MOST_GROWTH = { rss: 32 * MIB, heap: 24 * MIB };
const MOST_A_MINUTE = { rss: 2 * MIB, heap: 2 * MIB };
const SHORT_SECONDS = 60;
const LONG_SECONDS = 180;
/** Whatever the trend. */
const MOST_RSS = 600 * MIB;
/** Monitors and requests that are on at the moment. */
const MOST_DESCRIPTORS = 8;

interface Watched {
  readonly rss: Sample[];
  readonly heap: Sample[];
  readonly descriptors: Sample[];
}

/** Every number of it, by its path. */
function numbersOf(value: unknown, path = ''): Map<string, number> {
  if (typeof value === 'number') return new Map([[path, value]]);
  if (typeof value !== 'object' || value === null) return new Map();
  return new Map(Object.entries(value).flatMap(([name, each]) => [...numbersOf(each, `${path}.${name}`)]));
}

class Watch {
  readonly watched: Watched = { rss: [], heap: [], descriptors: [] };
  private readonly pid: number;
  private readonly changes: Changes;
  private before = new Map<string, number>();

  constructor(pid: number, changes: Changes) {
    this.pid = pid;
    this.changes = changes;
  }

  async look(at: number): Promise<void> {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
    const { heap } = JSON.parse(await this.changes.ask('health', 'health')) as { heap: number };
    this.watched.rss.push({ at, value: rss });
    this.watched.heap.push({ at, value: heap });
    this.watched.descriptors.push({ at, value: readdirSync(`/proc/${this.pid}/fd`).length });
    const workers = JSON.parse(await this.changes.ask('workers', 'workers', '--json')) as object[];
    const drops = JSON.parse(await this.changes.ask('drops', 'drops', '--json')) as {
      device: string;
      reason: string;
      count: number;
    }[];
    const counted = Object.fromEntries(drops.map(({ device, reason, count }) => [`${device} ${reason}`, count]));
    const now = numbersOf({ workers, counted });
    for (const [name, value] of this.before) {
      const after = now.get(name) ?? 0;
      if (after < value) throw new Error(`a counter went back: ${name} from ${value} to ${after}`);
    }
    this.before = now;
    if (rss > MOST_RSS) throw new Error(`${Math.round(rss / MIB)} MiB of memory`);
  }
}

/** Behind the warm-up. */
function settled(
  samples: readonly Sample[],
  seconds: number,
  of: (samples: readonly Sample[]) => readonly Sample[] = (all) => all,
): Trend {
  return trendOf(of(samples.filter(({ at }) => at >= seconds * WARM_UP)));
}

function checkFlat(what: 'rss' | 'heap', samples: readonly Sample[], seconds: number): Trend {
  const trend = settled(samples, seconds, floorsOf);
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
  if (seconds >= SHORT_SECONDS && trend.growth > MOST_GROWTH[what])
    throw new Error(`${what} grew by ${mib(trend.growth)} MiB behind the warm-up`);
  const minute = trend.slope * 60;
  if (seconds >= LONG_SECONDS && minute > MOST_A_MINUTE[what])
    throw new Error(`${what} grows by ${mib(minute)} MiB a minute`);
  return trend;
}

export async function soak({ seconds, rate, stream, say }: SoakOptions): Promise<readonly Figure[]> {
  const topology = await Topology.up();
  try {
    const { b } = topology;
    await openPeers(topology);
    const [file, socket] = [`${b.notes}/soak.batch`, `${b.notes}/soak.sock`];
    writeFileSync(file, `${soakBatch(topology).join('\n')}\n`);
    const process = b.start([VTEP, 'run', '-b', file, '--control', socket, '--state', `${b.notes}/soak.state`]);
    const daemon = await Daemon.of(b, process);
    const changes = new Changes(topology, socket);
    const watch = new Watch(process.child.pid ?? 0, changes);
    const traffic = await SoakTraffic.start(topology, seconds, rate, stream);
    const began = performance.now();
    for (let at = 0; at < seconds; at = (performance.now() - began) / 1000) {
      await changes.round();
      await watch.look(at);
      say(`${Math.round(at)} of ${seconds} s, ${Math.round((watch.watched.rss.at(-1)?.value ?? 0) / MIB)} MiB`);
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (!process.running) throw new Error(`vtep has ended: ${process.stderr}`);
    }
    const { datagrams, streamed } = await traffic.end();
    await watch.look(seconds);
    const lost = datagrams.sent - datagrams.received;
    const drops = JSON.parse(await changes.ask('drops', 'drops', '--json')) as { reason: string; count: number }[];
    const reasons = drops.map(({ reason, count }) => `${reason} ${count}`).join(', ');
    const { sent, late, duplicates } = datagrams;
    if (lost !== 0 || late > 0 || duplicates > 0)
      throw new Error(`of ${sent} datagrams ${lost} lost, ${late} late, ${duplicates} doubled; counted: ${reasons}`);
    const { rss, heap, descriptors } = watch.watched;
    const [memory, objects] = [checkFlat('rss', rss, seconds), checkFlat('heap', heap, seconds)];
    const open = settled(descriptors, seconds);
    if (open.most - open.least > MOST_DESCRIPTORS)
      throw new Error(`between ${open.least} and ${open.most} descriptors were open`);
    const { code, stderr } = await daemon.stop();
    if (code !== 0) throw new Error(`the end's exit code is ${code}: ${stderr}`);
    return [
      { value: sent, what: 'numbered datagrams through three tunnels, both ways' },
      { value: lost, what: 'lost' },
      { value: Math.round(streamed / MIB), what: 'MiB of TCP, both ways' },
      ...[...changes.done].map(([what, value]) => ({ value, what })),
      { value: changes.events, what: 'lines told to monitors' },
      { value: Math.round(changes.slowest), what: 'ms for the slowest answer' },
      { value: (Math.max(...rss.map(({ value }) => value)) / MIB).toFixed(0), what: 'MiB of memory at most' },
      { value: ((memory.slope * 60) / MIB).toFixed(2), what: 'MiB a minute is its trend' },
      { value: ((objects.slope * 60) / MIB).toFixed(2), what: 'MiB a minute is that of the control thread’s heap' },
      { value: `${open.least} … ${open.most}`, what: 'descriptors' },
    ];
  } finally {
    await topology.down();
  }
}
