/** What a running daemon tells `vtep doctor` of itself, as JSON over the control socket. */
import { startProbes } from '../io/probe/start-probes.js';
import { type Counters, WorkCounter } from '../memory/counters.js';
import { isHere } from './device-registry.js';
import type { Devices } from './devices.js';

export interface HealthDevice {
  readonly name: string;
  readonly kind: 'tap' | 'vxlan';
  /** Of a vxlan device. */
  readonly external?: boolean;
  /** UDP port. */
  readonly port?: number;
  readonly underlay?: 'udp' | 'raw' | 'pcap';
  /** Whether its sockets are open. */
  readonly open?: boolean;
  /** Bytes that VXLAN adds to a packet. */
  readonly overhead?: number;
  /** What the device stands on, where that is known, and the largest inner packet that it leaves room for. */
  readonly lower?: string;
  readonly room?: number;
}

export interface HealthQueue {
  readonly port: number;
  readonly family: 4 | 6;
  /** Bytes that the kernel granted: twice what was asked for, at most. */
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  /** Whether bundles are received (UDP_GRO) and sent (UDP_SEGMENT). */
  readonly takesBundles: boolean;
  readonly sendsBundles: boolean;
}

export interface Health {
  readonly version: 1;
  readonly pid: number;
  /** Seconds since the start. */
  readonly uptime: number;
  readonly node: string;
  /** Bytes that the control thread's objects take. */
  readonly heap: number;
  readonly workers: number;
  /** Messages and the datagrams in them, since the start. */
  readonly received: { readonly messages: number; readonly datagrams: number };
  readonly sent: { readonly messages: number; readonly datagrams: number };
  /** Devices of this network namespace. */
  readonly devices: readonly HealthDevice[];
  readonly queues: readonly HealthQueue[];
  /** What the probes at the start found missing or faulty, a sentence each. */
  readonly notes: readonly string[];
}

const OVERHEAD = { 4: 50, 6: 70 } as const;

export function healthOf(devices: Devices, counters: readonly Counters[]): Health {
  const work = (counter: number): number => counters.reduce((sum, each) => sum + each.workValue(counter), 0);
  return {
    version: 1,
    pid: process.pid,
    uptime: process.uptime(),
    node: process.versions.node,
    heap: process.memoryUsage().heapUsed,
    workers: counters.length,
    received: { messages: work(WorkCounter.RECEIVED_MESSAGES), datagrams: work(WorkCounter.RECEIVED_DATAGRAMS) },
    sent: { messages: work(WorkCounter.SENT_MESSAGES), datagrams: work(WorkCounter.SENT_DATAGRAMS) },
    devices: devices.registry
      .list()
      .filter(isHere)
      .map((device): HealthDevice => {
        const { name, kind, vxlan, sockets } = device;
        if (!vxlan) return { name, kind };
        const { external, dstport, underlay = 'udp', remote, local } = vxlan;
        const overhead = OVERHEAD[(remote ?? local)?.length === 16 ? 6 : 4] - (vxlan.gpe === true ? 14 : 0);
        const lower = devices.underlayOf(device);
        return {
          name,
          kind,
          external,
          port: dstport,
          underlay,
          open: sockets?.isOpen === true,
          overhead,
          ...(lower && { lower: lower.lower, room: lower.lowerMtu - overhead }),
        };
      }),
    queues: devices.underlayParts.flatMap((parts) =>
      parts.kind !== 'udp'
        ? []
        : parts.sockets
            .filter(({ receiveFd }) => receiveFd >= 0)
            .map(({ port, family, receiveBuffer, sendBuffer, receiveOffload, segmentation }) => ({
              port,
              family,
              receiveBuffer,
              sendBuffer,
              takesBundles: receiveOffload,
              sendsBundles: segmentation,
            })),
    ),
    notes: startProbes().notes,
  };
}
