/** What actions are: part of commands.ts, which hands it on. */

/** Where control goes after an action (or, for gact, as its result). */
export type Control =
  | { readonly type: 'pass' | 'drop' | 'pipe' | 'continue' | 'reclassify' | 'stolen' | 'trap' }
  | { readonly type: 'goto'; readonly chain: number }
  | { readonly type: 'jump'; readonly count: number };

export interface TunnelKeyUnset {
  readonly kind: 'tunnel_key';
  readonly mode: 'unset';
  readonly control: Control;
}

export interface TunnelKeySet {
  readonly kind: 'tunnel_key';
  readonly mode: 'set';
  /** 4 or 16 bytes, both of one family. */
  readonly srcIp: Uint8Array;
  readonly dstIp: Uint8Array;
  /** Absent: no key, and VNI 0 on the wire. */
  readonly id?: number;
  readonly dstPort?: number;
  readonly tos?: number;
  readonly ttl?: number;
  /** Outer UDP checksum; true unless `nocsum`. */
  readonly csum: boolean;
  readonly noFrag: boolean;
  /** `vxlan_opts`: the group policy of VXLAN-GBP, 32 bits. */
  readonly gbp?: number;
  readonly control: Control;
}

export interface Mirred {
  readonly kind: 'mirred';
  readonly direction: 'egress' | 'ingress';
  readonly mode: 'redirect' | 'mirror';
  readonly dev: string;
  readonly control: Control;
}

export interface Gact {
  readonly kind: 'gact';
  readonly control: Control;
  readonly random?: { readonly type: 'netrand' | 'determ'; readonly control: Control; readonly value: number };
}

/** Without an Ethernet header the frame is nobody's to take, until `push_eth` gives it another. */
export interface VlanPop {
  readonly kind: 'vlan';
  readonly mode: 'pop' | 'pop_eth';
  readonly control: Control;
}

export interface VlanTag {
  readonly kind: 'vlan';
  readonly mode: 'push' | 'modify';
  /** 0 … 4094. */
  readonly id: number;
  /** The tag's EtherType: 0x8100 or 0x88a8. */
  readonly protocol: number;
  /** 0 … 7; absent only in a `modify`, which then leaves it alone. */
  readonly priority?: number;
  readonly control: Control;
}

export interface VlanPushEth {
  readonly kind: 'vlan';
  readonly mode: 'push_eth';
  /** 6 bytes each. */
  readonly dstMac: Uint8Array;
  readonly srcMac: Uint8Array;
  readonly control: Control;
}

/** Where the offset of a key counts from, as tc prints it. */
export type PeditHeader = 'network' | 'eth' | 'ipv4' | 'ipv6' | 'tcp' | 'udp';

/** One word of a header: `(word & mask) ^ value`, or with `add` that much more in the bits outside of the mask. */
export interface PeditKey {
  readonly header: PeditHeader;
  readonly command: 'set' | 'add';
  /** Bytes; a multiple of 4, which may be negative. */
  readonly offset: number;
  /** 32 bits each, big-endian readings of the bytes. */
  readonly value: number;
  readonly mask: number;
  /** With an offMask other than 0: a byte that is added to the offset, masked and then shifted. tc does not print it. */
  readonly at: number;
  readonly offMask: number;
  readonly shift: number;
}

export interface Pedit {
  readonly kind: 'pedit';
  /** 1 to 128. */
  readonly keys: readonly PeditKey[];
  /** What was typed between `pedit` and the control: the keys do not tell the fields that they came from. */
  readonly words: readonly string[];
  readonly control: Control;
}

export interface Csum {
  readonly kind: 'csum';
  /** One or more, in the order in which tc prints them. */
  readonly targets: readonly CsumTarget[];
  readonly control: Control;
}

export type CsumTarget = 'iph' | 'icmp' | 'igmp' | 'tcp' | 'udp' | 'udplite' | 'sctp';

export interface Skbedit {
  readonly kind: 'skbedit';
  readonly queueMapping?: number;
  /** A class: major and minor of 16 bits. */
  readonly priority?: number;
  readonly mark?: number;
  readonly mask?: number;
  readonly inheritDsField?: true;
  readonly control: Control;
}

export interface Police {
  readonly kind: 'police';
  /** Bytes a second. */
  readonly rate?: number;
  /** Ticks of 64 ns: how long the bucket lasts at the rate. */
  readonly burst?: number;
  readonly peakRate?: number;
  /** Bytes of the longest packet that conforms; 2^32-1: any. */
  readonly mtu: number;
  /** Bytes that a packet counts for at least, and besides its own. */
  readonly mpu: number;
  readonly overhead: number;
  readonly linkLayer: 'ethernet' | 'atm';
  /** Packets a second, and ticks. */
  readonly packetRate?: number;
  readonly packetBurst?: number;
  readonly conform: Control;
  /** What becomes of packets that exceed. */
  readonly control: Control;
}

export interface Sample {
  readonly kind: 'sample';
  /** One packet in how many: 1 … 2^32-1. */
  readonly rate: number;
  readonly group: number;
  /** Bytes of a packet that are wanted; absent: all. */
  readonly truncate?: number;
  readonly control: Control;
}

export interface Simple {
  readonly kind: 'simple';
  /** At most 31 bytes. */
  readonly data: string;
  readonly control: Control;
}

/** An action of a program that embeds vtep, by the name that it gave (custom-actions.ts). */
export interface Custom {
  readonly kind: 'custom';
  readonly name: string;
  /** What stands for the name in this process. */
  readonly number: number;
  readonly control: Control;
}

/** The kinds of actions that vtep has. */
export type ActionKind =
  | 'tunnel_key'
  | 'mirred'
  | 'gact'
  | 'vlan'
  | 'pedit'
  | 'csum'
  | 'skbedit'
  | 'police'
  | 'sample'
  | 'simple'
  | 'custom';

/**
 * An action named by its kind and index alone (`action gact index 5`). A filter binds to the one that is there; what
 * becomes of it where there is none says action-references.ts.
 */
export interface ActionReference {
  readonly kind: 'reference';
  readonly of: ActionKind;
  readonly index: number;
}

/** What an action does. */
export type ActionDetail =
  | TunnelKeyUnset
  | TunnelKeySet
  | Mirred
  | Gact
  | VlanPop
  | VlanTag
  | VlanPushEth
  | Pedit
  | Csum
  | Skbedit
  | Police
  | Sample
  | Simple
  | Custom;

export type ActionSpec = (ActionDetail | ActionReference) & {
  /** Typed by the user; else the daemon gives the lowest free one of the kind. */
  readonly index?: number;
  /** 1 to 16 bytes. */
  readonly cookie?: Uint8Array;
};
