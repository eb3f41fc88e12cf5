/** The keys of flower that are about the tunnel, over IPv4 and IPv6: filters, with datagrams that each takes and leaves. */

/** How a datagram differs from the others'. */
export interface Outer {
  readonly vni?: number;
  /** With the group policy extension in the header. */
  readonly policy?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly source?: string;
  readonly destination?: string;
  readonly tos?: number;
  readonly ttl?: number;
  /** With a right UDP checksum; over IPv4 alone. */
  readonly checksum?: true;
  /** Of the IPv4 header, DF among them. */
  readonly fragment?: number;
}

export interface TunnelKeyCase {
  readonly filter: string;
  readonly protocol?: string;
  readonly takes: readonly Outer[];
  readonly leaves: readonly Outer[];
  /** Why no datagram can be on the other side. */
  readonly oneSided?: string;
}

/** Addresses of one family: peers that send, and own ones that are sent to; numbers that follow one another. */
export interface Addresses {
  readonly peers: readonly [string, string, string];
  readonly own: readonly [string, string];
  /** Of all but the last bit. */
  readonly allButOne: number;
}

export const ADDRESSES: { readonly [F in 4 | 6]: Addresses } = {
  4: { peers: ['192.168.1.14', '192.168.1.15', '192.168.1.16'], own: ['192.168.1.13', '192.168.1.23'], allButOne: 31 },
  6: { peers: ['fd00::14', 'fd00::15', 'fd00::16'], own: ['fd00::12', 'fd00::23'], allButOne: 127 },
};

const NOT_VXLAN = 'VXLAN has neither of these bits';
const ONE_PORT = 'the device receives on one port';

export function tunnelKeyCases({ peers, own, allButOne }: Addresses): readonly TunnelKeyCase[] {
  const [peer, next, other] = peers;
  return [
    { filter: 'enc_key_id 4', takes: [{}], leaves: [{ vni: 5 }] },
    { filter: 'enc_key_id 16777215', takes: [{ vni: 0xffffff }], leaves: [{}, { vni: 0xfffffe }] },
    { filter: 'enc_key_id 0', takes: [{ vni: 0 }], leaves: [{}] },
    { filter: `enc_src_ip ${peer}`, takes: [{}], leaves: [{ source: next }] },
    { filter: `enc_src_ip ${next}/${allButOne}`, takes: [{}, { source: next }], leaves: [{ source: other }] },
    { filter: `enc_dst_ip ${own[0]}`, takes: [{}], leaves: [{ destination: own[1] }] },
    { filter: `enc_dst_ip ${own[0]}/${allButOne}`, takes: [{}], leaves: [{ destination: own[1] }] },
    { filter: 'enc_dst_port 4789', takes: [{}], leaves: [], oneSided: ONE_PORT },
    { filter: 'enc_dst_port 4790', takes: [], leaves: [{}], oneSided: ONE_PORT },
    { filter: 'enc_src_port 5000', takes: [{}], leaves: [{ sourcePort: 5001 }] },
    { filter: 'enc_tos 0x48', takes: [{ tos: 0x48 }], leaves: [{ tos: 0x4c }, {}] },
    { filter: 'enc_tos 0x40/0xf0', takes: [{ tos: 0x48 }], leaves: [{ tos: 0x28 }, {}] },
    { filter: 'enc_ttl 9', takes: [{ ttl: 9 }], leaves: [{ ttl: 10 }] },
    { filter: 'enc_ttl 8/fe', takes: [{ ttl: 9 }], leaves: [{ ttl: 10 }] },
    { filter: 'vxlan_opts 7', takes: [{ policy: 7 }], leaves: [{ policy: 8 }, {}] },
    { filter: 'vxlan_opts 0x10/0xf0', takes: [{ policy: 0x1f }], leaves: [{ policy: 0x2f }] },
    { filter: 'vxlan_opts 0', takes: [{ policy: 0 }], leaves: [{}, { policy: 1 }] },
    { filter: 'enc_flags notunoam/notuncrit', takes: [{}], leaves: [], oneSided: NOT_VXLAN },
    { filter: 'enc_flags tunoam', takes: [], leaves: [{}], oneSided: NOT_VXLAN },
    { filter: 'enc_flags tuncrit', takes: [], leaves: [{}], oneSided: NOT_VXLAN },
    { filter: 'enc_key_id 4 ip_proto udp dst_port 2', protocol: 'ip', takes: [{}], leaves: [{ vni: 6 }] },
    {
      filter: `enc_key_id 4 enc_src_ip ${peer} enc_dst_ip ${own[0]} enc_dst_port 4789 enc_ttl 64 enc_tos 0`,
      takes: [{}],
      leaves: [{ vni: 5 }, { source: next }, { destination: own[1] }, { ttl: 63 }, { tos: 4 }],
    },
  ];
}

const DONT_FRAGMENT = 0x4000;

/** What only an underlay knows that sees the outer header whole. */
export const shownFlagCases: readonly TunnelKeyCase[] = [
  { filter: 'enc_flags tuncsum', takes: [{ checksum: true }], leaves: [{}] },
  { filter: 'enc_flags notuncsum', takes: [{}], leaves: [{ checksum: true }] },
  { filter: 'enc_flags tundf', takes: [{ fragment: DONT_FRAGMENT }], leaves: [{}] },
  { filter: 'enc_flags notundf', takes: [{}], leaves: [{ fragment: DONT_FRAGMENT }] },
  {
    filter: 'enc_flags tuncsum/notundf',
    takes: [{ checksum: true }],
    leaves: [{ checksum: true, fragment: DONT_FRAGMENT }, {}],
  },
];
