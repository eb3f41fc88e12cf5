/**
 * The keys of flower that are about a frame: filters, each with frames that it takes and frames that it leaves by a
 * hair. Those about the tunnel stand in tunnel-key-cases.ts; key-coverage.test.ts says whether any is missing.
 */
import { arp, hex, type Ipv4Fields, icmp, ipv4, ipv6, sctp, tag, tcp, udp } from './headers.js';
import { MAC_A } from './topology.js';

const IP = 0x0800;
const IPV6 = 0x86dd;
const VLAN = 0x8100;
const QINQ = 0x88a8;
const ARP = 0x0806;
const RARP = 0x8035;
const M1 = '02:00:00:00:00:01';
const M2 = '02:00:00:00:00:02';
/** What frames come from. */
export const SOURCE = MAC_A;

/** EtherType and all behind it, in hex. With the addresses changed: `to` is given the case's own. */
export type Frame = string | { readonly body: string; readonly to?: (own: string) => string; readonly from?: string };

export interface KeyCase {
  /**
   * What stands behind `flower`. `OWN` stands for the destination MAC of the case, which every filter matches that says
   * nothing else of dst_mac; `HERE` and `ELSEWHERE` for the device that the frames come in on and for another.
   */
  readonly filter: string;
  /** `all` where nothing is said. */
  readonly protocol?: string;
  readonly takes: readonly Frame[];
  readonly leaves: readonly Frame[];
  /** Why no frame can be on the other side. */
  readonly oneSided?: string;
}

const v4 = (payload: string, fields?: Ipv4Fields): string => hex(IP, 2) + ipv4(payload, fields);
const v6 = (...args: Parameters<typeof ipv6>): string => hex(IPV6, 2) + ipv6(...args);
const v4tcp = (...args: Parameters<typeof tcp>): string => v4(tcp(...args), { protocol: 6 });
const v6tcp = (...args: Parameters<typeof tcp>): string => v6(tcp(...args), 6);
const v4sctp = (...args: Parameters<typeof sctp>): string => v4(sctp(...args), { protocol: 132 });
const v4icmp = (...args: Parameters<typeof icmp>): string => v4(icmp(...args), { protocol: 1 });
const v6icmp = (...args: Parameters<typeof icmp>): string => v6(icmp(...args), 58);
const plain = v4(udp(1, 2));
const plain6 = v6(udp(1, 2), 17);
const tagged = (id: number, priority = 0, behind = plain, tpid = VLAN): string =>
  hex(tpid, 2) + tag(id, priority, 0).slice(0, 4) + behind;
const asked = (operation: number, sender = M1, from = '10.0.0.1', target = M2, to = '10.0.0.2', type = ARP): string =>
  hex(type, 2) + arp(operation, [sender, from], [target, to]);
/** Behind a fragment header (RFC 8200, section 4.5), at an offset in units of eight bytes. */
const fragment6 = (offset: number, more: 0 | 1): string =>
  v6(`1100${hex((offset << 3) | more, 2)}00000007${udp(1, 2)}`, 44);
const lastOctet = (octet: string, body = plain): Frame => ({ to: (own) => own.slice(0, -2) + octet, body });
const firstOctet = (octet: string, body = plain): Frame => ({ to: (own) => octet + own.slice(2), body });
const from = (source: string, body = plain): Frame => ({ from: source, body });

const first = v4(udp(1, 2), { fragment: 0x2000 });
const later = v4('00'.repeat(16), { fragment: 4 });

const NO_BRIDGE = 'nothing in front of vtep floods frames';
const ONE_DEVICE = 'what comes in elsewhere meets the filters there';

const ofEthernet: readonly KeyCase[] = [
  { filter: 'dst_mac OWN', takes: [plain], leaves: [lastOctet('01')] },
  { filter: 'dst_mac OWN/40', takes: [plain, lastOctet('ff')], leaves: [firstOctet('0e')] },
  { filter: 'dst_mac OWN/fb:ff:ff:ff:ff:ff', takes: [plain, firstOctet('02')], leaves: [firstOctet('0e')] },
  { filter: `src_mac ${SOURCE}`, takes: [plain], leaves: [from('24:25:d0:e1:00:01')] },
  {
    filter: 'src_mac 24:25:d0:ff:ff:ff/24',
    takes: [plain, from('24:25:d0:00:00:00')],
    leaves: [from('24:25:d1:e1:00:00')],
  },
  {
    filter: 'src_mac 04:00:00:00:00:00/05:00:00:00:00:00',
    takes: [plain, from('06:07:08:09:0a:0b')],
    leaves: [from('22:25:d0:e1:00:00')],
  },
  { filter: 'indev HERE', takes: [plain], leaves: [], oneSided: ONE_DEVICE },
  { filter: 'indev ELSEWHERE', takes: [], leaves: [plain], oneSided: ONE_DEVICE },
  { filter: 'l2_miss 0', takes: [plain], leaves: [], oneSided: NO_BRIDGE },
  { filter: 'l2_miss 1', takes: [], leaves: [plain], oneSided: NO_BRIDGE },
  { filter: `skip_hw verbose classid 1:5 src_mac ${SOURCE}`, takes: [plain], leaves: [from(M1)] },
  { filter: `flowid 1:6 src_mac ${SOURCE}`, takes: [plain], leaves: [from(M1)] },
  { filter: `hw_tc 3 src_mac ${SOURCE}`, takes: [plain], leaves: [from(M1)] },
  { filter: '', protocol: 'ip', takes: [plain], leaves: [plain6, tagged(5), asked(1)] },
  { filter: '', protocol: 'ipv6', takes: [plain6], leaves: [plain] },
  { filter: '', protocol: '0x88cc', takes: ['88cc0000'], leaves: ['88cd0000', plain] },
];

const ofTags: readonly KeyCase[] = [
  { filter: 'num_of_vlans 1', takes: [tagged(5)], leaves: [plain, tagged(5, 0, tagged(6), QINQ)] },
  { filter: 'num_of_vlans 2', takes: [tagged(5, 0, tagged(6), QINQ)], leaves: [plain, tagged(5)] },
  { filter: 'num_of_vlans 0', protocol: 'ip', takes: [plain], leaves: [tagged(5)] },
  { filter: 'num_of_vlans 1 vlan_id 5', takes: [tagged(5), tagged(5, 0, plain, QINQ)], leaves: [tagged(6)] },
  {
    filter: 'num_of_vlans 1 vlan_ethtype ip dst_ip 10.0.0.2',
    takes: [tagged(5)],
    leaves: [plain, tagged(5, 0, plain6), tagged(5, 0, v4(udp(1, 2), { destination: '10.0.0.3' }))],
  },
  {
    filter: 'vlan_id 5',
    protocol: '802.1Q',
    takes: [tagged(5)],
    leaves: [tagged(4), plain, tagged(5, 0, plain, QINQ)],
  },
  { filter: 'vlan_id 5', protocol: '802.1ad', takes: [tagged(5, 0, plain, QINQ)], leaves: [tagged(5)] },
  { filter: 'vlan_id 0', protocol: '802.1Q', takes: [tagged(0, 7)], leaves: [tagged(1, 7), plain] },
  { filter: 'vlan_prio 3', protocol: '802.1Q', takes: [tagged(5, 3)], leaves: [tagged(5, 2)] },
  {
    filter: 'vlan_ethtype ipv4 dst_ip 10.0.0.2',
    protocol: '802.1Q',
    takes: [tagged(5)],
    leaves: [tagged(5, 0, v4(udp(1, 2), { destination: '10.0.0.3' })), tagged(5, 0, plain6), plain],
  },
  {
    filter: 'vlan_ethtype ipv6 ip_proto tcp src_ip fd00::1',
    protocol: '802.1ad',
    takes: [tagged(5, 0, v6tcp(1, 2), QINQ)],
    leaves: [tagged(5, 0, plain6, QINQ), tagged(5, 0, v6tcp(1, 2))],
  },
  {
    filter: 'vlan_ethtype arp arp_op reply',
    protocol: '802.1Q',
    takes: [tagged(5, 0, asked(2))],
    leaves: [tagged(5, 0, asked(1)), asked(2)],
  },
  {
    filter: 'vlan_ethtype 802.1Q cvlan_id 6',
    protocol: '802.1ad',
    takes: [tagged(5, 0, tagged(6), QINQ)],
    leaves: [tagged(6, 0, tagged(5), QINQ), tagged(6, 0, plain, QINQ)],
  },
  {
    filter: 'vlan_ethtype 802.1Q cvlan_prio 7',
    protocol: '802.1Q',
    takes: [tagged(5, 0, tagged(6, 7))],
    leaves: [tagged(5, 7, tagged(6, 0))],
  },
  {
    filter: 'vlan_ethtype 802.1Q cvlan_ethtype ipv6',
    protocol: '802.1Q',
    takes: [tagged(5, 0, tagged(6, 0, plain6))],
    leaves: [tagged(5, 0, tagged(6))],
  },
  {
    filter: 'num_of_vlans 2 vlan_id 5 cvlan_id 6 cvlan_ethtype ip ip_proto udp dst_port 2',
    takes: [tagged(5, 0, tagged(6), QINQ)],
    leaves: [tagged(5, 0, tagged(6, 0, v4(udp(1, 3))), QINQ), tagged(5, 0, tagged(7), QINQ)],
  },
];

const ofAddresses: readonly KeyCase[] = [
  { filter: 'ip_proto udp', protocol: 'ip', takes: [plain], leaves: [v4tcp(1, 2)] },
  { filter: 'ip_proto 84', protocol: 'ip', takes: [v4sctp(1, 2)], leaves: [plain] },
  { filter: 'ip_proto 2f', protocol: 'ipv6', takes: [v6('00000800', 47)], leaves: [plain6] },
  { filter: 'dst_ip 10.0.0.2', protocol: 'ip', takes: [plain], leaves: [v4(udp(1, 2), { destination: '10.0.0.6' })] },
  {
    filter: 'dst_ip 10.0.0.0/30',
    protocol: 'ip',
    takes: [plain, v4(udp(1, 2), { destination: '10.0.0.3' })],
    leaves: [v4(udp(1, 2), { destination: '10.0.0.4' })],
  },
  { filter: 'src_ip 10.0.0.1', protocol: 'ip', takes: [plain], leaves: [v4(udp(1, 2), { source: '10.0.0.3' })] },
  {
    filter: 'src_ip 10.0.9.9/255.255.0.0',
    protocol: 'ip',
    takes: [plain],
    leaves: [v4(udp(1, 2), { source: '10.1.0.1' })],
  },
  { filter: 'dst_ip fd00::2', protocol: 'ipv6', takes: [plain6], leaves: [v6(udp(1, 2), 17, 1, 3)] },
  {
    filter: 'dst_ip fd00::2/126',
    protocol: 'ipv6',
    takes: [plain6, v6(udp(1, 2), 17, 1, 3)],
    leaves: [v6(udp(1, 2), 17, 1, 4)],
  },
  { filter: 'src_ip fd00::1', protocol: 'ipv6', takes: [plain6], leaves: [v6(udp(1, 2), 17, 3)] },
  { filter: 'src_ip fd00::/127', protocol: 'ipv6', takes: [plain6], leaves: [v6(udp(1, 2), 17, 2, 2)] },
  { filter: 'ip_tos 4', protocol: 'ip', takes: [v4(udp(1, 2), { tos: 4 })], leaves: [v4(udp(1, 2), { tos: 6 })] },
  {
    filter: 'ip_tos 0x10/0xf0',
    protocol: 'ip',
    takes: [v4(udp(1, 2), { tos: 0x1c })],
    leaves: [v4(udp(1, 2), { tos: 0x2c })],
  },
  { filter: 'ip_tos 4', protocol: 'ipv6', takes: [v6(udp(1, 2), 17, 1, 2, 4)], leaves: [v6(udp(1, 2), 17, 1, 2, 5)] },
  {
    filter: 'ip_tos 0x20/0xe0',
    protocol: 'ipv6',
    takes: [v6(udp(1, 2), 17, 1, 2, 0x3f)],
    leaves: [v6(udp(1, 2), 17, 1, 2, 0x5f)],
  },
  { filter: 'ip_ttl 63', protocol: 'ip', takes: [v4(udp(1, 2), { ttl: 63 })], leaves: [plain] },
  { filter: 'ip_ttl 64/f0', protocol: 'ip', takes: [v4(udp(1, 2), { ttl: 79 })], leaves: [v4(udp(1, 2), { ttl: 80 })] },
  { filter: 'ip_ttl 9', protocol: 'ipv6', takes: [v6(udp(1, 2), 17, 1, 2, 0, 9)], leaves: [plain6] },
  {
    filter: 'ip_ttl 8/fe',
    protocol: 'ipv6',
    takes: [v6(udp(1, 2), 17, 1, 2, 0, 9)],
    leaves: [v6(udp(1, 2), 17, 1, 2, 0, 10)],
  },
  { filter: 'ip_flags frag', protocol: 'ip', takes: [first, later], leaves: [plain] },
  { filter: 'ip_flags nofrag', protocol: 'ip', takes: [plain], leaves: [first, later] },
  { filter: 'ip_flags firstfrag', protocol: 'ip', takes: [first], leaves: [plain, later] },
  { filter: 'ip_flags nofirstfrag', protocol: 'ip', takes: [plain, later], leaves: [first] },
  { filter: 'ip_flags frag/nofirstfrag', protocol: 'ip', takes: [later], leaves: [first, plain] },
  { filter: 'ip_flags frag', protocol: 'ipv6', takes: [fragment6(0, 1), fragment6(2, 0)], leaves: [plain6] },
  {
    filter: 'ip_flags frag/firstfrag',
    protocol: 'ipv6',
    takes: [fragment6(0, 1)],
    leaves: [fragment6(2, 0), plain6],
  },
];

const ofPorts: readonly KeyCase[] = [
  { filter: 'ip_proto udp dst_port 2', protocol: 'ip', takes: [plain], leaves: [v4(udp(1, 3)), v4tcp(1, 2)] },
  { filter: 'ip_proto udp src_port 1', protocol: 'ip', takes: [plain], leaves: [v4(udp(2, 1))] },
  { filter: 'ip_proto tcp dst_port 2', protocol: 'ip', takes: [v4tcp(1, 2)], leaves: [v4tcp(1, 3), plain] },
  { filter: 'ip_proto tcp src_port 1', protocol: 'ipv6', takes: [v6tcp(1, 2)], leaves: [v6tcp(2, 2), plain6] },
  { filter: 'ip_proto sctp dst_port 2', protocol: 'ip', takes: [v4sctp(1, 2)], leaves: [v4sctp(2, 1), plain] },
  { filter: 'ip_proto sctp src_port 1', protocol: 'ip', takes: [v4sctp(1, 2)], leaves: [v4sctp(2, 1), plain] },
  {
    filter: 'ip_proto udp dst_port 0x1200/0xff00',
    protocol: 'ip',
    takes: [v4(udp(1, 0x12ff))],
    leaves: [v4(udp(1, 0x1300))],
  },
  { filter: 'ip_proto udp src_port 1/1', protocol: 'ipv6', takes: [plain6], leaves: [v6(udp(2, 2), 17)] },
  {
    filter: 'ip_proto tcp dst_port 1000-2000',
    protocol: 'ip',
    takes: [1000, 1500, 2000].map((port) => v4tcp(1, port)),
    leaves: [v4tcp(1, 999), v4tcp(1500, 2001), v4(udp(1, 1500))],
  },
  {
    filter: 'ip_proto sctp src_port 10-20 dst_port 30-40',
    protocol: 'ipv6',
    takes: [v6(sctp(15, 35), 132)],
    leaves: [v6(sctp(35, 15), 132), v6(sctp(15, 41), 132)],
  },
  {
    filter: 'ip_proto udp src_port 7 dst_port 30-40',
    protocol: 'ip',
    takes: [v4(udp(7, 30))],
    leaves: [v4(udp(8, 30)), v4(udp(7, 29))],
  },
  {
    filter: 'ip_proto tcp tcp_flags 0x2/0x17',
    protocol: 'ip',
    takes: [v4tcp(1, 2, 0x02), v4tcp(1, 2, 0x42)],
    leaves: [v4tcp(1, 2, 0x12), v4tcp(1, 2, 0x10)],
  },
  {
    filter: 'ip_proto tcp tcp_flags 0x12',
    protocol: 'ipv6',
    takes: [v6tcp(1, 2, 0x12)],
    leaves: [v6tcp(1, 2, 0x52), v6tcp(1, 2, 0x112)],
  },
  {
    filter: 'ip_proto icmp type 8 code 0',
    protocol: 'ip',
    takes: [v4icmp(8, 0)],
    leaves: [v4icmp(0, 0), v4icmp(8, 1), v4(icmp(8, 0))],
  },
  { filter: 'ip_proto icmp type 8/12 code 2/2', protocol: 'ip', takes: [v4icmp(11, 3)], leaves: [v4icmp(11, 1)] },
  {
    filter: 'ip_proto icmpv6 type 135 code 0',
    protocol: 'ipv6',
    takes: [v6icmp(135, 0)],
    leaves: [v6icmp(136, 0), v6icmp(135, 1)],
  },
  {
    filter: 'ip_proto icmpv6 type 128/254',
    protocol: 'ipv6',
    takes: [v6icmp(128, 0), v6icmp(129, 0)],
    leaves: [v6icmp(130, 0)],
  },
  { filter: 'ip_proto icmpv6 code 4/6', protocol: 'ipv6', takes: [v6icmp(1, 5)], leaves: [v6icmp(1, 6)] },
];

const ofArp: readonly KeyCase[] = [
  { filter: 'arp_op request', protocol: 'arp', takes: [asked(1)], leaves: [asked(2)] },
  { filter: 'arp_op reply', protocol: 'arp', takes: [asked(2)], leaves: [asked(1)] },
  { filter: 'arp_op 1/1', protocol: 'arp', takes: [asked(1)], leaves: [asked(2)] },
  {
    filter: 'arp_op reply',
    protocol: 'rarp',
    takes: [asked(2, M1, '10.0.0.1', M2, '10.0.0.2', RARP)],
    leaves: [asked(2)],
  },
  { filter: 'arp_sip 10.0.0.1', protocol: 'arp', takes: [asked(1)], leaves: [asked(1, M1, '10.0.0.3')] },
  { filter: 'arp_sip 10.0.0.0/31', protocol: 'arp', takes: [asked(1)], leaves: [asked(1, M1, '10.0.0.2')] },
  {
    filter: 'arp_tip 10.0.0.2',
    protocol: 'arp',
    takes: [asked(1)],
    leaves: [asked(1, M1, '10.0.0.1', M2, '10.0.0.1')],
  },
  {
    filter: 'arp_tip 10.0.0.0/255.255.255.252',
    protocol: 'arp',
    takes: [asked(1)],
    leaves: [asked(1, M1, '10.0.0.1', M2, '10.0.0.4')],
  },
  { filter: `arp_sha ${M1}`, protocol: 'arp', takes: [asked(1)], leaves: [asked(1, M2)] },
  { filter: `arp_sha ${M2}/46`, protocol: 'arp', takes: [asked(1)], leaves: [asked(1, '02:00:00:00:00:05')] },
  { filter: `arp_sha ${M1}/00:00:00:00:00:01`, protocol: 'arp', takes: [asked(1)], leaves: [asked(1, M2)] },
  { filter: `arp_tha ${M2}`, protocol: 'arp', takes: [asked(1)], leaves: [asked(1, M1, '10.0.0.1', M1)] },
  {
    filter: `arp_tha ${M2}/24`,
    protocol: 'arp',
    takes: [asked(1), asked(1, M1, '10.0.0.1', M1)],
    leaves: [asked(1, M1, '10.0.0.1', '02:00:01:00:00:02')],
  },
  {
    filter: `arp_tha ${M2}/ff:00:00:00:00:02`,
    protocol: 'arp',
    takes: [asked(1)],
    leaves: [asked(1, M1, '10.0.0.1', M1)],
  },
];

export const frameKeyCases: readonly KeyCase[] = [...ofEthernet, ...ofTags, ...ofAddresses, ...ofPorts, ...ofArp];
