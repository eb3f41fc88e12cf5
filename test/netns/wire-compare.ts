/**
 * The kernel's vxlan device and vtep side by side: the same options, the same frames, and what appears on the wire.
 *
 * Host B of the topology is the endpoint, first with a kernel device `vxlan0` (VNI 7), then with a vtep whose tap0
 * goes into the tunnel of an external device, then with a classic device of the kernel's words. Frames are put into the device as the host's stack would hand them over, and host A's end
 * of the veth pair is watched. A's own VXLAN device does not know VNI 7 and drops what comes.
 */
import type { ExecutionContext } from 'ava';
import { parseIp } from '../../src/iproute/address.js';
import { type Arriving, arriving } from './arriving.js';
import { Daemon } from './daemon.js';
import { experimental } from './inner-frames.js';
import { type Captured, vxlanDatagrams } from './outer-header.js';
import type { Background } from './process.js';
import type { Host, Topology } from './topology.js';

export interface WireRow {
  readonly title: string;
  /** Options of both devices, beside addresses, VNI and port; a kernel device gets them in classic mode. */
  readonly options?: string;
  /** Where one of both needs other words: instead of `options`. */
  readonly kernel?: string;
  readonly vtep?: string;
  /** Words of tunnel_key set that vtep's rule has more. */
  readonly set?: string;
  /** Set before frames are sent (both). */
  readonly mtu?: number;
  /** Inner frames, in hex. */
  readonly frames: readonly string[];
  /** How many of them do not appear on the wire. Default: none. */
  readonly lost?: number;
  /** Source ports that may appear, the upper bound exclusive. Default: the host's ip_local_port_range. */
  readonly ports?: readonly [number, number];
}

export const VNI = 7;
export const PORT = 4789;

/** Frames that come in at a device from now on. */
class Capture {
  private readonly process: Background;

  private constructor(process: Background) {
    this.process = process;
  }

  static async start(host: Host, device: string): Promise<Capture> {
    const process = host.start(host.tool('raw-frames', 'capture', device));
    await process.waitFor(/capturing/);
    return new Capture(process);
  }

  get lines(): string[] {
    return this.process.stdout.split('\n').slice(0, -1);
  }

  /** Until a frame that ends so has been seen. */
  async seen(tail: string): Promise<void> {
    await this.process.waitFor(new RegExp(`${tail}\\n`), 10_000);
  }

  async stop(): Promise<string[]> {
    await this.process.stop('SIGTERM');
    return this.lines;
  }
}

let markers = 0;

/** Sends frames out of a device of `from` and gives what came in at `device` of `to` for them. */
async function passing(
  from: Host,
  out: string,
  to: Host,
  device: string,
  frames: readonly string[],
  wrap: (marker: string) => string = (marker) => marker,
): Promise<string[]> {
  const capture = await Capture.start(to, device);
  await from.do(from.tool('raw-frames', 'inject', out), `${frames.join('\n')}\n`);
  // Source ports are queues of their own: a batch that holds the first marker is over when the second one is seen.
  for (let n = 0; n < 2; n++) {
    const marker = experimental(++markers);
    await from.do(from.tool('raw-frames', 'inject', out), `${wrap(marker)}\n`);
    await capture.seen(marker);
  }
  return (await capture.stop()).filter((line) => !line.slice(-120).includes('88b500000000'));
}

async function sent(topology: Topology, device: string, frames: readonly string[]): Promise<Captured[]> {
  return vxlanDatagrams(await passing(topology.b, device, topology.a, 'va', frames), PORT);
}

function addresses({ outer }: Topology): string {
  return `remote ${outer.a} local ${outer.b}`;
}

async function fromKernel(topology: Topology, row: WireRow): Promise<Captured[]> {
  const { b } = topology;
  const options = row.kernel ?? row.options ?? '';
  await b.do(`ip link add vxlan0 type vxlan id ${VNI} ${addresses(topology)} dstport ${PORT} nolearning ${options}`);
  try {
    await b.do(`ip link set vxlan0 ${row.mtu === undefined ? '' : `mtu ${row.mtu}`} up`);
    return await sent(topology, 'vxlan0', row.frames);
  } finally {
    await b.do('ip link del vxlan0');
  }
}

async function fromVtep(topology: Topology, row: WireRow): Promise<Captured[]> {
  const { outer } = topology;
  const options = row.vtep ?? row.options ?? '';
  const mtu = row.mtu === undefined ? '' : `mtu ${row.mtu}`;
  const daemon = await Daemon.start(topology, [
    `ip link add vxlan0 type vxlan external local ${outer.b} dstport ${PORT} ${options}`,
    'ip link add tap0 type tap',
    `ip link set vxlan0 ${mtu} up`,
    `ip link set tap0 ${mtu} up`,
    'tc qdisc add dev tap0 ingress',
    `tc filter add dev tap0 ingress protocol all flower action tunnel_key set src_ip ${outer.b} dst_ip ${outer.a} id ${VNI} ${row.set ?? ''} action mirred egress redirect dev vxlan0`,
  ]);
  try {
    return await sent(topology, 'tap0', row.frames);
  } finally {
    await daemon.stop();
  }
}

/** What a row of the receive side adds to a datagram for VNI 7 of the endpoint. */
export type ArrivingDatagram = Partial<Arriving> & Pick<Arriving, 'inner'>;

export interface ReceiveRow {
  readonly title: string;
  readonly options?: string;
  readonly kernel?: string;
  readonly vtep?: string;
  readonly datagrams: readonly ArrivingDatagram[];
  /** How many of them do not come out. Default: none. */
  readonly lost?: number;
}

interface Received {
  /** Inner frames that came out at vxlan0, in hex. */
  readonly frames: readonly string[];
  readonly errors: number;
  readonly frameErrors: number;
  readonly lengthErrors: number;
}

async function macOf(host: Host, device: string): Promise<string> {
  const [link] = JSON.parse(await host.do(`ip -j link show dev ${device}`)) as { address: string }[];
  return link?.address ?? '';
}

interface LinkCounters {
  readonly stats64: { readonly rx: { errors: number; length_errors: number; frame_errors: number } };
}

async function received(
  topology: Topology,
  datagrams: readonly ArrivingDatagram[],
  show: (line: string) => Promise<string>,
): Promise<Received> {
  const { a, b, outer } = topology;
  const [source, destination] = [parseIp(outer.a), parseIp(outer.b)];
  if (source === undefined || destination === undefined) throw new Error('the topology has no addresses');
  const common = { source, destination, fromMac: await macOf(a, 'va'), toMac: await macOf(b, 'vb') };
  const whole = (datagram: ArrivingDatagram): string =>
    arriving({ ...common, port: PORT, last: VNI * 256, ...datagram });
  const frames = await passing(a, 'va', b, 'vxlan0', datagrams.map(whole), (marker) => whole({ inner: marker }));
  const [link] = JSON.parse(await show('ip -s -s -j link show dev vxlan0')) as LinkCounters[];
  if (link === undefined) throw new Error('there is no vxlan0');
  const { errors, length_errors, frame_errors } = link.stats64.rx;
  return { frames, errors, frameErrors: frame_errors, lengthErrors: length_errors };
}

/** Runs a row of the receive side on both and compares what came out. */
export async function compareReceived(t: ExecutionContext, topology: Topology, row: ReceiveRow): Promise<void> {
  const { b, outer } = topology;
  const { title, datagrams, lost = 0 } = row;
  const kernelOptions = row.kernel ?? row.options ?? '';
  await b.do(
    `ip link add vxlan0 type vxlan id ${VNI} ${addresses(topology)} dstport ${PORT} nolearning ${kernelOptions}`,
  );
  let kernel: Received;
  try {
    await b.do('ip link set vxlan0 up');
    kernel = await received(topology, datagrams, (line) => b.do(line));
  } finally {
    await b.do('ip link del vxlan0');
  }
  const daemon = await Daemon.start(topology, [
    `ip link add vxlan0 type vxlan external local ${outer.b} dstport ${PORT} ${row.vtep ?? row.options ?? ''}`,
    'ip link set vxlan0 up',
  ]);
  let vtep: Received;
  try {
    vtep = await received(topology, datagrams, (line) => daemon.do(line));
  } finally {
    await daemon.stop();
  }
  t.is(kernel.frames.length, datagrams.length - lost, `${title}: the kernel's`);
  t.deepEqual(vtep, kernel, title);
}

/** A classic device, of the very words that the kernel's has. */
async function fromClassic(topology: Topology, row: WireRow): Promise<Captured[]> {
  const options = row.kernel ?? row.options ?? '';
  const mtu = row.mtu === undefined ? '' : `mtu ${row.mtu}`;
  const daemon = await Daemon.start(topology, [
    `ip link add vxlan0 type vxlan id ${VNI} ${addresses(topology)} dstport ${PORT} nolearning ${options}`,
    `ip link set vxlan0 ${mtu} up`,
  ]);
  try {
    return await sent(topology, 'vxlan0', row.frames);
  } finally {
    await daemon.stop();
  }
}

interface Comparable {
  /** Which of the frames that were sent it is, or how a stranger begins: the whole would take minutes to compare. */
  readonly inner: number | string;
  readonly outer: Omit<Captured['outer'], 'sourcePort'>;
}

/** In the order in which the frames were sent; the source port is compared on its own. */
function comparable(captured: readonly Captured[], frames: readonly string[]): Comparable[] {
  return [...captured]
    .sort((one, other) => frames.indexOf(one.inner) - frames.indexOf(other.inner))
    .map(({ inner, outer: { sourcePort: _, ...outer } }) => {
      const n = frames.indexOf(inner);
      return { inner: n < 0 ? `${inner.length / 2} bytes: ${inner.slice(0, 80)}` : n, outer };
    });
}

/** Runs a row on both and compares them. */
export async function compareOnTheWire(t: ExecutionContext, topology: Topology, row: WireRow): Promise<void> {
  const kernel = await fromKernel(topology, row);
  const vtep = await fromVtep(topology, row);
  const classic = await fromClassic(topology, row);
  const { title, frames, lost = 0, ports = [32768, 61000] } = row;
  t.is(kernel.length, frames.length - lost, `${title}: the kernel's`);
  t.deepEqual(comparable(vtep, frames), comparable(kernel, frames), `${title}: external`);
  t.deepEqual(comparable(classic, frames), comparable(kernel, frames), `${title}: classic`);
  for (const { outer } of [...kernel, ...vtep, ...classic])
    t.true(outer.sourcePort >= ports[0] && outer.sourcePort < ports[1], `${title}: port ${outer.sourcePort}`);
}
