/** The actions of a filter in types, by the words of `tc … action`: of each kind what it takes, and no more. */
import type { ActionKind, CsumTarget } from '../../iproute/commands.js';

/** Where a frame goes on behind an action. Chains and counts are below 2^28. */
export type Control =
  | 'pass'
  | 'drop'
  | 'pipe'
  | 'continue'
  | 'reclassify'
  | 'trap'
  | { readonly goto: number }
  | { readonly jump: number };

interface Numbered {
  /** Its number among those of its kind, by which filters share it; absent: the lowest free one. */
  readonly index?: number;
  /** 1 to 16 bytes, or as many in hexadecimal. */
  readonly cookie?: string | Uint8Array;
}
interface Common extends Numbered {
  /** Absent: as the tool has it, which is `pipe` for most. */
  readonly control?: Control;
}
/** One of the verbs, and none of the others. */
type Verb<Verbs, Name extends keyof Verbs> = { readonly [N in Name]: Verbs[N] } & {
  readonly [N in Exclude<keyof Verbs, Name>]?: never;
};
type OneOf<Verbs> = { [Name in keyof Verbs]: Verb<Verbs, Name> }[keyof Verbs];

export interface TunnelKeySet {
  /** Outer addresses, both of one family. */
  readonly src_ip: string;
  readonly dst_ip: string;
  /** The VNI. */
  readonly id?: number;
  readonly dst_port?: number;
  readonly tos?: number;
  readonly ttl?: number;
  /** The group policy of VXLAN-GBP. */
  readonly vxlan_opts?: number;
  /** Outer UDP checksum; false: `nocsum`. */
  readonly csum?: boolean;
  /** Outer packets say "don't fragment". */
  readonly nofrag?: true;
}
export type TunnelKeyAction = Common & { readonly kind: 'tunnel_key' } & OneOf<{ unset: true; set: TunnelKeySet }>;

/** Which way the frame takes from the device `dev`; a redirect ends its way here. */
export type MirredAction = Numbered & { readonly kind: 'mirred'; readonly dev: string } & (
    | (OneOf<{ egress: 'redirect'; ingress: 'redirect' }> & { readonly control?: never })
    | (OneOf<{ egress: 'mirror'; ingress: 'mirror' }> & { readonly control?: Control })
  );

export interface GactAction extends Numbered {
  readonly kind: 'gact';
  readonly control: Control;
  /** Of frames in `val` (1 … 10000) one has this control instead, by chance or by count. */
  readonly random?: {
    readonly type: 'netrand' | 'determ';
    readonly control: Exclude<Control, { readonly goto: number }>;
    readonly val: number;
  };
}

interface VlanTag {
  /** 0 … 4094. */
  readonly id: number;
  readonly protocol?: '802.1Q' | '802.1ad';
  /** 0 … 7. */
  readonly priority?: number;
}
export type VlanAction = Common & { readonly kind: 'vlan' } & OneOf<{
    pop: true;
    push: VlanTag;
    modify: VlanTag;
    pop_eth: true;
    push_eth: { readonly dst_mac: string; readonly src_mac: string };
  }>;

/** Bits that are kept as they were are those that `retain` has not. */
interface Retain {
  readonly retain?: number;
}
type Set1<Value> = OneOf<{ set: Value; add: Value; invert: true; preserve: true; clear: true }>;
type NumberEdit = Retain & (Set1<number> & { readonly decrement?: never });
type CountEdit = Retain &
  OneOf<{ set: number; add: number; invert: true; preserve: true; clear: true; decrement: true }>;
type AddressEdit = Retain & Set1<string>;
type LongEdit = OneOf<{ set: string; add: string; clear: true }>;
type OldEdit<Value> = Retain & OneOf<{ set: Value; invert: true; preserve: true; clear: true }>;

/** Fields of IPv4 that are numbers; `ttl` counts down, too. */
export type PeditIpNumber =
  | ('tos' | 'dsfield' | 'ihl' | 'protocol' | 'precedence')
  | ('nofrag' | 'firstfrag' | 'ce' | 'df' | 'mf');

interface PeditPlace {
  /** Bytes from the network header's first, which may be negative. */
  readonly offset: number;
  readonly width: 'u8' | 'u16' | 'u32';
  /** A byte at `at` is added to the offset, masked and shifted. */
  readonly at?: { readonly at: number; readonly mask: number; readonly shift: number };
}

/** What is done to one field, which its layer names: `{ ip: 'ttl', decrement: true }`, `{ eth: 'dst', set: '02:…' }`. */
export type Munge =
  | ({ readonly eth: 'src' | 'dst' } & LongEdit)
  | ({ readonly eth: 'type' } & NumberEdit)
  | ({ readonly ip: 'src' | 'dst' } & AddressEdit)
  | ({ readonly ip: 'ttl' } & CountEdit)
  | ({ readonly ip: PeditIpNumber } & NumberEdit)
  | ({ readonly ip6: 'src' | 'dst' } & LongEdit)
  | ({ readonly ip6: 'hoplimit' } & CountEdit)
  | ({ readonly ip6: 'flow_lbl' | 'payload_len' | 'nexthdr' | 'traffic_class' } & NumberEdit)
  | ({ readonly tcp: 'sport' | 'dport' | 'flags' } & NumberEdit)
  | ({ readonly udp: 'sport' | 'dport' } & NumberEdit)
  | (PeditPlace & NumberEdit);

/** Without `ex`: fields of IPv4, and what stands behind a header of it without options. */
export type OldMunge =
  | ({ readonly ip: 'src' | 'dst' } & OldEdit<string>)
  | ({ readonly ip: PeditIpNumber | 'ttl' | 'sport' | 'dport' | 'icmp_type' | 'icmp_code' } & OldEdit<number>)
  | (PeditPlace & OldEdit<number>);

export type PeditAction = Common & { readonly kind: 'pedit' } & (
    | { readonly ex?: true; readonly munge: readonly Munge[] }
    | { readonly ex: false; readonly munge: readonly OldMunge[] }
  );

export interface CsumAction extends Common {
  readonly kind: 'csum';
  /** Which checksums are made anew. */
  readonly update: readonly CsumTarget[];
}

interface SkbeditFields {
  readonly queue_mapping?: number;
  /** A class: `1:2`. */
  readonly priority?: string;
  readonly mark?: Masked32;
  readonly inheritdsfield?: true;
}
type Masked32 = number | { readonly value: number; readonly mask: number };
/** One of the fields at least. */
export type SkbeditAction = Common & { readonly kind: 'skbedit' } & SkbeditFields &
  { [Name in keyof SkbeditFields]-?: Required<Pick<SkbeditFields, Name>> }[keyof SkbeditFields];

/** A number of bits a second, or as tc reads it: `10mbit`, `1mbps`. */
export type Rate = number | string;
/** Bytes, or as tc reads it: `10k`, `1mb`. */
export type Size = number | string;

interface PoliceBounds extends Numbered {
  readonly kind: 'police';
  readonly mpu?: Size;
  readonly overhead?: number;
  readonly linklayer?: 'ethernet' | 'atm' | 'adsl';
  /** What becomes of frames that exceed (`reclassify`), and of those that conform (`pass`). */
  readonly exceed?: Control;
  readonly conform?: Exclude<Control, { readonly goto: number }>;
}
export type PoliceAction = PoliceBounds &
  (
    | ({ readonly rate: Rate; readonly burst: Size; readonly pkts_rate?: never; readonly pkts_burst?: never } & (
        | { readonly peakrate?: never; readonly mtu?: Size }
        | { readonly peakrate: Rate; readonly mtu: Size }
      ))
    | {
        readonly pkts_rate: number;
        readonly pkts_burst: number;
        readonly mtu?: Size;
        readonly rate?: never;
        readonly burst?: never;
        readonly peakrate?: never;
      }
    | {
        readonly mtu: Size;
        readonly rate?: never;
        readonly burst?: never;
        readonly peakrate?: never;
        readonly pkts_rate?: never;
        readonly pkts_burst?: never;
      }
  );

export interface SampleAction extends Common {
  readonly kind: 'sample';
  /** One frame in how many. */
  readonly rate: number;
  readonly group: number;
  /** Bytes of a frame that are wanted. */
  readonly trunc?: number;
}

export interface SimpleAction extends Common {
  readonly kind: 'simple';
  /** At most 31 bytes. */
  readonly sdata: string;
}

/** An action that is a function of the program (`endpoint.action`), by its name. */
export interface CustomActionUse extends Common {
  readonly kind: 'custom';
  readonly name: string;
}

/** One that is there already, which the filter shares: `action gact index 5`. */
export interface ActionByIndex {
  readonly kind: 'reference';
  /** `csum` cannot be named so. */
  readonly of: Exclude<ActionKind, 'custom' | 'csum'>;
  readonly index: number;
  readonly cookie?: string | Uint8Array;
}

/** An action of its own. */
export type ActionMaking =
  | TunnelKeyAction
  | MirredAction
  | GactAction
  | VlanAction
  | PeditAction
  | CsumAction
  | SkbeditAction
  | PoliceAction
  | SampleAction
  | SimpleAction
  | CustomActionUse;

/** An action of a filter; a control alone is one of the kind `gact`. */
export type Action = Control | ActionMaking | ActionByIndex;

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
/** Does not compile where the grammar has a kind of action that has no place here, or the other way round. */
export const actionsAreWhole: Same<ActionMaking['kind'], ActionKind> = true;
