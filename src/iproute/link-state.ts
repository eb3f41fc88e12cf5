/** A device as `ip link show` prints it. */
import type { VxlanOptions } from './vxlan-options.js';

/** Counters of an interface (struct rtnl_link_stats64), those that ip prints. */
export interface LinkStatistics {
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly rxMissed: number;
  readonly multicast: number;
  readonly rxLengthErrors: number;
  readonly rxCrcErrors: number;
  readonly rxFrameErrors: number;
  readonly rxFifoErrors: number;
  readonly rxOverErrors: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
  readonly txCarrierErrors: number;
  readonly collisions: number;
  readonly txAbortedErrors: number;
  readonly txFifoErrors: number;
  readonly txWindowErrors: number;
  readonly txHeartbeatErrors: number;
  readonly carrierChanges: number;
  /** Shown where there are any. */
  readonly rxNohandler?: number;
  readonly rxOtherhost?: number;
}

/** What the kernel says of a TAP (IFLA_TUN_*). */
export interface TapDetails {
  readonly kind: 'tap';
  readonly pi: boolean;
  readonly vnetHdr: boolean;
  /** Present with multi_queue. */
  readonly queues?: { readonly enabled: number; readonly disabled: number };
  readonly persist: boolean;
  /** Names, or numbers that have none. */
  readonly user?: string | number;
  readonly group?: string | number;
  /** The VNI that it is the TAP of, and the mirror receiver. */
  readonly mirror?: { readonly vni: number; readonly of: string };
}

export interface VxlanDetails {
  readonly kind: 'vxlan';
  readonly options: VxlanOptions;
}

export interface LinkState {
  readonly ifindex: number;
  readonly name: string;
  /** As ip names them: `BROADCAST`, `UP`, `LOWER_UP`, `NO-CARRIER`, in its order. */
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly qdisc: string;
  /** Name of the bridge or the like that it is a port of. */
  readonly master?: string;
  /** `UP`, `DOWN`, `UNKNOWN` … */
  readonly operstate: string;
  /** `DEFAULT` or `DORMANT`. */
  readonly mode: string;
  readonly group: string;
  /** Absent or 0: not printed. */
  readonly qlen?: number;
  /** 6 bytes; absent: a device without addresses (`link/none`, as with vxlan gpe). */
  readonly address?: Uint8Array;
  readonly broadcast?: Uint8Array;
  readonly promiscuity: number;
  readonly allmulti: number;
  readonly minMtu: number;
  readonly maxMtu: number;
  readonly details: TapDetails | VxlanDetails;
  /** `eui64`, `none`, `random`, `stable_secret`; absent: no IPv6. */
  readonly addrgenmode?: string;
  readonly numTxQueues: number;
  readonly numRxQueues: number;
  readonly gsoMaxSize: number;
  readonly gsoMaxSegs: number;
  readonly tsoMaxSize: number;
  readonly tsoMaxSegs: number;
  readonly groMaxSize: number;
  readonly statistics: LinkStatistics;
  readonly alias?: string;
  readonly altnames?: readonly string[];
}
