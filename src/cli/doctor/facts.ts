/** What the checks judge: plain values, gathered once (gather.ts), or made up by a test. */
import type { Health } from '../../control/health.js';
import type { LinkOffloads } from '../../io/ethtool.js';
import type { OptionalPackage } from '../../io/optional-package.js';
import type { OuterSample } from '../../io/packet/outer-sample.js';
import type { Probe } from '../../io/probe/probe.js';
import type { DropRow } from '../../observe/drops.js';
import type { RefusedDatagrams } from './check-refused.js';

/** What could not be looked at, and why: the end of a sentence. */
export interface Unseen {
  readonly unseen: string;
}
export type Seen<T> = T | Unseen;

export function isUnseen(value: unknown): value is Unseen {
  return typeof value === 'object' && value !== null && 'unseen' in value;
}

export interface LinkFacts {
  readonly name: string;
  /** As rtnetlink has it: `veth`, `bridge`, …; empty for hardware. */
  readonly kind: string;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly hasCarrier: boolean;
  readonly isLoopback: boolean;
  /** Whether it is a port of a bridge or bond. */
  readonly hasMaster: boolean;
  readonly isEthernet: boolean;
  readonly offloads: LinkOffloads;
  /** 0: off, 1: strict, 2: loose; the larger one of the interface's and of `all`. */
  readonly rpFilter?: number;
  readonly sample?: Seen<OuterSample>;
}

/** Who has a UDP port here. */
export interface PortHolder {
  readonly port: number;
  /** Process, where it could be found. */
  readonly pid?: number;
  readonly command?: string;
}

/** A vxlan device of the kernel that is up. */
export interface KernelVxlan {
  readonly name: string;
  readonly port: number;
}

export interface Firewall {
  /** What `nft -j list ruleset` printed, parsed. */
  readonly nft: Seen<unknown>;
  /** What `iptables-save` printed. */
  readonly iptables: Seen<string>;
}

export interface DaemonFacts {
  readonly health: Health;
  /** Drops when the doctor came, and when it left. */
  readonly before: readonly DropRow[];
  readonly after: readonly DropRow[];
  /** Between the two. */
  readonly seconds: number;
}

export interface Facts {
  /** Why vtep does not know this platform. */
  readonly platformRefusal?: string;
  readonly node: string;
  /** Release of the kernel. */
  readonly kernel: string;
  readonly cores: number;
  readonly isRoot: boolean;
  readonly capabilities: { readonly netAdmin: boolean; readonly netRaw: boolean };
  /** Whether the user ids here are not the machine's. */
  readonly isInUserNamespace: boolean;
  /** Whether this user may make a user namespace; undefined where that is not known. */
  readonly mayMakeUserNamespace?: boolean;
  /** The device node of TUN/TAP, and 0 or what opening it answers. */
  readonly tun: { readonly path: string; readonly errno: number };
  /** Tools of iproute2 that are not installed. */
  readonly missingTools: readonly string[];
  /** Why an optional package is not usable; absent: it is. */
  readonly packages: Partial<Readonly<Record<OptionalPackage, string>>>;
  readonly probes: Seen<readonly Probe[]>;
  /** Bytes of receive queue that a socket of this user is granted, of those that vtep asks for. */
  readonly queue: { readonly wanted: number; readonly granted: number };
  readonly links: readonly LinkFacts[];
  /** Names of the interfaces that carry, or would carry, the tunnel. */
  readonly underlays: readonly string[];
  readonly ports: readonly number[];
  readonly holders: Seen<readonly PortHolder[]>;
  readonly kernelVxlans: Seen<readonly KernelVxlan[]>;
  readonly firewall: Firewall;
  /** Since the namespace was made. */
  readonly refused?: RefusedDatagrams;
  readonly conntrack?: { readonly count: number; readonly max: number };
  readonly daemon: Seen<DaemonFacts>;
}
