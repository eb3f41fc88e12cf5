/**
 * One run of one row at one endpoint. Every endpoint has two hosts of its own for each link mode, which stay up for
 * the whole benchmark; only one of them has work at a time.
 */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Daemon } from '../test/netns/daemon.js';
import { type Background, run } from '../test/netns/process.js';
import { INNER, MAC_A, MAC_B, Topology } from '../test/netns/topology.js';
import { iperf } from '../test/netns/traffic.js';
import type { Sample } from './compare.js';
import type { Endpoint, EndpointKind } from './endpoints/endpoint.js';
import { startNaive } from './endpoints/naive.js';
import { startOvs } from './endpoints/ovs.js';
import {
  type Direction,
  IDLE_SECONDS,
  type Mode,
  type PingWork,
  type Row,
  type TcpWork,
  type UdpWork,
} from './rows.js';
import { deliveredTo, machineSeconds, processSeconds, udpChecksumErrors } from './traffic/counts.js';
import type { Addresses, FlowOptions } from './traffic/frames.js';
import type { PingTimes } from './traffic/round-trips.js';

/** UDP port of the sink. */
const PORT = 7000;
/** Seconds between the first datagram and the first count, and what the generator goes on after the last count. */
const LEAD = 0.3;
const TAIL = 0.2;

/** The words that start a program of bench/traffic. */
export function program(name: string, ...args: readonly string[]): string[] {
  return [process.execPath, fileURLToPath(new URL(`./traffic/${name}.js`, import.meta.url)), ...args];
}

/** What `vtep run` is given beside its batch. */
const vtepOptions = {
  vtep: [],
  'vtep-workers': ['--workers', '2'],
  'vtep-tunnel-gso': ['--tunnel-gso'],
  'vtep-workers-gso': ['--workers', '2', '--tunnel-gso'],
};

async function startEndpoint(kind: EndpointKind, topology: Topology): Promise<Endpoint> {
  switch (kind) {
    case 'kernel':
      return { dev: topology.dev, processes: [] };
    case 'vtep':
    case 'vtep-workers':
    case 'vtep-tunnel-gso':
    case 'vtep-workers-gso':
      return {
        dev: topology.dev,
        processes: [(await Daemon.start(topology, topology.batch, vtepOptions[kind])).process],
      };
    case 'ovs':
      return startOvs(topology);
    case 'naive':
      return startNaive(topology);
  }
}

/** Two hosts: a kernel VXLAN device on A, the endpoint on B. */
export class Site {
  readonly kind: EndpointKind;
  readonly #topology: Topology;
  readonly #endpoint: Endpoint;
  /** Rejects when a process of the endpoint ends. */
  readonly #ended: Promise<never>;
  readonly #sinks = new Map<Direction, Background>();

  private constructor(kind: EndpointKind, topology: Topology, endpoint: Endpoint) {
    this.kind = kind;
    this.#topology = topology;
    this.#endpoint = endpoint;
    this.#ended = new Promise((_, reject) => {
      for (const { exited } of endpoint.processes) {
        void exited.then(({ code, signal, stderr }) => {
          const last = stderr.trim().split('\n').slice(-5).join('\n');
          reject(new Error(`${kind} has ended (${signal ?? code}): ${last}`));
        });
      }
    });
    this.#ended.catch(() => {}); // only those who wait for it need to know
  }

  get variant(): string | undefined {
    return this.#endpoint.variant;
  }

  static async up(kind: EndpointKind, mode: Mode): Promise<Site> {
    const topology = await Topology.up({ mode, endpoint: kind === 'kernel' ? 'kernel' : 'none' });
    try {
      return new Site(kind, topology, await startEndpoint(kind, topology));
    } catch (error) {
      await topology.down();
      throw error;
    }
  }

  async down(): Promise<void> {
    await Promise.all(this.#endpoint.processes.map((process) => process.stop()));
    await this.#topology.down();
  }

  /**
   * Rejects where the endpoint carries nothing, and at once where it has ended: what is then still on its way finds no
   * tunnel and ends by its own deadline. `seconds` is the length of a TCP or UDP run.
   */
  async measure({ work }: Row, seconds: number): Promise<Sample> {
    switch (work.kind) {
      case 'tcp':
        return Promise.race([this.#stream(work, seconds), this.#ended]);
      case 'udp':
        return Promise.race([this.#datagrams(work, seconds), this.#ended]);
      case 'ping':
        return Promise.race([this.#roundTrips(work), this.#ended]);
      case 'idle':
        return Promise.race([this.#idle(), this.#ended]);
    }
  }

  /** CPU seconds of the endpoint's processes. */
  #processSeconds(): number {
    return this.#endpoint.processes.reduce((sum, { child }) => sum + processSeconds(child.pid ?? 0), 0);
  }

  async #stream({ direction, streams }: TcpWork, seconds: number): Promise<Sample> {
    const { a, b } = this.#topology;
    const before = [this.#processSeconds(), machineSeconds()] as const;
    const options = { seconds, parallel: streams };
    const { bitsPerSecond, bytes, retransmits } = await (direction === 'receive'
      ? iperf(a, b, INNER[4].b, options)
      : iperf(b, a, INNER[4].a, options));
    if (!(bitsPerSecond > 0)) throw new Error('iperf3 carried nothing');
    const gigabytes = bytes / 1e9;
    const own = (this.#processSeconds() - before[0]) / gigabytes;
    const details = {
      retransmits,
      machineSecondsPerGigabyte: (machineSeconds() - before[1]) / gigabytes,
      ...(this.#endpoint.processes.length > 0 ? { processSecondsPerGigabyte: own } : {}),
    };
    return { value: bitsPerSecond / 1e9, details };
  }

  /** The process of the sink on the host that datagrams in that direction go to. */
  async #sink(direction: Direction): Promise<number> {
    const { a, b } = this.#topology;
    const [host, address] = direction === 'receive' ? [b, INNER[4].b] : [a, INNER[4].a];
    const standing = this.#sinks.get(direction);
    const sink = standing ?? host.start(program('sink', address, String(PORT)));
    this.#sinks.set(direction, sink);
    await sink.waitFor(/^listening/m);
    return sink.child.pid ?? 0;
  }

  async #flowOptions(direction: Direction, size: number): Promise<FlowOptions> {
    const { a, b, outer } = this.#topology;
    const down = { sourceMac: MAC_A, destinationMac: MAC_B, source: INNER[4].a, destination: INNER[4].b };
    if (direction === 'transmit') {
      const inner = { sourceMac: MAC_B, destinationMac: MAC_A, source: INNER[4].b, destination: INNER[4].a };
      return { inner, vni: 4, port: PORT, size };
    }
    const macs = await Promise.all([a.do('cat /sys/class/net/va/address'), b.do('cat /sys/class/net/vb/address')]);
    const [sourceMac = '', destinationMac = ''] = macs.map((text) => text.trim());
    const underlay: Addresses = { sourceMac, destinationMac, source: outer.a, destination: outer.b };
    return { inner: down, outer: underlay, vni: 4, port: PORT, size };
  }

  async #datagrams({ direction, size, flows }: UdpWork, seconds: number): Promise<Sample> {
    const { a, b } = this.#topology;
    const sink = await this.#sink(direction);
    const options = JSON.stringify(await this.#flowOptions(direction, size));
    const [from, dev] = direction === 'receive' ? [a, 'va'] : [b, this.#endpoint.dev];
    const length = String(LEAD + seconds + TAIL);
    const generator = from.start(program('generate', dev, length, String(flows), options));
    await generator.waitFor(/^sending/m);
    const look = () => ({
      delivered: deliveredTo(PORT, readFileSync(`/proc/${sink}/net/udp`, 'utf8')),
      damaged: udpChecksumErrors(readFileSync(`/proc/${sink}/net/snmp`, 'utf8')),
      cpu: this.#processSeconds(),
      now: performance.now(),
    });
    await setTimeout(LEAD * 1000);
    const before = look();
    await setTimeout(seconds * 1000);
    const after = look();
    const { stdout, stderr } = await generator.exited;
    const report = /^\{.*\}$/m.exec(stdout)?.[0];
    if (report === undefined) throw new Error(`the generator said: ${stdout}${stderr}`);
    const offered = JSON.parse(report) as { sent: number; seconds: number };
    const delivered = after.delivered - before.delivered;
    if (delivered < 1) throw new Error('no datagram arrived');
    if (after.damaged > before.damaged) throw new Error(`${after.damaged - before.damaged} datagrams came damaged`);
    const own = ((after.cpu - before.cpu) / delivered) * 1e6;
    const details = {
      offeredKpps: offered.sent / offered.seconds / 1000,
      ...(this.#endpoint.processes.length > 0 ? { processMicrosecondsPerPacket: own } : {}),
    };
    return { value: delivered / (after.now - before.now), details };
  }

  async #roundTrips({ count, interval }: PingWork): Promise<Sample> {
    const { a } = this.#topology;
    const words = a.argv(program('ping', INNER[4].b, String(count), String(interval)));
    const { code, stdout, stderr } = await run(words, { deadlineMs: 60_000 });
    if (code !== 0) throw new Error(`the pinger said: ${stdout}${stderr}`);
    const { sent, received, average, p50, p90, p99, max } = JSON.parse(stdout) as PingTimes;
    if (received < sent * 0.99) throw new Error(`${sent - received} of ${sent} pings were lost`);
    return { value: average, details: { p50, p90, p99, max } };
  }

  async #idle(): Promise<Sample> {
    await setTimeout(500); // what the row before has left to do
    const before = { cpu: this.#processSeconds(), now: performance.now() };
    await setTimeout((IDLE_SECONDS - 0.5) * 1000);
    const after = { cpu: this.#processSeconds(), now: performance.now() };
    return { value: ((after.cpu - before.cpu) / ((after.now - before.now) / 1000)) * 100 };
  }
}
