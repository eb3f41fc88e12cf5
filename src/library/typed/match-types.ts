/**
 * What a filter matches, by the words of `tc filter … flower`, in types: keys are there only where tc takes them, with
 * the protocol, the `ip_proto` or the tag that they need.
 */
import type { FlowerKeyName } from '../../iproute/commands.js';

/** A number, or the bits of one that count. */
export type Masked = number | { readonly value: number; readonly mask: number };
/** A port, the ports from one to another (both included), or the bits of one that count. */
export type Port = Masked | { readonly from: number; readonly to: number };
/** Flags that have to be set (true) and unset (false). */
export type Flags<Name extends string> = { readonly [Flag in Name]?: boolean };
/** An EtherType, in host order, or a name that tc has for it (`mpls_uc`, `LLDP`, …). */
export type EtherType = number | string;

/** Of the tunnel that a frame came by, and of what has no layer. */
export interface TunnelMatch {
  /** The device that frames came in on, by name. */
  readonly indev?: string;
  /** The VNI. */
  readonly enc_key_id?: number;
  /** Outer addresses: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`. */
  readonly enc_src_ip?: string;
  readonly enc_dst_ip?: string;
  /** Outer UDP ports. */
  readonly enc_src_port?: number;
  readonly enc_dst_port?: number;
  readonly enc_tos?: Masked;
  readonly enc_ttl?: Masked;
  /** The group policy of VXLAN-GBP. */
  readonly vxlan_opts?: Masked;
  readonly enc_flags?: Flags<'tuncsum' | 'tundf' | 'tunoam' | 'tuncrit'>;
  readonly ip_flags?: Flags<'frag' | 'firstfrag'>;
  /** Whether no forwarding entry was found for the frame's destination. */
  readonly l2_miss?: boolean;
  /** `02:00:00:00:00:01`, also with a mask or the number of its leading bits: `01:00:00:00:00:00/8`. */
  readonly dst_mac?: string;
  readonly src_mac?: string;
}

type None<Names extends string> = { readonly [Name in Names]?: never };
type TransportNames = 'dst_port' | 'src_port' | 'tcp_flags' | 'icmp_type' | 'icmp_code';

export interface PortsMatch {
  readonly dst_port?: Port;
  readonly src_port?: Port;
}

export type TcpMatch = PortsMatch &
  None<'icmp_type' | 'icmp_code'> & { readonly ip_proto: 'tcp'; readonly tcp_flags?: Masked };
export type UdpMatch = PortsMatch &
  None<'tcp_flags' | 'icmp_type' | 'icmp_code'> & { readonly ip_proto: 'udp' | 'sctp' };
export type IcmpMatch<Name extends 'icmp' | 'icmpv6'> = None<'dst_port' | 'src_port' | 'tcp_flags'> & {
  readonly ip_proto: Name;
  /** `type` and `code` of the text. */
  readonly icmp_type?: Masked;
  readonly icmp_code?: Masked;
};
/** Of another protocol, by number, or of any. */
export type OtherTransport = None<TransportNames> & { readonly ip_proto?: number };

export interface NetworkMatch {
  readonly ip_tos?: Masked;
  readonly ip_ttl?: Masked;
  /** Addresses, or prefixes. */
  readonly dst_ip?: string;
  readonly src_ip?: string;
}

export type Ipv4Match = NetworkMatch & None<ArpNames> & (TcpMatch | UdpMatch | IcmpMatch<'icmp'> | OtherTransport);
export type Ipv6Match = NetworkMatch & None<ArpNames> & (TcpMatch | UdpMatch | IcmpMatch<'icmpv6'> | OtherTransport);

type ArpNames = 'arp_sip' | 'arp_tip' | 'arp_op' | 'arp_sha' | 'arp_tha';
type NetworkNames = keyof NetworkMatch | 'ip_proto' | TransportNames;

export interface ArpKeys {
  readonly arp_sip?: string;
  readonly arp_tip?: string;
  readonly arp_op?: 'request' | 'reply' | Masked;
  readonly arp_sha?: string;
  readonly arp_tha?: string;
}
export type ArpMatch = ArpKeys & None<NetworkNames>;

/** Of what is said of a frame that is none of these: nothing. */
export type OpaqueMatch = None<NetworkNames | ArpNames>;

/** The outer tag. */
export interface TagMatch {
  readonly num_of_vlans?: number;
  /** 0 … 4095. */
  readonly vlan_id?: number;
  /** 0 … 7. */
  readonly vlan_prio?: number;
}
/** The inner one, where there are two. */
export interface InnerTagMatch {
  readonly cvlan_id?: number;
  readonly cvlan_prio?: number;
}
type TagTypes = '802.1Q' | '802.1ad';
type Ip = 'ip' | 'ipv4';

/** What stands behind a tag, by the word that says its EtherType. */
type Behind<Word extends 'vlan_ethtype' | 'cvlan_ethtype'> =
  | ({ readonly [W in Word]: Ip } & Ipv4Match)
  | ({ readonly [W in Word]: 'ipv6' } & Ipv6Match)
  | ({ readonly [W in Word]: 'arp' | 'rarp' } & ArpMatch)
  | ({ readonly [W in Word]?: number } & OpaqueMatch);

/** Of frames with tags. */
export type VlanMatch = TagMatch &
  (
    | (None<keyof InnerTagMatch | 'cvlan_ethtype'> & Behind<'vlan_ethtype'>)
    | (InnerTagMatch & { readonly vlan_ethtype?: TagTypes } & Behind<'cvlan_ethtype'>)
  );

type VlanNames = keyof TagMatch | keyof InnerTagMatch | 'vlan_ethtype' | 'cvlan_ethtype';
type Untagged = None<VlanNames>;

/** A filter's protocol, and what it matches of frames of that. */
export type Match =
  | { readonly protocol: Ip; readonly match?: TunnelMatch & Untagged & Ipv4Match }
  | { readonly protocol: 'ipv6'; readonly match?: TunnelMatch & Untagged & Ipv6Match }
  | { readonly protocol: 'arp' | 'rarp'; readonly match?: TunnelMatch & Untagged & ArpMatch }
  | { readonly protocol: TagTypes; readonly match?: TunnelMatch & VlanMatch }
  /** Frames of any protocol; of tags, with `num_of_vlans`. */
  | {
      readonly protocol?: 'all';
      readonly match?: TunnelMatch & ((Untagged & OpaqueMatch) | (VlanMatch & { readonly num_of_vlans: number }));
    }
  /** Any other EtherType. */
  | { readonly protocol: number; readonly match?: TunnelMatch & Untagged & OpaqueMatch };

/** Every key that can be written, under whatever condition. */
export type MatchName = keyof TunnelMatch | NetworkNames | ArpNames | VlanNames;

/** Every key of the grammar: `eth_type` is what `protocol` says, and ranges are of the ports. */
type GrammarName = Exclude<FlowerKeyName, 'eth_type' | 'dst_port_range' | 'src_port_range'>;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
/** Does not compile where the grammar has a key that has no place here, or the other way round. */
export const matchIsWhole: Same<MatchName, GrammarName> = true;
