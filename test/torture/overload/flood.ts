/** Floods, and what has become of them. */
import { fileURLToPath } from 'node:url';
import type { Daemon, DropCount } from '../../netns/daemon.js';
import { type Background, until } from '../../netns/process.js';
import type { Host } from '../../netns/topology.js';
import { linkStatistic } from '../../netns/traffic.js';
import { SINK_PORT } from './frames.js';
import type { FloodResult, FrameVariation } from './tools/flood-frames.js';

function tool(name: string, ...args: readonly string[]): string[] {
  return [process.execPath, fileURLToPath(new URL(`./tools/${name}.js`, import.meta.url)), ...args];
}

export interface FloodOptions {
  readonly seconds: number;
  /** Frames at most; 0: no matter. */
  readonly frames?: number;
  readonly vary?: FrameVariation;
  /** Frames a second at most; 0: no matter. */
  readonly rate?: number;
}

const NO_VARIATION: FrameVariation = { at: 0, bytes: 0, first: 0, count: 1, every: 1 };

/** Sends frames (hex) on a device of a host; resolves at the flood's end. */
export async function flood(
  host: Host,
  device: string,
  frames: readonly string[],
  { seconds, frames: most = 0, vary = NO_VARIATION, rate = 0 }: FloodOptions,
): Promise<FloodResult> {
  const process = host.start(tool('flood-frames', device, String(seconds), String(most), String(rate)));
  process.child.stdin?.end(`${JSON.stringify(vary)}\n${frames.join('\n')}\n`);
  return resultOf(process.exited);
}

/** Sends UDP super-frames of `segments` datagrams of `size` bytes. */
export async function floodSegments(
  host: Host,
  address: string,
  size: number,
  segments: number,
  seconds: number,
): Promise<FloodResult> {
  const words = [address, String(SINK_PORT), String(size), String(segments), String(seconds)];
  return resultOf(host.start(tool('flood-segments', ...words)).exited);
}

async function resultOf(
  exited: Promise<{ code: number | null; stdout: string; stderr: string }>,
): Promise<FloodResult> {
  const { code, stdout, stderr } = await exited;
  if (code !== 0) throw new Error(`the flood: exit ${code}\n${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as FloodResult;
}

/** A socket that counts the datagrams that reach it, and reads none (bench/traffic/sink.ts). */
export class Sink {
  private readonly host: Host;
  private readonly process: Background;

  private constructor(host: Host, process: Background) {
    this.host = host;
    this.process = process;
  }

  static async on(host: Host, address: string): Promise<Sink> {
    const program = fileURLToPath(new URL('../../../bench/traffic/sink.js', import.meta.url));
    const sink = host.start([process.execPath, program, address, String(SINK_PORT)]);
    await sink.waitFor(/listening/);
    return new Sink(host, sink);
  }

  async count(): Promise<number> {
    const port = SINK_PORT.toString(16).toUpperCase();
    const line = (await this.host.do('cat /proc/net/udp')).split('\n').find((each) => each.includes(`:${port} `));
    if (line === undefined) throw new Error('the sink has gone');
    return Number(line.trim().split(/\s+/).at(-1));
  }

  async close(): Promise<void> {
    await this.process.stop();
  }
}

/** Every count of a daemon by `device reason`, those of frames that are not lost too; what is above `before`'s. */
export class Drops {
  private readonly daemon: Daemon;
  private before = new Map<string, number>();

  constructor(daemon: Daemon) {
    this.daemon = daemon;
  }

  /** Counts from now on. */
  async reset(): Promise<void> {
    this.before = new Map((await this.rows()).map(({ device, reason, count }) => [`${device} ${reason}`, count]));
  }

  async rows(): Promise<DropCount[]> {
    return JSON.parse(await this.daemon.do('drops --json')) as DropCount[];
  }

  /** What was counted since `reset`, more than nothing. */
  async since(): Promise<DropCount[]> {
    const rows = await this.rows();
    return rows
      .map((row) => ({ ...row, count: row.count - (this.before.get(`${row.device} ${row.reason}`) ?? 0) }))
      .filter(({ count }) => count > 0);
  }
}

/** Resolves when what a host has received and sent on a device has stopped changing. */
export async function settled(host: Host, device: string): Promise<void> {
  let last = -1;
  let same = 0;
  await until(
    async () => {
      const now = (await linkStatistic(host, device, 'rx_packets')) + (await linkStatistic(host, device, 'tx_packets'));
      same = now === last ? same + 1 : 0;
      last = now;
      return same >= 3;
    },
    `${device} comes to rest`,
    60_000,
  );
}
