/**
 * One run of one row at one endpoint. Every endpoint has two hosts of its own, which stay up for the whole benchmark;
 * only one of them has work at a time.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Daemon } from '../test/netns/daemon.js';
import { INNER, Topology } from '../test/netns/topology.js';
import { iperf, ping } from '../test/netns/traffic.js';
import type { EndpointKind } from './options.js';
import type { Mode, PingWork, Row, TcpWork } from './rows.js';

export interface Sample {
  /** In the row's unit. */
  readonly value: number;
  /** CPU seconds of the endpoint's process per 10⁹ bytes of payload. */
  readonly cpuSecondsPerGigabyte?: number;
  readonly retransmits?: number;
}

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time of all threads of a process: fields 14 and 15 of /proc/PID/stat (proc(5)). */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Two hosts: a kernel VXLAN device on A, the endpoint on B. */
export class Site {
  readonly kind: EndpointKind;
  readonly #topology: Topology;
  readonly #daemon: Daemon | undefined;

  private constructor(kind: EndpointKind, topology: Topology, daemon?: Daemon) {
    this.kind = kind;
    this.#topology = topology;
    this.#daemon = daemon;
  }

  static async up(kind: EndpointKind, mode: Mode): Promise<Site> {
    const topology = await Topology.up({ mode, endpoint: kind === 'kernel' ? 'kernel' : 'none' });
    try {
      return new Site(kind, topology, kind === 'vtep' ? await Daemon.start(topology) : undefined);
    } catch (error) {
      await topology.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    await this.#daemon?.stop();
    await this.#topology.down();
  }

  /**
   * Rejects where the endpoint carries nothing, and at once where it has ended: what is then still on its way finds no
   * tunnel and ends by its own deadline. `seconds` is the length of a TCP run.
   */
  async measure({ work }: Row, seconds: number): Promise<Sample> {
    const measuring = () => (work.kind === 'tcp' ? this.#stream(work, seconds) : this.#roundTrip(work));
    const vtep = this.#daemon?.process;
    if (vtep === undefined) return measuring();
    const ended = vtep.exited.then(({ code, signal, stderr }) => {
      throw new Error(`vtep has ended (${signal ?? code}): ${stderr.trim().split('\n').slice(-5).join('\n')}`);
    });
    return vtep.running ? Promise.race([measuring(), ended]) : ended;
  }

  async #stream({ direction, streams }: TcpWork, seconds: number): Promise<Sample> {
    const { a, b } = this.#topology;
    const pid = this.#daemon?.process.child.pid;
    const before = pid === undefined ? 0 : cpuSeconds(pid);
    const options = { seconds, parallel: streams };
    const { bitsPerSecond, bytes, retransmits } = await (direction === 'receive'
      ? iperf(a, b, INNER[4].b, options)
      : iperf(b, a, INNER[4].a, options));
    if (!(bitsPerSecond > 0)) throw new Error('iperf3 carried nothing');
    const sample = { value: bitsPerSecond / 1e9, retransmits };
    if (pid === undefined) return sample;
    return { ...sample, cpuSecondsPerGigabyte: (cpuSeconds(pid) - before) / (bytes / 1e9) };
  }

  async #roundTrip({ count, interval }: PingWork): Promise<Sample> {
    const pace = interval === undefined ? { flood: true } : { interval };
    const { received, average } = await ping(this.#topology.a, INNER[4].b, { count, ...pace });
    if (received < count * 0.99) throw new Error(`${count - received} of ${count} pings were lost`);
    return { value: average * 1000 };
  }
}
