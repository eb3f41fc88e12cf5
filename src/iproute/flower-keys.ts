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
  | 'u32'
  | 'tos-ttl';

/** What the filter must match already for tc to take the key. */
export type FlowerNeed = 'ip' | 'transport';

export interface FlowerKeyRow {
  /** As typed, printed and keyed in JSON. */
  readonly name: FlowerKeyName;
  /** Bytes; 0 where it varies (names, addresses of either family). */
  readonly width: number;
  readonly kind: FlowerValueKind;
  /** `ip`: protocol ip or ipv6, whose family addresses must have. `transport`: ip_proto tcp, udp or sctp. */
  readonly needs?: FlowerNeed;
}

export const flowerKeys: readonly FlowerKeyRow[] = [
  { name: 'indev', width: 0, kind: 'device' },
  { name: 'dst_mac', width: 6, kind: 'mac' },
  { name: 'src_mac', width: 6, kind: 'mac' },
  { name: 'eth_type', width: 2, kind: 'ether-type' },
  { name: 'ip_proto', width: 1, kind: 'ip-proto', needs: 'ip' },
  { name: 'dst_ip', width: 0, kind: 'ip-address', needs: 'ip' },
  { name: 'src_ip', width: 0, kind: 'ip-address', needs: 'ip' },
  { name: 'dst_port', width: 2, kind: 'port', needs: 'transport' },
  { name: 'src_port', width: 2, kind: 'port', needs: 'transport' },
  { name: 'enc_dst_ip', width: 0, kind: 'ip-address' },
  { name: 'enc_src_ip', width: 0, kind: 'ip-address' },
  { name: 'enc_key_id', width: 4, kind: 'u32' },
  { name: 'enc_dst_port', width: 2, kind: 'plain-port' },
  { name: 'enc_src_port', width: 2, kind: 'plain-port' },
  { name: 'enc_tos', width: 1, kind: 'tos-ttl' },
  { name: 'enc_ttl', width: 1, kind: 'tos-ttl' },
];

const rows = new Map<string, FlowerKeyRow>(flowerKeys.map((row) => [row.name, row]));

/** The row of a key by its full name. */
export function flowerKey(name: string): FlowerKeyRow | undefined {
  return rows.get(name);
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
