/**
 * The traffic of a soak: numbered datagrams both ways through three tunnels, and TCP both ways at a bounded rate.
 *
 *   host A (the kernel's vxlan devices)          host B (vtep)
 *   vxlan4  10.4.0.1  VNI 4, port 4789  ◄──────► vxlan0 (external) ── rules ── tap0  10.4.0.2
 *   vx6     10.6.0.1  VNI 6, port 4789  ◄──────► vxlan0 (external) ── rules ── tap6  10.6.0.2
 *   vx5     10.5.0.1  VNI 5, port 4795  ◄──────► vx5 (classic, learning)             10.5.0.2
 */
import type { Background } from '../netns/process.js';
import type { NumberedResult } from '../netns/tools/numbered.js';
import { type Host, INNER, type Topology } from '../netns/topology.js';

const PORT = 7200;
const SIZE = 400;
const MACS = { a5: '02:00:00:00:05:0a', b5: '02:00:00:00:05:0b', a6: '02:00:00:00:06:0a', b6: '02:00:00:00:06:0b' };
const TO_B = [INNER[4].b, '10.5.0.2', '10.6.0.2'];
const TO_A = [INNER[4].a, '10.5.0.1', '10.6.0.1'];

/** What vtep is configured with, beside the topology's own batch. */
export function soakBatch({ outer, batch }: Topology): string[] {
  return [
    ...batch,
    `ip link add vx5 type vxlan id 5 dstport 4795 local ${outer.b} remote ${outer.a} ageing 30`,
    `ip link set vx5 address ${MACS.b5} up`,
    'ip addr add 10.5.0.2/24 dev vx5',
    `ip neigh replace 10.5.0.1 lladdr ${MACS.a5} dev vx5 nud permanent`,
    'ip tuntap add dev tap6 mode tap',
    `ip link set tap6 address ${MACS.b6} mtu 1450 up`,
    'ip addr add 10.6.0.2/24 dev tap6',
    `ip neigh replace 10.6.0.1 lladdr ${MACS.a6} dev tap6 nud permanent`,
    'tc filter add dev vxlan0 ingress protocol all pref 20 flower enc_key_id 6 action tunnel_key unset action mirred egress redirect dev tap6',
    'tc qdisc add dev tap6 ingress',
    `tc filter add dev tap6 ingress protocol all pref 1 flower action tunnel_key set id 6 src_ip ${outer.b} dst_ip ${outer.a} dst_port 4789 action mirred egress redirect dev vxlan0`,
  ];
}

/** Host A's further tunnels. */
export async function openPeers({ a, outer }: Topology): Promise<void> {
  for (const [n, port, own, other] of [
    [5, 4795, MACS.a5, MACS.b5],
    [6, 4789, MACS.a6, MACS.b6],
  ] as const) {
    await a.do(`ip link add vx${n} type vxlan id ${n} dstport ${port} local ${outer.a} remote ${outer.b}`);
    await a.do(`ip link set vx${n} address ${own} up`);
    await a.do(`ip addr add 10.${n}.0.1/24 dev vx${n}`);
    await a.do(`ip neigh replace 10.${n}.0.2 lladdr ${other} dev vx${n} nud permanent`);
  }
}

/** A frame of its own EtherType from an address that moves, for a table to learn. */
export function strangerFrame(n: number): string {
  const source = `0200005a${(n & 0xffff).toString(16).padStart(4, '0')}`;
  return `${MACS.b5.replaceAll(':', '')}${source}88b5${'00'.repeat(46)}`;
}

export interface Delivered {
  readonly sent: number;
  readonly received: number;
  readonly late: number;
  readonly duplicates: number;
}

interface Direction {
  readonly sender: Background;
  readonly receiver: Background;
}

interface TcpReport {
  readonly error?: string;
  readonly end?: { readonly sum_received?: { readonly bytes: number } };
}

export class SoakTraffic {
  private readonly directions: readonly Direction[];
  private readonly streams: readonly Background[];

  private constructor(directions: readonly Direction[], streams: readonly Background[]) {
    this.directions = directions;
    this.streams = streams;
  }

  /** `rate`: datagrams a second each way; TCP has as many bits a second as `stream` says, in iperf3's words. */
  static async start({ a, b }: Topology, seconds: number, rate: number, stream: string): Promise<SoakTraffic> {
    const direction = async (from: Host, to: Host, addresses: readonly string[]): Promise<Direction> => {
      const targets = addresses.map((address, n) => `${address}:${PORT + n}`);
      const receiver = to.start(to.tool('numbered', 'receive', ...targets));
      await receiver.waitFor(/listening/);
      const words = [`${rate}`, `${SIZE}`, `${seconds + 3600}`, ...targets];
      const sender = from.start(from.tool('numbered', 'send', ...words));
      await sender.waitFor(/sending/);
      return { sender, receiver };
    };
    const streams: Background[] = [];
    for (const [n, way] of [[], ['-R']].entries()) {
      const port = ['-p', `${5300 + n}`];
      const server = b.start(['iperf3', '-s', '-1', '-i', '0', '--forceflush', ...port]);
      await server.waitFor(/Server listening/);
      const words = ['-c', INNER[4].b, '-J', '-i', '0', '-b', stream, '-t', `${seconds}`, ...port, ...way];
      streams.push(a.start(['iperf3', ...words]));
    }
    return new SoakTraffic([await direction(a, b, TO_B), await direction(b, a, TO_A)], streams);
  }

  /** Ends the datagrams, and waits for what is on its way. */
  async end(): Promise<{ datagrams: Delivered; streamed: number }> {
    let streamed = 0;
    for (const stream of this.streams) {
      const { stdout, stderr } = await stream.exited;
      const report = JSON.parse(stdout) as TcpReport;
      const bytes = report.end?.sum_received?.bytes ?? 0;
      if (report.error !== undefined || bytes === 0) throw new Error(`a TCP stream broke: ${report.error ?? stderr}`);
      streamed += bytes;
    }
    const sum = { sent: 0, received: 0, late: 0, duplicates: 0 };
    for (const { sender, receiver } of this.directions) {
      sender.child.stdin?.end();
      const { sent } = lastLine<{ sent: number }>((await sender.exited).stdout);
      const { distinct, received, late } = await arrived(receiver, sent);
      sum.sent += sent;
      sum.received += distinct;
      sum.late += late;
      sum.duplicates += received - distinct;
    }
    return { datagrams: sum, streamed };
  }
}

/** The receiver's result, as soon as it has all of them, or no more come. */
async function arrived(receiver: Background, sent: number): Promise<NumberedResult> {
  const deadline = Date.now() + 5000;
  for (let asked = 1; ; asked++) {
    receiver.child.kill('SIGUSR1');
    while (receiver.stdout.split('\n').length < asked + 2) await new Promise((resolve) => setTimeout(resolve, 10));
    const now = lastLine<NumberedResult>(receiver.stdout);
    if (now.distinct >= sent || Date.now() > deadline) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  receiver.child.stdin?.end();
  return lastLine<NumberedResult>((await receiver.exited).stdout);
}

function lastLine<T>(text: string): T {
  return JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as T;
}
