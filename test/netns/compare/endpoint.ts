/** The two that are compared: each is host B of a pair of hosts of its own, and has vxlan0 of the same words. */

import { request } from '../../../src/control/client.js';
import { parseIp } from '../../../src/iproute/address.js';
import { Daemon, type DropCount, TEST_OPTIONS } from '../daemon.js';
import { FrameStation } from '../frame-station.js';
import type { Topology } from '../topology.js';
import { DEVICE_MAC, OTHER, type Row, VNI } from './row.js';

/** What puts frames in and sees them come out, on both hosts. */
export interface Stations {
  readonly a: FrameStation;
  readonly b: FrameStation;
}

function stationsOf({ a, b }: Topology): Stations {
  return { a: new FrameStation(a), b: new FrameStation(b) };
}

export interface Endpoint {
  readonly name: 'kernel' | 'vtep';
  readonly topology: Topology;
  readonly stations: Stations;
  /** Where frames are put in, and where datagrams come out. */
  inlet(row: Row): string;
  /** Makes the row's device and sets it up. */
  add(row: Row): Promise<void>;
  remove(row: Row): Promise<void>;
  /** Runs an `ip` or `bridge` line about the device. */
  do(line: string): Promise<string>;
  /** What it says of its drops beyond the link's counters. */
  drops(): Promise<readonly DropCount[]>;
  stop(): Promise<void>;
}

export const PORT = 4789;
/** Where packets that are to be forwarded come in (mode `routes`). */
export const ROUTED_IN = 'c1';
/** What `inner-frames` makes goes there. */
const FAR = '10.7.0.2';
const FAR_MAC = '02:00:00:00:00:99';
const ROUTER_MAC = FAR_MAC;

function addressesOf(row: Row, { outer }: Pick<Topology, 'outer'>): string {
  return (row.addresses ?? 'remote A local B').replace(/\bA\b/, outer.a).replace(/\bB\b/, outer.b);
}

function linkLine(row: Row, topology: Pick<Topology, 'outer'>, options: string, external?: string): string {
  const { port = PORT } = row;
  const kind = external ?? `id ${VNI} ${addressesOf(row, topology)}`;
  // The kernel's device for VXLAN-GPE has no MAC.
  const address = external === 'external' && options.includes('gpe') ? '' : `address ${DEVICE_MAC}`;
  return `ip link add vxlan0 ${address} type vxlan ${kind} dstport ${port} ${options}`;
}

/** The lines that make the device of a row, on both. */
export function deviceLines(row: Row, topology: Pick<Topology, 'outer'>): readonly [kernel: string, vtep: string] {
  const { outer } = topology;
  const external = { classic: undefined, rules: `external local ${outer.b}`, routes: 'external' }[row.mode];
  const theirs = linkLine(row, topology, row.options, row.mode === 'routes' ? external : undefined);
  return [theirs, linkLine(row, topology, row.vtep ?? row.options, external)];
}

/** The words of a line with the hosts' addresses in their places. */
function lineFor({ outer }: Topology, line: string): string {
  return line
    .replaceAll('{A}', outer.a)
    .replaceAll('{B}', outer.b)
    .replaceAll('{other}', otherOf(outer.a))
    .replaceAll('{nobody}', outer.a.includes(':') ? '::' : '0.0.0.0');
}

export function otherOf(outer: string): string {
  return OTHER[outer.includes(':') ? 6 : 4];
}

async function setUp(endpoint: Endpoint, row: Row, lines: readonly string[]): Promise<void> {
  const { b } = endpoint.topology;
  for (const raw of lines) {
    const line = lineFor(endpoint.topology, raw);
    if (line.startsWith('host ')) await b.do(line.slice(5));
    else await endpoint.do(line);
  }
  if (row.mode === 'routes')
    await b.do(`ip neigh replace ${FAR} lladdr ${FAR_MAC} dev ${exit(endpoint)} nud permanent`);
}

/** The device that a route of mode `routes` leads to. */
function exit(endpoint: Endpoint): string {
  return endpoint.name === 'kernel' ? 'vxlan0' : 'tap0';
}

/** A router in front of the tunnel. */
async function router({ b }: Topology): Promise<void> {
  await b.do('sysctl -q net.ipv4.ip_forward=1');
  await b.do(`ip link add ${ROUTED_IN} type veth peer name c0 address ${ROUTER_MAC}`);
  await b.do('ip link set c0 up');
  await b.do(`ip link set ${ROUTED_IN} up`);
  await b.do('ip addr add 10.7.1.1/24 dev c0');
}

/** Both hosts know the address from which a station speaks when it has moved. */
export async function prepare(topology: Topology): Promise<void> {
  const [link] = JSON.parse(await topology.a.do('ip -j link show dev va')) as { address: string }[];
  await topology.b.do(
    `ip neigh replace ${otherOf(topology.outer.a)} lladdr ${link?.address ?? ''} dev vb nud permanent`,
  );
  await router(topology);
}

/** Attributes of IFLA_INFO_DATA of the device that the kernel's own words would make. */
function attributesOf(row: Row, { outer }: Topology): string[] {
  const hex = (text: string): string => Buffer.from(parseIp(text) ?? []).toString('hex');
  const is6 = outer.a.includes(':');
  return [
    `1=${Buffer.from(Uint32Array.of(VNI).buffer).toString('hex')}`,
    `${is6 ? 16 : 2}=${hex(outer.a)}`,
    `${is6 ? 17 : 4}=${hex(outer.b)}`,
    `15=${(row.port ?? PORT).toString(16).padStart(4, '0')}`,
    '18=01',
    '7=01',
    ...(row.attributes ?? '').split(' '),
  ];
}

export class KernelEndpoint implements Endpoint {
  readonly name = 'kernel';
  readonly topology: Topology;
  readonly stations: Stations;

  constructor(topology: Topology) {
    this.topology = topology;
    this.stations = stationsOf(topology);
  }

  inlet(row: Row): string {
    return row.mode === 'routes' ? ROUTED_IN : 'vxlan0';
  }

  async add(row: Row): Promise<void> {
    const { b, outer } = this.topology;
    if (row.attributes === undefined) {
      await b.do(deviceLines(row, this.topology)[0]);
    } else {
      await b.do(b.tool('add-vxlan', 'vxlan0', DEVICE_MAC, ...attributesOf(row, this.topology)));
    }
    await b.do(`ip link set vxlan0 ${row.mtu === undefined ? '' : `mtu ${row.mtu}`} up`);
    if (row.mode === 'routes') {
      const is6 = outer.a.includes(':');
      const words = (row.encap ?? '').replace('ttl', is6 ? 'hoplimit' : 'ttl').replace('tos', is6 ? 'tc' : 'tos');
      const encap = `encap ${is6 ? 'ip6' : 'ip'} id ${VNI} dst ${outer.a} src ${outer.b} ${words}`;
      await b.do(`ip route add ${FAR}/32 ${encap} dev vxlan0`);
    }
    await setUp(this, row, row.setup ?? []);
  }

  async remove(row: Row): Promise<void> {
    await setUp(this, { ...row, mode: 'classic' }, row.cleanup ?? []);
    await this.topology.b.do('ip link del vxlan0');
  }

  do(line: string): Promise<string> {
    return this.topology.b.do(line);
  }

  drops(): Promise<readonly DropCount[]> {
    return Promise.resolve([]);
  }

  async stop(): Promise<void> {}
}

export class VtepEndpoint implements Endpoint {
  readonly name = 'vtep';
  readonly topology: Topology;
  readonly stations: Stations;
  private readonly daemon: Daemon;
  private readonly control: string;

  private constructor(topology: Topology, daemon: Daemon, control: string) {
    this.topology = topology;
    this.stations = stationsOf(topology);
    this.daemon = daemon;
    this.control = control;
  }

  static async start(topology: Topology): Promise<VtepEndpoint> {
    const control = `${topology.b.notes}/compare.sock`;
    const daemon = await Daemon.start(topology, [], [...TEST_OPTIONS, '--control', control]);
    return new VtepEndpoint(topology, daemon, control);
  }

  inlet({ mode }: Row): string {
    if (mode === 'routes') return ROUTED_IN;
    return mode === 'rules' ? 'tap0' : 'vxlan0';
  }

  async add(row: Row): Promise<void> {
    const { b, outer } = this.topology;
    const mtu = row.mtu === undefined ? '' : `mtu ${row.mtu}`;
    await this.do(deviceLines(row, this.topology)[1]);
    await this.do(`ip link set vxlan0 ${mtu} up`);
    if (row.mode !== 'classic') {
      await this.do(`ip link add tap0 address ${DEVICE_MAC} type tap`);
      await this.do(`ip link set tap0 ${mtu} up`);
      await this.do('tc qdisc add dev tap0 ingress');
      const set = `tunnel_key set src_ip ${outer.b} dst_ip ${outer.a} id ${VNI} ${row.set ?? ''}`;
      const actions = `action ${set} action mirred egress redirect dev vxlan0`;
      await this.do(`tc filter add dev tap0 ingress protocol all flower ${actions}`);
    }
    if (row.mode === 'routes') await b.do(`ip route add ${FAR}/32 dev tap0`);
    await setUp(this, row, row.setup ?? []);
  }

  async remove(row: Row): Promise<void> {
    await setUp(this, { ...row, mode: 'classic' }, row.cleanup ?? []);
    await this.do('ip link del vxlan0');
    if (row.mode !== 'classic') await this.do('ip link del tap0');
  }

  /** Asks the daemon's socket from here: a row has a dozen lines, and a process for each would be most of its time. */
  async do(line: string): Promise<string> {
    let out = '';
    let err = '';
    const output = {
      out: (text: string): void => {
        out += text;
      },
      err: (text: string): void => {
        err += text;
      },
    };
    const exit = await request(line.trim().split(/\s+/), output, this.control);
    if (exit !== 0) throw new Error(`vtep ${line}: exit ${exit}\n${err}${out}`);
    return out;
  }

  async drops(): Promise<readonly DropCount[]> {
    return JSON.parse(await this.do('drops --json')) as DropCount[];
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
  }
}
