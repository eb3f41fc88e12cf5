/** Gives an endpoint a row's options and traffic, and writes down everything that can be seen of it from outside. */
import { parseIp } from '../../../src/iproute/address.js';
import { arriving } from '../arriving.js';
import type { FrameStation } from '../frame-station.js';
import { experimental, ipv4Frame } from '../inner-frames.js';
import { type Captured, vxlanDatagrams } from '../outer-header.js';
import type { Host } from '../topology.js';
import { type Endpoint, otherOf, PORT } from './endpoint.js';
import { type Datagram, DEVICE_MAC, type Row, VNI } from './row.js';
import { ANSWERS, DATAGRAMS, FRAMES, PACKETS } from './traffic.js';

/** A datagram of host B: which of the frames it carries, or the bytes of one that nobody put in. */
export interface Sent {
  readonly inner: number | string;
  readonly outer: Omit<Captured['outer'], 'sourcePort'>;
}

export interface Observation {
  /** What `ip -d link show` says of the tunnel. */
  readonly shown: string;
  /** Bytes of the device's MTU. */
  readonly mtu: number;
  readonly wire: readonly Sent[];
  /** Bytes of VLAN tags in frames that were sent. */
  readonly tagBytes: number;
  /** Source ports that appeared. */
  readonly ports: readonly number[];
  /** Frames that came in at the device, in hex. */
  readonly inner: readonly string[];
  readonly fdb: readonly string[];
  readonly counters: Readonly<Record<string, number>>;
  /** vtep's reasons for what was dropped, and how often. */
  readonly drops: Readonly<Record<string, number>>;
}

/** Where entries of a row may send frames beside the device's port. */
export const OTHER_PORT = 4790;

/** Where markers go, so that a row may have an entry for them alone. */
const MARKER_MAC = '020000000097';

let markers = 0;

/** Where frames come in: a device, and the station at it. */
interface Place {
  readonly station: FrameStation;
  readonly device: string;
}

/** Sends frames, and waits until the place that they lead to has seen what was sent behind them. */
async function pass(
  { station, device }: Place,
  frames: readonly string[],
  to: Place,
  wrap: (marker: string) => string,
): Promise<void> {
  // Source ports are queues of their own: a batch that holds the first marker is over when the second one is seen.
  for (const before of [frames, []]) {
    const marker = experimental(++markers).replace(/^020000000099/, MARKER_MAC);
    station.inject(device, [...before, wrap(marker)]);
    await to.station.seen(to.device, marker.slice(-96));
  }
}

/** What a capture has seen, without the markers. */
async function closed({ station, device }: Place): Promise<string[]> {
  return (await station.close(device)).filter((line) => !line.slice(-120).includes('88b500000000'));
}

/** A packet that a router takes, with the number of a marker at its end. */
function routedMarker(marker: string): string {
  return ipv4Frame({ size: 48, sourcePort: 65_000 }).slice(0, -96) + marker.slice(-96);
}

async function macOf(host: Host, device: string): Promise<string> {
  const [link] = JSON.parse(await host.do(`ip -j link show dev ${device}`)) as { address: string }[];
  return link?.address ?? '';
}

/** Datagrams of host A as frames of its veth. */
async function wrapper({ topology: { a, b, outer } }: Endpoint, row: Row): Promise<(datagram: Datagram) => string> {
  const [source, other, destination] = [parseIp(outer.a), parseIp(otherOf(outer.a)), parseIp(outer.b)];
  if (source === undefined || other === undefined || destination === undefined) throw new Error('no addresses');
  const common = { destination, fromMac: await macOf(a, 'va'), toMac: await macOf(b, 'vb'), port: row.port ?? PORT };
  return ({ fromOther, vni = VNI, ...datagram }) =>
    arriving({ ...common, source: fromOther === true ? other : source, last: vni * 256, ...datagram });
}

function comparable(captured: readonly Captured[], frames: readonly string[], isRouted: boolean): Sent[] {
  // A router writes other MACs and a lower TTL: what it leaves alone says which frame it is.
  const tail = (frame: string): string => (isRouted ? frame.slice(2 * 26) : frame);
  const known = new Map(frames.map((frame, n) => [tail(frame), n]));
  return captured
    .map(({ inner, outer: { sourcePort: _, ...outer } }) => ({ inner: known.get(tail(inner)) ?? inner, outer }))
    .sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));
}

function tagsOf(frame: string): number {
  let bytes = 0;
  while (/^(8100|88a8)/.test(frame.slice(24 + 2 * bytes))) bytes += 4;
  return bytes;
}

function orderOf({ inner, outer }: Sent): string {
  return `${typeof inner === 'number' ? String(inner).padStart(4, '0') : inner} ${JSON.stringify(outer)}`;
}

interface LinkStatistics {
  readonly stats64: Readonly<Record<'rx' | 'tx', Readonly<Record<string, number>>>>;
}

async function counters(endpoint: Endpoint): Promise<Record<string, number>> {
  const [link] = JSON.parse(await endpoint.do('ip -s -s -j link show dev vxlan0')) as LinkStatistics[];
  if (link === undefined) throw new Error('there is no vxlan0');
  const { rx, tx } = link.stats64;
  return Object.fromEntries([
    ...Object.entries(rx).map(([name, count]) => [`rx_${name}`, count] as const),
    ...Object.entries(tx).map(([name, count]) => [`tx_${name}`, count] as const),
  ]);
}

/** Entries of the forwarding table, and of the filter of VNIs with their counters. */
async function entries(endpoint: Endpoint, { options }: Row): Promise<string[]> {
  const table = await linesOf(endpoint, 'bridge fdb show dev vxlan0');
  return /\bvnifilter/.test(options)
    ? [...table, ...(await linesOf(endpoint, 'bridge -s vni show dev vxlan0'))]
    : table;
}

async function linesOf(endpoint: Endpoint, command: string): Promise<string[]> {
  const text = await endpoint.do(command);
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .sort();
}

async function countDrops(endpoint: Endpoint): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  for (const { reason, count } of await endpoint.drops()) sums.set(reason, (sums.get(reason) ?? 0) + count);
  return sums;
}

async function forgotten(endpoint: Endpoint): Promise<void> {
  const deadline = Date.now() + 40_000;
  while ((await linesOf(endpoint, 'bridge fdb show dev vxlan0')).some((line) => !line.includes('permanent'))) {
    if (Date.now() > deadline) throw new Error(`${endpoint.name}: what was learned is not forgotten`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function exchange(
  endpoint: Endpoint,
  row: Row,
): Promise<Pick<Observation, 'wire' | 'ports' | 'inner' | 'tagBytes'>> {
  const { a, b } = endpoint.stations;
  const isRouted = row.mode === 'routes';
  const { frames = isRouted ? PACKETS : FRAMES, answers = isRouted ? [] : ANSWERS, datagrams = DATAGRAMS } = row;
  const inlet: Place = { station: b, device: endpoint.inlet(row) };
  const onWire: Place = { station: a, device: 'va' };
  const atDevice: Place = { station: b, device: 'vxlan0' };
  const wrap = await wrapper(endpoint, row);
  await Promise.all([a.open(onWire.device), b.open(atDevice.device)]);
  const out = (lines: readonly string[]): Promise<void> =>
    pass(inlet, lines, onWire, isRouted ? routedMarker : (marker) => marker);
  if (row.receiveOnly !== true) await out(frames);
  if (datagrams.length > 0) await pass(onWire, datagrams.map(wrap), atDevice, (inner) => wrap({ inner }));
  if (row.receiveOnly !== true) await out(answers);
  const lines = await closed(onWire);
  const captured = [row.port ?? PORT, OTHER_PORT].flatMap((port) => vxlanDatagrams(lines, port));
  return {
    wire: comparable(captured, [...frames, ...answers], isRouted),
    tagBytes: captured.reduce((sum, { inner }) => sum + tagsOf(inner), 0),
    ports: captured.map(({ outer }) => outer.sourcePort),
    inner: (await closed(atDevice)).filter((frame) => !frame.startsWith(DEVICE_MAC.replaceAll(':', ''))),
  };
}

export async function observe(endpoint: Endpoint, row: Row): Promise<Observation> {
  await endpoint.add(row);
  try {
    const before = await countDrops(endpoint);
    const details = await endpoint.do('ip -d link show dev vxlan0');
    const seen = await exchange(endpoint, row);
    const fdb = await entries(endpoint, row);
    const after = await countDrops(endpoint);
    const counted = await counters(endpoint);
    if (row.forgets === true) await forgotten(endpoint);
    const drops = [...after]
      .map(([reason, count]) => [reason, count - (before.get(reason) ?? 0)] as const)
      .filter(([, count]) => count > 0);
    return {
      shown: /^\s*(?:tun .*?)?(vxlan .*?)\s*(?:addrgenmode.*)?$/m.exec(details)?.[1] ?? '',
      mtu: Number(/\bmtu (\d+)/.exec(details)?.[1]),
      ...seen,
      fdb,
      counters: counted,
      drops: Object.fromEntries(drops),
    };
  } finally {
    await endpoint.remove(row);
  }
}
