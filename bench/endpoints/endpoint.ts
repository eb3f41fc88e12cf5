/** What stands on host B: something that terminates the tunnel and gives the host an inner device. */
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import type { Background } from '../../test/netns/process.js';
import { type Host, INNER, MAC_A, MAC_B, type Topology } from '../../test/netns/topology.js';

export const ENDPOINT_KINDS = [
  'kernel',
  'vtep',
  'vtep-workers',
  'vtep-tunnel-gso',
  'vtep-workers-gso',
  'ovs',
  'naive',
] as const;
/**
 * kernel: the kernel's VXLAN device. vtep: this project. vtep-workers: the same with `--workers 2`. vtep-tunnel-gso:
 * with `--tunnel-gso`. vtep-workers-gso: with both. ovs: Open vSwitch with its userspace datapath. naive: one receive and one write a frame, on one
 * thread, as a first program would do it.
 */
export type EndpointKind = (typeof ENDPOINT_KINDS)[number];

export interface Endpoint {
  /** The inner device, which holds the host's inner address. */
  readonly dev: string;
  /** The processes that it consists of; none where the kernel does it all. All of them run as long as it stands. */
  readonly processes: readonly Background[];
  /** What it is exactly, where its kind does not say it all: a version, a variant. */
  readonly variant?: string;
}

/** Whether the machine has what an endpoint of that kind takes. */
export function isInstalled(kind: EndpointKind): boolean {
  if (kind === 'vtep-tunnel-gso' || kind === 'vtep-workers-gso') return hasTunnelGso(release());
  return kind !== 'ovs' || (existsSync('/usr/sbin/ovs-vswitchd') && existsSync('/usr/sbin/ovsdb-server'));
}

/** Whether a kernel of that release cuts super-frames in tunnels for a TAP. */
export function hasTunnelGso(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 17);
}

/** The inner device of host B as two-hosts.sh makes it for the kernel: address, MTU, and a permanent neighbour. */
export async function configureInner(topology: Topology, dev: string): Promise<void> {
  const host: Host = topology.b;
  await host.do(`ip link set dev ${dev} address ${MAC_B} mtu ${topology.mtu} up`);
  await host.do(`ip addr add ${INNER[4].b}/24 dev ${dev}`);
  await host.do(`ip neigh replace ${INNER[4].a} lladdr ${MAC_A} dev ${dev} nud permanent`);
}
