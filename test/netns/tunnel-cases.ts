/** tunnel_key set with each of its words, and the outer header that comes of it; over IPv4 and IPv6. */
import type { OuterHeader } from './outer-header.js';

export interface TunnelCase {
  /** OWN and PEER stand for addresses of the family. */
  readonly actions: string;
  /** Keys that match behind it, at the egress of the tunnel device, and some that do not. */
  readonly seen: readonly string[];
  readonly unseen: readonly string[];
  readonly outer: Partial<OuterHeader>;
}

const SET = 'tunnel_key set src_ip OWN dst_ip PEER';

/** A VXLAN header: RFC 7348 section 5, with the group policy extension where `policy` is given. */
const vxlan = (vni: number, policy?: number): string =>
  `${policy === undefined ? '08000000' : `8800${policy.toString(16).padStart(4, '0')}`}${vni.toString(16).padStart(6, '0')}00`;

/** What each sends where nothing else is said: 4789, TOS 0, the route's TTL, with a checksum. */
export const tunnelCases: readonly TunnelCase[] = [
  {
    actions: `${SET} id 9`,
    seen: ['enc_key_id 9', 'enc_src_ip OWN', 'enc_dst_ip PEER', 'enc_flags tuncsum/notundf'],
    unseen: ['enc_key_id 8', 'enc_src_ip PEER', 'enc_dst_ip OWN', 'enc_flags notuncsum'],
    outer: { vxlan: vxlan(9), checksum: 'right', destinationPort: 4789 },
  },
  {
    actions: `${SET} id 16777215 dst_port 4790`,
    seen: ['enc_key_id 16777215', 'enc_dst_port 4790'],
    unseen: ['enc_dst_port 4789'],
    outer: { vxlan: vxlan(0xffffff), destinationPort: 4790 },
  },
  {
    actions: `${SET} id 9 tos 0x48`,
    seen: ['enc_tos 0x48'],
    unseen: ['enc_tos 0x4c'],
    outer: { tos: 0x48 },
  },
  { actions: `${SET} id 9 ttl 33`, seen: ['enc_ttl 33'], unseen: ['enc_ttl 34'], outer: { ttl: 33 } },
  {
    actions: `${SET} id 9 nocsum`,
    seen: ['enc_flags notuncsum'],
    unseen: ['enc_flags tuncsum'],
    outer: { checksum: 'zero' },
  },
  {
    actions: `${SET} id 9 csum`,
    seen: ['enc_flags tuncsum'],
    unseen: ['enc_flags tundf'],
    outer: { checksum: 'right' },
  },
  {
    actions: `${SET} id 9 nofrag`,
    seen: ['enc_flags tundf'],
    unseen: ['enc_flags notundf'],
    outer: { vxlan: vxlan(9) },
  },
  {
    actions: `${SET} id 9 vxlan_opts 7`,
    seen: ['vxlan_opts 7', 'enc_key_id 9 vxlan_opts 6/6'],
    unseen: ['vxlan_opts 8'],
    outer: { vxlan: vxlan(9, 7) },
  },
  { actions: `${SET}`, seen: ['enc_dst_ip PEER'], unseen: ['enc_dst_ip OWN'], outer: { vxlan: vxlan(0) } },
  { actions: `${SET} id 9 action tunnel_key unset`, seen: [], unseen: ['enc_key_id 9', 'enc_dst_ip PEER'], outer: {} },
];
