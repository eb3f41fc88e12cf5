/**
 * Typed commands: what the grammar of ip, tc and bridge parses to, and the state that the printers print. Plain
 * data; nothing here knows a device or a datapath. Addresses are bytes in network order, numbers in host order.
 */

import type { ActionDetail, ActionKind, ActionSpec } from './action-types.js';
import type { FdbDeletion, FdbEntry, FdbFlush, FdbSelector, VniRange } from './fdb-types.js';
import type { MonitorRequest } from './monitor-types.js';
import type { VxlanChanges, VxlanOptions } from './vxlan-options.js';

export type * from './action-types.js';
export type { VxlanChanges, VxlanOptions } from './vxlan-options.js';

/** The keys of flower that vtep knows, in the order in which tc prints them (semantics: man tc-flower). */
export type FlowerKeyName =
  | 'indev'
  | 'num_of_vlans'
  | 'vlan_id'
  | 'vlan_prio'
  | 'vlan_ethtype'
  | 'cvlan_id'
  | 'cvlan_prio'
  | 'cvlan_ethtype'
  | 'dst_mac'
  | 'src_mac'
  | 'eth_type'
  | 'ip_proto'
  | 'ip_tos'
  | 'ip_ttl'
  | 'dst_ip'
  | 'src_ip'
  | 'dst_port'
  | 'src_port'
  | 'dst_port_range'
  | 'src_port_range'
  | 'tcp_flags'
  | 'icmp_type'
  | 'icmp_code'
  | 'arp_sip'
  | 'arp_tip'
  | 'arp_op'
  | 'arp_sha'
  | 'arp_tha'
  | 'enc_dst_ip'
  | 'enc_src_ip'
  | 'enc_key_id'
  | 'enc_dst_port'
  | 'enc_src_port'
  | 'enc_tos'
  | 'enc_ttl'
  | 'vxlan_opts'
  | 'ip_flags'
  | 'enc_flags'
  | 'l2_miss';

/**
 * One key of a filter. `value` and `mask` have the width of the field (1, 2, 3, 4, 6 or 16 bytes, network order; an
 * enc_key_id has 4); the value is kept as typed, unmasked, because tc echoes it so. `indev` has no mask; its value is
 * the interface's name in ASCII. A range of ports has the first and the last in its value, and a mask of ones.
 */
export interface FlowerKey {
  readonly name: FlowerKeyName;
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
}

/** One action of those that `tc actions get` and `del` name. Index 0 and none are the same to tc. */
export interface ActionSelector {
  readonly action: ActionKind;
  readonly index: number;
}

/** A chain, as `tc chain` names it. */
export interface ChainSelector {
  readonly dev: string;
  readonly parent: FilterParent;
  /** Absent in a `show` of all; 0 where nothing was said to the others. */
  readonly chain?: number;
}

/** Which hook a filter hangs on, and how the user spelled it (tc prints it back so). */
export type FilterParent = 'ingress' | 'egress' | 'ffff:';

/** A filter as given, every choice of the user's kept. */
export interface FilterSpec {
  readonly dev: string;
  readonly parent: FilterParent;
  /**
   * EtherType in host order; 3 is `all`; 0, only with `change`, is whatever the filter has. The keys hold an `eth_type`
   * as the kernel makes and prints it: the protocol's, or what stands behind the tags that the filter is about.
   */
  readonly protocol: number;
  /** 1 … 65535; 0: the daemon chooses (49152, 49151, …). */
  readonly pref: number;
  readonly chain: number;
  /** 0: the daemon chooses the lowest free one from 1. */
  readonly handle: number;
  readonly keys: readonly FlowerKey[];
  readonly skipHw: boolean;
  /** Whoever adds it wants to be told what is wrong with it. */
  readonly verbose?: true;
  readonly classid?: number;
  readonly actions: readonly ActionSpec[];
}

/** What a show, get, del or flush names; what it leaves out is not restricted. */
export interface FilterSelector {
  readonly dev: string;
  readonly parent: FilterParent;
  readonly protocol?: number;
  readonly pref?: number;
  readonly chain?: number;
  readonly handle?: number;
  /** The word after pref/handle, where one was typed. */
  readonly kind?: string;
}

/** The generic part of `ip link add`: given before the word `type`. */
export interface LinkGeneric {
  readonly name: string;
  readonly mtu?: number;
  /** 6 bytes. */
  readonly address?: Uint8Array;
  readonly txqueuelen?: number;
  readonly up?: boolean;
}

/** Options before the verb: `-s -d -j -p …`. */
export interface OutputOptions {
  readonly statistics: boolean;
  readonly details: boolean;
  readonly json: boolean;
  readonly pretty: boolean;
  /** `-s` was given twice: ip then prints every counter of errors. */
  readonly errors?: boolean;
}

/** What `ip link show` asks for; what it leaves out is not restricted. */
export interface LinkSelector {
  readonly dev?: string;
  /** The kind of vtep's devices that was asked for; `tun` has TAPs too. */
  readonly type?: 'vxlan' | 'tun';
  /** Only devices that are up. */
  readonly up?: true;
}

/** What `replace` and `change` do where there is a qdisc already, which `add` refuses: nothing. `change` makes none. */
export type QdiscMode = 'replace' | 'change';

export type Command =
  | {
      readonly kind: 'link-add-vxlan';
      readonly link: LinkGeneric;
      readonly vxlan: VxlanOptions;
      readonly notes: readonly string[];
    }
  /** `tuntap`: typed as `ip tuntap`, which speaks to the TUN driver, and of its errors. */
  | {
      readonly kind: 'link-add-tap';
      readonly link: LinkGeneric;
      readonly persist: boolean;
      readonly tuntap?: true;
    }
  | { readonly kind: 'link-del'; readonly name: string; readonly tuntap?: true }
  /** `up` or `down` alone or among other words, or neither; `argv` is the whole line without the leading `ip`. */
  | { readonly kind: 'link-set'; readonly name: string; readonly up?: boolean; readonly argv: readonly string[] }
  /**
   * `link set NAME … type vxlan …`. `rest`: the line without `type` and what follows, when it says more than the
   * name: the host's part, which ip carries out in the same message (and so after the daemon's checks).
   */
  | {
      readonly kind: 'link-set-vxlan';
      readonly name: string;
      readonly changes: VxlanChanges;
      readonly up?: boolean;
      readonly rest?: readonly string[];
    }
  /** `argv`: as in link-set, for what the host has to add. */
  | {
      readonly kind: 'link-show';
      readonly selector: LinkSelector;
      readonly output: OutputOptions;
      readonly argv: readonly string[];
    }
  /** `replace`: one of the same kind may be there already. */
  | {
      readonly kind: 'qdisc-add';
      readonly dev: string;
      readonly qdisc: 'ingress' | 'clsact';
      readonly mode?: QdiscMode;
    }
  /** `anyKind`: named by parent or handle alone, so `qdisc` says nothing. */
  | {
      readonly kind: 'qdisc-del';
      readonly dev: string;
      readonly qdisc: 'ingress' | 'clsact';
      readonly anyKind?: boolean;
    }
  /** `hook`: ingress and clsact alone. */
  | { readonly kind: 'qdisc-show'; readonly dev?: string; readonly hook?: boolean; readonly output: OutputOptions }
  | { readonly kind: 'filter-add'; readonly mode: 'add' | 'replace' | 'change'; readonly filter: FilterSpec }
  | { readonly kind: 'filter-del'; readonly selector: FilterSelector }
  | { readonly kind: 'filter-get'; readonly selector: FilterSelector; readonly output: OutputOptions }
  | { readonly kind: 'filter-show'; readonly selector: FilterSelector; readonly output: OutputOptions }
  /** Actions of their own; none is a reference. `change` is another word for `replace`. */
  | { readonly kind: 'actions-add'; readonly mode: 'add' | 'replace'; readonly actions: readonly ActionSpec[] }
  | { readonly kind: 'actions-del'; readonly selectors: readonly ActionSelector[] }
  | { readonly kind: 'actions-get'; readonly selectors: readonly ActionSelector[]; readonly output: OutputOptions }
  /** `since`: only those used within as many milliseconds. */
  | {
      readonly kind: 'actions-show';
      readonly action: ActionKind;
      readonly since?: number;
      readonly output: OutputOptions;
    }
  | { readonly kind: 'actions-flush'; readonly action: ActionKind }
  | { readonly kind: 'chain-add'; readonly selector: ChainSelector }
  | { readonly kind: 'chain-del'; readonly selector: ChainSelector }
  | { readonly kind: 'chain-get'; readonly selector: ChainSelector; readonly output: OutputOptions }
  | { readonly kind: 'chain-show'; readonly selector: ChainSelector; readonly output: OutputOptions }
  /**
   * Entries of a device's own table (`self`). `argv` is the line without `bridge`, for a device that is not vtep's;
   * lines about a bridge's table (`master`, `br`, `vlan`) are the host's from the start.
   */
  | {
      readonly kind: 'fdb-add';
      readonly mode: 'add' | 'append' | 'replace';
      readonly entry: FdbEntry;
      readonly argv: readonly string[];
    }
  | { readonly kind: 'fdb-del'; readonly entry: FdbDeletion; readonly argv: readonly string[] }
  | {
      readonly kind: 'fdb-get';
      readonly entry: Pick<FdbEntry, 'dev' | 'mac' | 'vni'>;
      readonly output: OutputOptions;
      readonly argv: readonly string[];
    }
  | {
      readonly kind: 'fdb-show';
      readonly selector: FdbSelector;
      readonly output: OutputOptions;
      readonly argv: readonly string[];
    }
  | { readonly kind: 'fdb-flush'; readonly flush: FdbFlush; readonly argv: readonly string[] }
  | {
      readonly kind: 'vni-add' | 'vni-del';
      readonly dev: string;
      readonly ranges: readonly VniRange[];
      /** 4 or 16 bytes: the peer or group of these VNIs. */
      readonly remote?: Uint8Array;
    }
  | { readonly kind: 'vni-show'; readonly dev?: string; readonly output: OutputOptions }
  /** The host's side: handed to the system's tool as it stands (`argv` without the tool's name). */
  | {
      readonly kind: 'host';
      readonly tool: 'ip' | 'tc' | 'bridge';
      readonly argv: readonly string[];
      readonly dev?: string;
    }
  /** Tells of changes until nobody listens any more. */
  | { readonly kind: 'monitor'; readonly request: MonitorRequest }
  /** What only the system's tool tells of, for whoever asks: the words are those behind the tool's name. */
  | { readonly kind: 'monitor-host'; readonly tool: 'ip' | 'tc' | 'bridge'; readonly argv: readonly string[] }
  /** `help` somewhere: to be said on stderr, with the exit code that iproute2 has at that place. */
  | { readonly kind: 'help'; readonly text: string; readonly exit: number };

/** A refusal by the grammar: what stderr gets (without a trailing newline), and the exit code scripts test for. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

// ---- state to print -------------------------------------------------------------------------------------------

/** Statistics of one action. Times are whole seconds ago. */
export interface ActionStatistics {
  readonly packets: number;
  readonly bytes: number;
  readonly drops: number;
  readonly overlimits: number;
  readonly requeues: number;
  readonly installed: number;
  readonly lastUsed: number;
  /** Absent: never used (then tc prints no `firstused`, and `used` equals `installed`). */
  readonly firstUsed?: number;
}

export interface ActionState {
  readonly spec: ActionDetail & { readonly index: number; readonly cookie?: Uint8Array };
  readonly ref: number;
  readonly bind: number;
  readonly statistics: ActionStatistics;
}

/** A filter as installed: nothing left to choose. */
export interface FilterState extends Omit<FilterSpec, 'actions'> {
  readonly actions: readonly ActionState[];
}

/** An ingress or clsact qdisc as installed. The counts are of what passed its filters. */
export interface QdiscState {
  readonly dev: string;
  readonly qdisc: 'ingress' | 'clsact';
  readonly bytes: number;
  readonly packets: number;
  readonly drops: number;
  readonly overlimits: number;
}
