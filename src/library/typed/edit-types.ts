/** What can be made, changed and deleted, in types, by the words of ip, tc and bridge. */
import type { VxlanSwitch } from '../../iproute/vxlan-options.js';
import type { DeviceHandlers } from '../types.js';
import type { Action } from './action-types.js';
import type { Match } from './match-types.js';

export interface LinkSettings {
  /** Bytes. */
  readonly mtu?: number;
  /** As 02:00:00:00:00:01. */
  readonly address?: string;
  readonly txqueuelen?: number;
}

interface NewLink extends LinkSettings {
  readonly name: string;
  /** Devices start down. */
  readonly up?: boolean;
}

/** Options of any vxlan device. What is not said is the tool's default. */
export interface VxlanSettings extends Readonly<Partial<Record<Exclude<VxlanSwitch, 'vnifilter'>, boolean>>> {
  /** UDP port, 4789. */
  readonly dstport?: number;
  /** The outer source address. */
  readonly local?: string;
  /** Outer source ports, the last one excluded. */
  readonly srcport?: { readonly from: number; readonly to: number };
  readonly ttl?: number | 'inherit' | 'auto';
  readonly tos?: number | 'inherit';
  readonly df?: 'unset' | 'set' | 'inherit';
  /** IPv6. */
  readonly flowlabel?: number;
  /** Seconds. */
  readonly ageing?: number | 'none';
  /** Most entries of the forwarding table. */
  readonly maxaddress?: number | 'unlimited';
  readonly learning?: boolean;
  readonly localbypass?: boolean;
  readonly udpcsum?: boolean;
  readonly udp6zerocsumtx?: boolean;
  readonly udp6zerocsumrx?: boolean;
  /** 8 bytes in hexadecimal, with 0x. */
  readonly reserved_bits?: string;
}

/** The default peer, or a multicast group and the device by which it is reached; and what carries the datagrams. */
type Peer =
  | { readonly remote?: string; readonly group?: never; readonly dev?: string; readonly underlay?: 'udp' | 'raw' }
  | { readonly group: string; readonly remote?: never; readonly dev: string; readonly underlay?: 'udp' | 'raw' }
  | { readonly remote?: string; readonly group?: never; readonly dev: string; readonly underlay: 'pcap' };

interface MirrorWords {
  /** Each VNI gets a TAP of this name and its number. */
  readonly tap_prefix?: string;
  readonly max_taps?: number;
  /** Seconds without a frame after which a TAP goes. */
  readonly tap_idle?: number | 'none';
  readonly tap_offload?: boolean;
}
type NoMirror = { readonly [Name in keyof MirrorWords]?: never };

/** One VNI: a default peer, a forwarding table that learns. */
export type ClassicVxlan = VxlanSettings &
  Peer &
  NoMirror & { readonly id: number; readonly vni?: never; readonly external?: false; readonly vnifilter?: never };
/** Every VNI and peer, as actions say (`tunnel_key`). */
export type ExternalVxlan = VxlanSettings &
  Peer &
  NoMirror & { readonly external: true; readonly id?: never; readonly vni?: never; readonly vnifilter?: boolean };
/** A receiver of mirrored traffic, which sends nothing. */
export type MirrorVxlan = VxlanSettings &
  MirrorWords & {
    readonly vni: 'any';
    readonly id?: never;
    readonly external?: boolean;
    readonly vnifilter?: never;
    readonly remote?: never;
    readonly group?: never;
    readonly learning?: false;
  } & (
    | { readonly dev?: string; readonly underlay?: 'udp' | 'raw' }
    | { readonly dev: string; readonly underlay: 'pcap' }
  );

export type VxlanLink = NewLink & { readonly kind: 'vxlan' } & (ClassicVxlan | ExternalVxlan | MirrorVxlan);
export interface TapLink extends NewLink, DeviceHandlers {
  readonly kind: 'tap';
  /** It stays when vtep ends; with `devices: 'host'` only. */
  readonly persist?: true;
}
export type Link = VxlanLink | TapLink;

/** What a device is to be from now on. */
export interface LinkChange extends LinkSettings {
  readonly up?: boolean;
  readonly alias?: string;
  /** Options of a vxlan device that may be changed. */
  readonly vxlan?: VxlanChange;
}
export type VxlanChange = VxlanSettings &
  MirrorWords & {
    readonly id?: number;
    readonly dev?: string;
    readonly external?: boolean;
    readonly vnifilter?: boolean;
    readonly underlay?: 'udp' | 'raw' | 'pcap';
  } & (
    | { readonly remote?: string; readonly group?: never }
    | { readonly group: string; readonly dev: string; readonly remote?: never }
  );

export type Hook = 'ingress' | 'egress';

export interface Qdisc {
  readonly dev: string;
  readonly kind: 'ingress' | 'clsact';
}

export interface Chain {
  readonly dev: string;
  readonly hook?: Hook;
  readonly chain: number;
}

/** What a filter matches and does. */
export type FilterRule = Match & {
  readonly actions?: readonly Action[];
  readonly skip_hw?: boolean;
  /** What is wrong with it is said to `log`. */
  readonly verbose?: boolean;
  /** A class: `1:2`. */
  readonly classid?: string;
};
/** Where it stands. */
export interface FilterPlace {
  readonly dev: string;
  /** `ingress`, where nothing is said. */
  readonly hook?: Hook;
  /** 0 … 2^32-1; 0. */
  readonly chain?: number;
  /** 1 … 65535; absent: 49152 and downwards, before those that are there. */
  readonly pref?: number;
  /** Absent: the lowest free one. */
  readonly handle?: number;
}
export type FilterMaking = FilterPlace & FilterRule;

/** Filters of a chain; with pref, those of it; with a handle, that one. */
export type FilterDeletion = Pick<FilterPlace, 'dev' | 'hook' | 'chain'> &
  (
    | { readonly pref?: never; readonly handle?: never }
    | { readonly pref: number; readonly protocol?: string | number; readonly handle?: number }
  );

/** One destination of an entry of a forwarding table. */
export interface FdbTarget {
  readonly dev: string;
  /** All zeros: where frames go for which there is no other entry. */
  readonly mac: string;
  readonly dst?: string;
  readonly port?: number;
  readonly vni?: number;
  /** VNI of the frames that the entry is for, on an external device. */
  readonly src_vni?: number;
  readonly via?: string;
}
export interface FdbMaking extends FdbTarget {
  /** `permanent`, where nothing is said; `dynamic` entries age. */
  readonly state?: 'permanent' | 'static' | 'dynamic';
  readonly router?: boolean;
  readonly extern_learn?: boolean;
  readonly sticky?: boolean;
}
/** Entries that are to go: those of the device that are so. */
export interface FdbFlush extends Partial<Omit<FdbTarget, 'dev' | 'mac'>> {
  readonly dev: string;
  readonly permanent?: boolean;
  readonly static?: boolean;
  readonly dynamic?: boolean;
  readonly extern_learn?: boolean;
  readonly router?: boolean;
}

/** A VNI, or those from one to another, both included. */
export type Vni = number | { readonly from: number; readonly to: number };
/** VNIs of a device with `vnifilter`. */
export interface VniDeletion {
  readonly dev: string;
  readonly vni: Vni | readonly Vni[];
}
export type VniMaking = VniDeletion &
  ({ readonly remote?: string; readonly group?: never } | { readonly group: string; readonly remote?: never });
