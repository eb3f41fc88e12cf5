/** The options of a vxlan device: everything that `ip link add NAME type vxlan` can say. */

import type { MirrorOptions } from './mirror-words.js';

/** The port that IANA assigned to VXLAN (RFC 7348 §5), and vtep's default. */
export const VXLAN_PORT = 4789;
/** The port of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe §9.1), and the default with `gpe`. */
export const VXLAN_GPE_PORT = 4790;
/** Seconds after which a learned entry is forgotten, where nothing else is said (FDB_AGE_DEFAULT). */
export const VXLAN_AGEING = 300;
/** The bits of the header that have to be zero in a frame received: all but the I flag and the VNI. */
export const VXLAN_RESERVED_BITS = Uint8Array.of(0xf7, 0xff, 0xff, 0xff, 0, 0, 0, 0xff);

/** Options that are on or off and off by default, in the order in which ip prints them. */
export const vxlanSwitches = [
  ...(['vnifilter', 'proxy', 'rsc', 'l2miss', 'l3miss', 'remcsumtx', 'remcsumrx', 'gbp', 'gpe'] as const),
];
export type VxlanSwitch = (typeof vxlanSwitches)[number];

/** Absent is the default; the parser leaves out what equals it. */
export interface VxlanOptions extends Readonly<Partial<Record<VxlanSwitch, boolean>>>, MirrorOptions {
  /** Collect-metadata mode: one device for every VNI and peer. Always with `anyVni`. */
  readonly external: boolean;
  /** 0 … 2^24-1; absent exactly when `external` (the kernel then speaks of 0). */
  readonly id?: number;
  /**
   * Default peer, or the multicast group when it is a multicast address: 4 or 16 bytes. All zeros are no peer, and
   * still say of which family the device is.
   */
  readonly remote?: Uint8Array;
  /** 4 or 16 bytes, of the family of `remote`; all zeros as there. */
  readonly local?: Uint8Array;
  /** Lower device, by name. */
  readonly dev?: string;
  readonly dstport: number;
  /** [from, to), outer source ports; absent: the host's ephemeral ones. */
  readonly srcport?: readonly [number, number];
  /** 1 … 255, or that of the inner header; absent: the route's (`auto`). */
  readonly ttl?: number | 'inherit';
  /** The TOS byte, 2 … 255, or that of the inner header; absent: 0. ECN is the inner header's in any case. */
  readonly tos?: number | 'inherit';
  /** Whether outer IPv4 says "don't fragment"; absent: not. */
  readonly df?: 'set' | 'inherit';
  /** 1 … 2^20-1, IPv6 only; absent: 0. */
  readonly flowlabel?: number;
  /** Seconds; absent: 300 (which 0 and `none` become). */
  readonly ageing?: number;
  /** Most entries of the FDB; absent: no limit. */
  readonly maxaddress?: number;
  /** Absent: on, unless external. */
  readonly learning?: boolean;
  /** Absent: on. */
  readonly localbypass?: boolean;
  /** Outer UDP checksum over IPv4. */
  readonly udpcsum: boolean;
  /** Outer UDP checksum zero on send and taken on receive over IPv6 (RFC 6935). */
  readonly udp6zerocsumtx: boolean;
  readonly udp6zerocsumrx: boolean;
  /** What carries the datagrams, a word of vtep's own; absent: UDP sockets. */
  readonly underlay?: 'raw' | 'pcap';
  /** 8 bytes, as the header has them; absent: VXLAN_RESERVED_BITS. */
  readonly reservedBits?: Uint8Array;
}

/**
 * What `ip link set NAME type vxlan …` says, and nothing that it does not say: here every value is one that was
 * typed, and the neutral ones are `ttl` and `tos` 0, `df` unset, `flowlabel`, `maxaddress` 0 and `ageing` 300.
 */
export interface VxlanChanges extends Partial<Omit<VxlanOptions, 'df' | 'underlay' | 'tapOffload'>> {
  readonly tapOffload?: boolean;
  readonly underlay?: 'udp' | 'raw' | 'pcap';
  readonly df?: 'unset' | 'set' | 'inherit';
}

/** Whether a device learns: its default taken into account. */
export function vxlanLearns({ external, learning }: Pick<VxlanOptions, 'external' | 'learning'>): boolean {
  return learning ?? !external;
}

/** 4 or 6: what the kernel makes of the addresses; both for an external device without any. */
export function vxlanFamilies({ external, remote, local }: VxlanOptions): readonly (4 | 6)[] {
  const address = remote ?? local;
  if (address === undefined) {
    return external ? [4, 6] : [4];
  }
  return [address.length === 4 ? 4 : 6];
}

const supportedSwitches: readonly VxlanSwitch[] = ['vnifilter', 'proxy', 'rsc', 'l2miss', 'l3miss', 'gbp', 'gpe'];

/** What the daemon of this release does not do, in the order in which it is looked for. */
const unsupported: readonly (readonly [name: string, found: (options: VxlanOptions) => boolean])[] = [
  ...vxlanSwitches
    .filter((name) => !supportedSwitches.includes(name))
    .map((name) => [`"${name}"`, (options: VxlanOptions) => options[name] === true] as const),
];

/**
 * Names what this release of the daemon cannot do of a device's options, for `notSupported`; undefined when it can
 * do it all. The grammar takes every option; whoever makes devices asks here.
 */
export function unsupportedVxlan(options: VxlanOptions): string | undefined {
  const found = unsupported.find(([, test]) => test(options));
  return found === undefined ? undefined : `vxlan ${found[0]}`;
}
