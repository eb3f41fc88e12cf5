/** Names of EtherTypes, as iproute2's ll_proto_a2n and ll_proto_n2a know them; the first name of a number is printed. */
import { parseUnsigned } from './numbers.js';

/** `protocol all`: every EtherType (ETH_P_ALL). */
export const ETH_P_ALL = 3;
export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_RARP = 0x8035;
export const ETH_P_IPV6 = 0x86dd;
export const ETH_P_8021Q = 0x8100;
export const ETH_P_8021AD = 0x88a8;

const names: readonly (readonly [string, number])[] = [
  ['loop', 0x0060],
  ['pup', 0x0200],
  ['ip', ETH_P_IP],
  ['ipv4', ETH_P_IP],
  ['x25', 0x0805],
  ['arp', ETH_P_ARP],
  ['bpq', 0x08ff],
  ['ieeepup', 0x0a00],
  ['ieeepupat', 0x0a01],
  ['dec', 0x6000],
  ['dna_dl', 0x6001],
  ['dna_rc', 0x6002],
  ['dna_rt', 0x6003],
  ['lat', 0x6004],
  ['diag', 0x6005],
  ['cust', 0x6006],
  ['sca', 0x6007],
  ['teb', 0x6558],
  ['rarp', ETH_P_RARP],
  ['atalk', 0x809b],
  ['aarp', 0x80f3],
  ['802.1Q', ETH_P_8021Q],
  ['ipx', 0x8137],
  ['ipv6', ETH_P_IPV6],
  ['mpls_uc', 0x8847],
  ['mpls_mc', 0x8848],
  ['atmmpoa', 0x884c],
  ['ppp_disc', 0x8863],
  ['ppp_ses', 0x8864],
  ['atmfate', 0x8884],
  ['profinet', 0x8892],
  ['aoe', 0x88a2],
  ['ethercat', 0x88a4],
  ['802.1ad', ETH_P_8021AD],
  ['tipc', 0x88ca],
  ['LLDP', 0x88cc],
  ['802_3', 0x0001],
  ['ax25', 0x0002],
  ['all', ETH_P_ALL],
  ['802_2', 0x0004],
  ['snap', 0x0005],
  ['ddcmp', 0x0006],
  ['wan_ppp', 0x0007],
  ['ppp_mp', 0x0008],
  ['localtalk', 0x0009],
  ['can', 0x000c],
  ['ppptalk', 0x0010],
  ['tr_802_2', 0x0011],
  ['mobitex', 0x0015],
  ['control', 0x0016],
  ['irda', 0x0017],
  ['econet', 0x0018],
];

const byName = new Map(names.map(([name, value]) => [name.toLowerCase(), value]));
const byValue = new Map([...names].reverse().map(([name, value]) => [value, name]));

/** A name, whatever its case, or a number; host order. */
export function parseEtherType(text: string): number | undefined {
  return byName.get(text.toLowerCase()) ?? parseUnsigned(text, 0, 0xffff);
}

/** The name that iproute2 prints. */
export function etherTypeName(etherType: number): string | undefined {
  return byValue.get(etherType);
}

/** As in `filter protocol NAME`; a number without a name in brackets, which cannot be typed. */
export function formatEtherType(etherType: number): string {
  return etherTypeName(etherType) ?? `[${etherType}]`;
}
