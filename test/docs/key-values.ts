/** How the value of each kind of flower key is typed: words for the reference, and an example that the parser takes. */
import type { FlowerKeyName } from '../../src/iproute/commands.js';
import type { FlowerKeyRow, FlowerNeed, FlowerValueKind } from '../../src/iproute/flower-keys.js';

export interface ValueForm {
  readonly value: string;
  readonly mask: string;
  readonly example: string;
}

export const VALUE_FORMS: Readonly<Record<Exclude<FlowerValueKind, 'ether-type' | 'port-range'>, ValueForm>> = {
  device: { value: 'the name of a device', mask: '–', example: 'vxlan0' },
  mac: { value: 'a MAC address', mask: '`/MAC` or `/BITS`', example: '02:00:00:00:00:00/24' },
  'ip-proto': { value: '`tcp`, `udp`, `sctp`, `icmp`, `icmpv6`, or hexadecimal', mask: '–', example: 'tcp' },
  'ip-address': { value: 'an address', mask: '`/BITS` or `/ADDRESS`', example: '10.0.0.0/8' },
  port: { value: 'a port, or a range `FIRST-LAST`', mask: '`/MASK`', example: '80' },
  'plain-port': { value: 'a port', mask: '–', example: '4789' },
  u32: { value: 'a number', mask: '–', example: '4' },
  u8: { value: 'a number', mask: '–', example: '1' },
  'masked-u8': { value: 'a number to 255', mask: '`/MASK`', example: '8/255' },
  'tos-ttl': { value: 'a byte, in hexadecimal with `0x`', mask: '`/HEXMASK`', example: '0x10/0xfc' },
  'vlan-id': { value: '0 to 4095', mask: '–', example: '100' },
  'vlan-prio': { value: '0 to 7', mask: '–', example: '3' },
  'vlan-ethtype': { value: 'the protocol behind the tag', mask: '–', example: 'ipv4' },
  'tcp-flags': { value: 'hexadecimal, 12 bits', mask: '`/HEXMASK`', example: '0x2/0x17' },
  'arp-op': { value: '`request`, `reply` or a number', mask: '`/MASK`', example: 'request' },
  gbp: { value: 'a group policy ID', mask: '`/MASK`', example: '32' },
  'ip-flags': {
    value: '`frag`, `nofrag`, `firstfrag`, `nofirstfrag`, joined by `/`',
    mask: '–',
    example: 'frag/nofirstfrag',
  },
  'enc-flags': {
    value: '`tuncsum`, `tundf`, `tunoam`, `tuncrit`, each with `no` before it, joined by `/`',
    mask: '–',
    example: 'tuncsum/notundf',
  },
};

/** What has to stand before the key, and an example of it. */
export const NEEDS: Readonly<Record<FlowerNeed | 'tcp', { readonly words: string; readonly example: string }>> = {
  ip: { words: '`protocol ip` or `ipv6`', example: 'protocol ip flower' },
  transport: { words: '`ip_proto` tcp, udp or sctp', example: 'protocol ip flower ip_proto tcp' },
  tcp: { words: '`ip_proto tcp`', example: 'protocol ip flower ip_proto tcp' },
  icmp: { words: '`ip_proto` icmp or icmpv6', example: 'protocol ip flower ip_proto icmp' },
  arp: { words: '`protocol arp`', example: 'protocol arp flower' },
  vlan: { words: '`protocol 802.1Q`', example: 'protocol 802.1Q flower' },
  cvlan: {
    words: '`protocol 802.1ad` and `vlan_ethtype`',
    example: 'protocol 802.1ad flower vlan_ethtype 802.1Q',
  },
};

/** Keys that tc takes anywhere, and the kernel leaves out where they mean nothing: vtep asks for the rest. */
const OWN_NEEDS: Partial<Record<FlowerKeyName, FlowerNeed | 'tcp'>> = {
  ip_tos: 'ip',
  ip_ttl: 'ip',
  tcp_flags: 'tcp',
  arp_sha: 'arp',
  arp_tha: 'arp',
};

export function neededBefore({ name, needs }: FlowerKeyRow): FlowerNeed | 'tcp' | undefined {
  return needs ?? OWN_NEEDS[name];
}
