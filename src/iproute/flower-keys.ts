/**
 * The keys of flower: one row a key, in the order in which tc prints them. A key that vtep learns is a row here and a
 * word in `FlowerKeyName`; how its kind of value is read and written is in flower-values.ts.
 */
import type { FlowerKeyName } from './commands.js';

/** How a value is typed and printed. */
export type FlowerValueKind =
  | 'device'
  | 'mac'
  | 'ether-type'
  | 'ip-proto'
  | 'ip-address'
  | 'port'
  | 'plain-port'
  | 'port-range'
  | 'u32'
  | 'u8'
  | 'masked-u8'
  | 'tos-ttl'
  | 'vlan-id'
  | 'vlan-prio'
  | 'vlan-ethtype'
  | 'tcp-flags'
  | 'arp-op'
  | 'gbp'
  | 'ip-flags'
  | 'enc-flags';

/** What the filter must match already for tc to take the key. */
export type FlowerNeed = 'ip' | 'transport' | 'icmp' | 'arp' | 'vlan' | 'cvlan';

export interface FlowerKeyRow {
  /** As typed, printed and keyed in JSON, unless the following say otherwise. */
  readonly name: FlowerKeyName;
  readonly typed?: string;
  readonly printed?: string;
  /** Bytes; 0 where it varies (names, addresses of either family). */
  readonly width: number;
  readonly kind: FlowerValueKind;
  /**
   * `ip`: IPv4 or IPv6 as the protocol, or behind the tags, whose family addresses must have. `transport`: ip_proto
   * tcp, udp or sctp. `icmp`: ip_proto icmp or icmpv6. `arp`: protocol arp or rarp. `vlan`, `cvlan`: a tag, two tags.
   */
  readonly needs?: FlowerNeed;
}

export const flowerKeys: readonly FlowerKeyRow[] = [
  { name: 'indev', width: 0, kind: 'device' },
  { name: 'num_of_vlans', width: 1, kind: 'u8' },
  { name: 'vlan_id', width: 2, kind: 'vlan-id', needs: 'vlan' },
  { name: 'vlan_prio', width: 1, kind: 'vlan-prio', needs: 'vlan' },
  { name: 'vlan_ethtype', width: 2, kind: 'vlan-ethtype', needs: 'vlan' },
  { name: 'cvlan_id', width: 2, kind: 'vlan-id', needs: 'cvlan' },
  { name: 'cvlan_prio', width: 1, kind: 'vlan-prio', needs: 'cvlan' },
  { name: 'cvlan_ethtype', width: 2, kind: 'vlan-ethtype', needs: 'cvlan' },
  { name: 'dst_mac', width: 6, kind: 'mac' },
  { name: 'src_mac', width: 6, kind: 'mac' },
  { name: 'eth_type', width: 2, kind: 'ether-type' },
  { name: 'ip_proto', width: 1, kind: 'ip-proto', needs: 'ip' },
  { name: 'ip_tos', width: 1, kind: 'tos-ttl' },
  { name: 'ip_ttl', width: 1, kind: 'tos-ttl' },
  { name: 'dst_ip', width: 0, kind: 'ip-address', needs: 'ip' },
  { name: 'src_ip', width: 0, kind: 'ip-address', needs: 'ip' },
  { name: 'dst_port', width: 2, kind: 'port', needs: 'transport' },
  { name: 'src_port', width: 2, kind: 'port', needs: 'transport' },
  { name: 'dst_port_range', typed: '', printed: 'dst_port', width: 4, kind: 'port-range' },
  { name: 'src_port_range', typed: '', printed: 'src_port', width: 4, kind: 'port-range' },
  { name: 'tcp_flags', width: 2, kind: 'tcp-flags' },
  { name: 'icmp_type', typed: 'type', width: 1, kind: 'masked-u8', needs: 'icmp' },
  { name: 'icmp_code', typed: 'code', width: 1, kind: 'masked-u8', needs: 'icmp' },
  { name: 'arp_sip', width: 4, kind: 'ip-address', needs: 'arp' },
  { name: 'arp_tip', width: 4, kind: 'ip-address', needs: 'arp' },
  { name: 'arp_op', width: 1, kind: 'arp-op', needs: 'arp' },
  { name: 'arp_sha', width: 6, kind: 'mac' },
  { name: 'arp_tha', width: 6, kind: 'mac' },
  { name: 'enc_dst_ip', width: 0, kind: 'ip-address' },
  { name: 'enc_src_ip', width: 0, kind: 'ip-address' },
  { name: 'enc_key_id', width: 4, kind: 'u32' },
  { name: 'enc_dst_port', width: 2, kind: 'plain-port' },
  { name: 'enc_src_port', width: 2, kind: 'plain-port' },
  { name: 'enc_tos', width: 1, kind: 'tos-ttl' },
  { name: 'enc_ttl', width: 1, kind: 'tos-ttl' },
  { name: 'vxlan_opts', width: 4, kind: 'gbp' },
  { name: 'ip_flags', width: 4, kind: 'ip-flags' },
  { name: 'enc_flags', width: 4, kind: 'enc-flags' },
  { name: 'l2_miss', width: 1, kind: 'u8' },
];

const rows = new Map<FlowerKeyName, FlowerKeyRow>(flowerKeys.map((row) => [row.name, row]));

/** The row of a key. */
export function flowerKey(name: FlowerKeyName): FlowerKeyRow | undefined {
  return rows.get(name);
}

const typedRows = new Map<string, FlowerKeyRow>(
  flowerKeys.filter(({ kind }) => kind !== 'ether-type').map((row) => [row.typed ?? row.name, row]),
);
typedRows.delete('');

/** The row of a key by the full word that is typed for it; `eth_type` is not typed, nor have ranges a word of their own. */
export function typedFlowerKey(word: string): FlowerKeyRow | undefined {
  return typedRows.get(word);
}

/** The words that are typed for keys. */
export const flowerKeyWords: readonly string[] = [...typedRows.keys()];

/** How tc calls a key where it refuses one. */
export function refusedName({ name, typed }: FlowerKeyRow): string {
  return typed === undefined ? name : `icmp ${typed}`;
}

const ranks = new Map<FlowerKeyName, number>(flowerKeys.map(({ name }, rank) => [name, rank]));

/** Keys, each at most once, in the order of the table, whatever order they were typed in. */
export function inPrintOrder<K extends { readonly name: FlowerKeyName }>(keys: readonly K[]): K[] {
  return [...keys].sort((a, b) => (ranks.get(a.name) ?? 0) - (ranks.get(b.name) ?? 0));
}

/**
 * Every word of tc's flower, in the order in which tc tries them, which decides what an abbreviation means (`d` is
 * dst_mac, `i` ip_flags). Words without a row in the table are known, and refused by name.
 */
export const flowerWords: readonly string[] = [
  ...['classid', 'flowid', 'hw_tc', 'ip_flags', 'verbose', 'skip_hw', 'skip_sw'],
  ...['ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'indev'],
  ...['vlan_id', 'vlan_prio', 'vlan_ethtype', 'cvlan_id', 'cvlan_prio', 'cvlan_ethtype'],
  ...['mpls', 'mpls_label', 'mpls_tc', 'mpls_bos', 'mpls_ttl'],
  ...['dst_mac', 'src_mac', 'ip_proto', 'ip_tos', 'ip_ttl', 'dst_ip', 'src_ip', 'dst_port', 'src_port'],
  ...['tcp_flags', 'type', 'code', 'arp_tip', 'arp_sip', 'arp_op', 'arp_tha', 'arp_sha'],
  ...['enc_dst_ip', 'enc_src_ip', 'enc_key_id', 'enc_dst_port', 'enc_tos', 'enc_ttl'],
  ...['geneve_opts', 'vxlan_opts', 'erspan_opts', 'action'],
];

/** Words that have to be written out: iproute2 compares them whole, or only its later releases (or vtep) know them. */
export const flowerWholeWords: readonly string[] = [
  ...['num_of_vlans', 'l2tpv3_sid', 'pppoe_sid', 'ppp_proto', 'gtp_opts'],
  ...['l2_miss', 'enc_flags', 'spi', 'cfm', 'enc_src_port', 'help'],
];
