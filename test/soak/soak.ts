/**
 * A soak: mixed traffic below capacity while everything about the endpoint changes, and whether it stays what it was:
 * nothing lost, memory and descriptors flat, counters that only grow, a control socket that answers.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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
const COLLECTED_HEAP = new URL('./collected-heap.js', import.meta.url).href;
/** The share of the time in which memory may still come to its size. */
const WARM_UP = 0.4;
/**
 * What may grow behind that: in a minute, by a line through the floors of the process and through what its heap holds
 * without garbage, where it was measured long enough for a line; in all, where it was not, for then Node.js itself is
 * still coming to its size (young generation, compiled code), and the forwarding table touches its pages.
 *
 * Measured on 2 cores that others used too, MiB a minute of the process: 0.92 in 5 minutes, 0.41 and 0.79 in 10, 0.34 in
 * 15, 0.15 in 20.5, when it had 142 MiB; of the heap 0.11 and 0.14 in 10, all of it compiled code. With 7 KB kept of each
 * monitor, 0.9 to 1.1 MiB a minute, it was 1.46 and 1.19 in 10 minutes. In 2 minutes the process grew by -2 to 4 MiB, the
 * heap by 0.5.
 */
const MOST_A_MINUTE = { rss: 1.25 * MIB, heap: 0.5 * MIB };
const MOST_GROWTH = { rss: 16 * MIB, heap: 3 * MIB };
const SHORT_SECONDS = 60;
const LONG_SECONDS = 300;
/** How often the heap is weighed, which takes a collection. */
const WEIGHINGS = 20;
const LEAST_BETWEEN_SECONDS = 5;
const WEIGHING_MS = 10_000;
/** Whatever the trend. */
const MOST_RSS = 600 * MIB;
/** Monitors and requests that are on at the moment. */
const MOST_DESCRIPTORS = 8;

interface Watched {
  readonly rss: Sample[];
  /** Of the control thread, without its garbage. */
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
  private readonly heapFile: string;
  private before = new Map<string, number>();

  /** `heapFile`: where the daemon notes what its heap holds (collected-heap.ts). */
  constructor(pid: number, changes: Changes, heapFile: string) {
    this.pid = pid;
    this.changes = changes;
    this.heapFile = heapFile;
  }

  async look(at: number): Promise<void> {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const rss = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
    await this.changes.ask('health', 'health');
    this.watched.rss.push({ at, value: rss });
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

  /** Has the daemon collect its garbage, and notes what is left. */
  async weigh(at: number): Promise<void> {
    const lines = (): string[] => (existsSync(this.heapFile) ? readFileSync(this.heapFile, 'utf8').split('\n') : ['']);
    const before = lines().length;
    const deadline = performance.now() + WEIGHING_MS;
    process.kill(this.pid, 'SIGUSR2');
    while (lines().length === before) {
      if (performance.now() > deadline) throw new Error('the daemon does not say what its heap holds');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.watched.heap.push({ at, value: Number(lines().at(-2)) });
  }
}

/** Behind the warm-up. */
function settled(samples: readonly Sample[], seconds: number): readonly Sample[] {
  return samples.filter(({ at }) => at >= seconds * WARM_UP);
}

function checkFlat(what: 'rss' | 'heap', trend: Trend, seconds: number): Trend {
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
  if (seconds >= SHORT_SECONDS && seconds < LONG_SECONDS && trend.growth > MOST_GROWTH[what])
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
    const heapFile = `${b.notes}/soak.heap`;
    const process = b.start([VTEP, 'run', '-b', file, '--control', socket, '--state', `${b.notes}/soak.state`], {
      env: { NODE_OPTIONS: `--import ${COLLECTED_HEAP}`, SOAK_HEAP: heapFile },
    });
    const daemon = await Daemon.of(b, process);
    const changes = new Changes(topology, socket);
    const watch = new Watch(process.child.pid ?? 0, changes, heapFile);
    const traffic = await SoakTraffic.start(topology, seconds, rate, stream);
    const began = performance.now();
    for (let at = 0; at < seconds; at = (performance.now() - began) / 1000) {
      await changes.round();
      await watch.look(at);
      if (at >= watch.watched.heap.length * Math.max(seconds / WEIGHINGS, LEAST_BETWEEN_SECONDS)) await watch.weigh(at);
      say(`${Math.round(at)} of ${seconds} s, ${Math.round((watch.watched.rss.at(-1)?.value ?? 0) / MIB)} MiB`);
      await new Promise((resolve) => setTimeout(resolve, 200));
      if (!process.running) throw new Error(`vtep has ended: ${process.stderr}`);
    }
    const { datagrams, streamed } = await traffic.end();
    await watch.look(seconds);
    await watch.weigh(seconds);
    const lost = datagrams.sent - datagrams.received;
    const drops = JSON.parse(await changes.ask('drops', 'drops', '--json')) as { reason: string; count: number }[];
    const reasons = drops.map(({ reason, count }) => `${reason} ${count}`).join(', ');
    const { sent, late, duplicates } = datagrams;
    if (lost !== 0 || late > 0 || duplicates > 0)
      throw new Error(`of ${sent} datagrams ${lost} lost, ${late} late, ${duplicates} doubled; counted: ${reasons}`);
    const { rss, heap, descriptors } = watch.watched;
    const memory = checkFlat('rss', trendOf(floorsOf(settled(rss, seconds))), seconds);
    const objects = checkFlat('heap', trendOf(settled(heap, seconds)), seconds);
    const open = trendOf(settled(descriptors, seconds));
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
      { value: (objects.most / MIB).toFixed(1), what: 'MiB of objects at most in the control thread’s heap' },
      { value: ((objects.slope * 60) / MIB).toFixed(2), what: 'MiB a minute is the trend of these' },
      { value: `${open.least} … ${open.most}`, what: 'descriptors' },
    ];
  } finally {
    await topology.down();
  }
}
