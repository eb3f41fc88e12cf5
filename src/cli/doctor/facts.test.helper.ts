/** A host on which all is well, to be spoilt. */
import type { Health, HealthQueue } from '../../control/health.js';
import type { DropRow } from '../../observe/drops.js';
import type { Facts, LinkFacts } from './facts.js';

export function link(more: Partial<LinkFacts> = {}): LinkFacts {
  return {
    name: 'eth0',
    kind: '',
    mtu: 1500,
    isUp: true,
    hasCarrier: true,
    isLoopback: false,
    hasMaster: false,
    isEthernet: true,
    offloads: { gro: true, txChecksum: true, tso: true },
    rpFilter: 0,
    ...more,
  };
}

export function queue(more: Partial<HealthQueue> = {}): HealthQueue {
  return {
    port: 4789,
    family: 4,
    receiveBuffer: 16 << 20,
    sendBuffer: 16 << 20,
    takesBundles: true,
    sendsBundles: true,
    ...more,
  };
}

export function health(more: Partial<Health> = {}): Health {
  return {
    version: 1,
    pid: 100,
    uptime: 60,
    heap: 20_000_000,
    node: '20.20.2',
    workers: 1,
    received: { messages: 0, datagrams: 0 },
    sent: { messages: 0, datagrams: 0 },
    devices: [
      { name: 'vxlan0', kind: 'vxlan', external: true, port: 4789, underlay: 'udp', open: true, overhead: 50 },
      { name: 'tap0', kind: 'tap' },
    ],
    queues: [queue()],
    notes: [],
    ...more,
  };
}

export function drop(device: string, reason: string, count: number, verdict: 'drop' | 'pass' = 'drop'): DropRow {
  return { device, reason, count, verdict, sentence: `the sentence of ${reason}` };
}

/** With a daemon that runs. */
export function running(
  more: Partial<Health> = {},
  before: readonly DropRow[] = [],
  after: readonly DropRow[] = before,
): Pick<Facts, 'daemon'> {
  return { daemon: { health: health(more), before, after, seconds: 0.6 } };
}

export const NOBODY: Pick<Facts, 'daemon'> = { daemon: { unseen: 'no vtep runs in this network namespace' } };

export function facts(more: Partial<Facts> = {}): Facts {
  return {
    node: '20.20.2',
    kernel: '6.18.44',
    cores: 2,
    isRoot: true,
    capabilities: { netAdmin: true, netRaw: true },
    isInUserNamespace: false,
    tun: { path: '/dev/net/tun', errno: 0 },
    missingTools: [],
    packages: {},
    probes: [{ name: 'udp-segmentation', state: 'works', sentence: 'it works' }],
    queue: { wanted: 8 << 20, granted: 8 << 20 },
    links: [link(), link({ name: 'vxlan0', kind: 'tun', mtu: 1450 }), link({ name: 'tap0', kind: 'tun', mtu: 1450 })],
    underlays: ['eth0'],
    ports: [4789],
    holders: [{ port: 4789, pid: 100, command: 'node' }],
    kernelVxlans: [],
    firewall: { nft: { nftables: [] }, iptables: { unseen: 'iptables-save is not installed' } },
    ...running(),
    ...more,
  };
}
