/**
 * The actions of filters, each with a frame and with what becomes of it; action-coverage.test.ts says whether any is
 * missing. In front of each the frame is as `finished` leaves it, behind each stand two actions that send it on.
 */
import { checksummed } from './checksums.js';
import { hex, icmp, ipv4, ipv6, mac, sctp, tag, tcp, udp } from './headers.js';
import { MAC_A } from './topology.js';

/** What frames come from that filters take, and what those come from that they do not. */
export const SOURCE = MAC_A;
export const OTHER_SOURCE = '24:25:d0:e1:00:01';

/**
 * Where frames end: `piped` behind the action; `continued` at the next pref; `passed` by the hook; `chain` 7;
 * `ingress` and `egress` of a TAP that mirred names (TAP).
 */
export type End = 'piped' | 'continued' | 'passed' | 'chain' | 'ingress' | 'egress';

export interface ActionCase {
  /** What stands behind the word `action`. */
  readonly actions: string;
  /** A frame, given its addresses in hex and what identifies it: the last bytes of its payload. */
  readonly frame?: (addresses: string, id: string) => string;
  /** How often the frame comes, one copy behind the other; once where nothing is said. */
  readonly times?: number;
  /** What becomes of all of them; piped as they are where nothing is said. */
  readonly ends?: readonly (readonly [end: End, change?: (frame: string) => string])[];
  /** Only there. */
  readonly hook?: 'ingress' | 'egress';
}

type Change = (frame: string) => string;

/** 26 bytes: no frame is shorter than Ethernet allows, so none is padded. */
const DATA = '00112233445566778899aabbccddeeff0123456789ab';
const IP = '0800';

const v4 = (addresses: string, id: string): string => addresses + IP + ipv4(udp(1, 2, DATA + id));
const v4tcp = (addresses: string, id: string): string => addresses + IP + ipv4(tcp(1, 2) + DATA + id, { protocol: 6 });
const v4icmp = (addresses: string, id: string): string =>
  addresses + IP + ipv4(icmp(8, 0) + DATA + id, { protocol: 1 });
const v4igmp = (addresses: string, id: string): string =>
  addresses + IP + ipv4(`16000000e1010101${DATA}${id}`, { protocol: 2 });
const v4sctp = (addresses: string, id: string): string =>
  addresses + IP + ipv4(sctp(1, 2) + DATA + id, { protocol: 132 });
const v4udplite = (addresses: string, id: string): string =>
  addresses + IP + ipv4(`0001000200000000${DATA}${id}`, { protocol: 136 });
const v6 = (addresses: string, id: string): string => `${addresses}86dd${ipv6(udp(1, 2, DATA + id), 17)}`;
const v6tcp = (addresses: string, id: string): string => `${addresses}86dd${ipv6(tcp(1, 2) + DATA + id, 6)}`;
const v6icmp = (addresses: string, id: string): string => `${addresses}86dd${ipv6(icmp(128, 0) + DATA + id, 58)}`;
const tagged = (addresses: string, id: string): string => `${addresses}8100${tag(5, 3, 0x0800)}${v4('', id).slice(4)}`;

/** Hex in place of the bytes from `at` on. */
const put =
  (at: number, bytes: string): Change =>
  (frame) =>
    frame.slice(0, 2 * at) + bytes + frame.slice(2 * at + bytes.length);
const all =
  (...changes: readonly Change[]): Change =>
  (frame) =>
    changes.reduce((now, change) => change(now), frame);
/** Hex between the addresses and the rest. */
const insert =
  (bytes: string): Change =>
  (frame) =>
    frame.slice(0, 24) + bytes + frame.slice(24);
const remove: Change = (frame) => frame.slice(0, 24) + frame.slice(32);
const piped = (...changes: readonly Change[]): ActionCase['ends'] => [['piped', all(...changes)]];
const NOWHERE: ActionCase['ends'] = [];

const ofControls: readonly ActionCase[] = [
  { actions: 'pipe' },
  { actions: 'gact pipe' },
  { actions: 'continue', ends: [['continued']] },
  { actions: 'pass', ends: [['passed']] },
  { actions: 'ok', ends: [['passed']] },
  { actions: 'drop', ends: NOWHERE },
  { actions: 'shot', ends: NOWHERE },
  { actions: 'trap', ends: NOWHERE },
  { actions: 'reclassify', ends: NOWHERE },
  { actions: 'goto chain 7', ends: [['chain']] },
  { actions: 'jump 2 action drop' },
  { actions: 'pipe random determ drop 2', times: 4, ends: [['piped'], ['piped']] },
  { actions: 'drop random netrand pipe 1' },
  { actions: 'pipe index 77 cookie c0ffee' },
];

const ofTags: readonly ActionCase[] = [
  { actions: 'vlan push id 5', ends: piped(insert('81000005')) },
  { actions: 'vlan push id 6 protocol 802.1ad priority 3', ends: piped(insert('88a86006')) },
  { actions: 'vlan push id 5 action vlan push id 6 protocol 802.1ad', ends: piped(insert('88a8000681000005')) },
  { actions: 'vlan pop', frame: tagged, ends: piped(remove) },
  { actions: 'vlan pop' },
  { actions: 'vlan modify id 9', frame: tagged, ends: piped(put(14, '6009')) },
  {
    actions: 'vlan modify id 9 protocol 802.1ad priority 1',
    frame: tagged,
    ends: piped(put(12, '88a82009')),
  },
  { actions: 'vlan modify id 9' },
  {
    actions: 'vlan pop_eth pipe action vlan push_eth dst_mac 02:01:02:03:04:05 src_mac 02:11:12:13:14:15',
    ends: piped(put(0, '020102030405021112131415')),
  },
  { actions: 'vlan push id 5 goto chain 7', ends: [['chain', insert('81000005')]] },
];

/** Of IPv4, with its field in the frame and what is there behind it. */
const named: readonly (readonly [words: string, at: number, bytes: string, frame?: ActionCase['frame']])[] = [
  ['eth dst set 02:01:02:03:04:05', 0, '020102030405'],
  ['eth src set 02:01:02:03:04:05', 6, '020102030405'],
  ['eth type set 0x88b5', 12, '88b5'],
  ['ip src set 10.9.8.7', 26, '0a090807'],
  ['ip dst set 10.9.8.7', 30, '0a090807'],
  ['ip tos set 0x1c', 15, '1c'],
  ['ip dsfield set 0x2c', 15, '2c'],
  ['ip precedence set 0xe0', 15, 'e0'],
  ['ip ihl set 5', 14, '45'],
  ['ip ttl set 9', 22, '09'],
  ['ip ttl decrement', 22, '3f'],
  ['ip protocol set 0xfd', 23, 'fd'],
  ['ip nofrag set 0', 20, '00'],
  ['ip firstfrag set 0', 20, '00'],
  ['ip ce set 0x80', 20, '80'],
  ['ip df set 0x40', 20, '40'],
  ['ip mf set 0x20', 20, '20'],
  ['ip ttl clear', 22, '00'],
  ['ip tos invert', 15, 'ff'],
  ['ip ttl preserve', 22, '40'],
  ['ip dst set 10.9.8.7 retain 0xff', 30, '0a000007'],
  ['ip ttl add 5', 22, '45'],
  ['ip dst add 0.0.1.254', 30, '0a000200'],
  ['udp sport set 4660', 34, '1234'],
  ['udp dport set 4660', 36, '1234'],
  ['udp dport add 0x1fe', 36, '0200'],
  ['tcp sport set 4660', 34, '1234', v4tcp],
  ['tcp dport set 4660', 36, '1234', v4tcp],
  ['tcp flags set 0x12', 47, '12', v4tcp],
  ['ip6 src set fd00::9', 22, `fd${'00'.repeat(14)}09`, v6],
  ['ip6 dst set fd00::9', 38, `fd${'00'.repeat(14)}09`, v6],
  ['ip6 flow_lbl set 0x12345', 14, '60012345', v6],
  ['ip6 payload_len set 5', 18, '0005', v6],
  ['ip6 nexthdr set 0xfd', 20, 'fd', v6],
  ['ip6 hoplimit set 9', 21, '09', v6],
  ['ip6 hoplimit decrement', 21, '3f', v6],
  ['ip6 traffic_class set 0x5c', 14, '65c00000', v6],
  // Headers that the frame has not.
  ['tcp dport set 4660', 36, '0002'],
  ['ip6 hoplimit set 9', 21, '00'],
];

/** Without `ex`: offsets from the network header. */
const plain: readonly (readonly [words: string, at: number, bytes: string])[] = [
  ['ip src set 10.9.8.7', 26, '0a090807'],
  ['ip dst set 10.9.8.7', 30, '0a090807'],
  ['ip tos set 0x1c', 15, '1c'],
  ['ip dsfield set 0x2c', 15, '2c'],
  ['ip precedence set 0xe0', 15, 'e0'],
  ['ip ihl set 5', 14, '45'],
  ['ip ttl set 9', 22, '09'],
  ['ip protocol set 0xfd', 23, 'fd'],
  ['ip nofrag set 0', 20, '00'],
  ['ip firstfrag set 0', 20, '00'],
  ['ip ce set 0x80', 20, '80'],
  ['ip df set 0x40', 20, '40'],
  ['ip mf set 0x20', 20, '20'],
  ['ip sport set 4660', 34, '1234'],
  ['ip dport set 4660', 36, '1234'],
  ['ip icmp_type set 8', 34, '08'],
  ['ip icmp_code set 8', 34, '08'],
  ['offset 8 u8 set 7', 22, '07'],
  ['offset 20 u16 set 0x1234', 34, '1234'],
  ['offset 12 u32 set 0x0a090807', 26, '0a090807'],
  ['offset 12 u32 set 0x0a090807 retain 0xffff', 26, '0a000807'],
  // The fourth bit of the IHL (5): four bytes on, the identification.
  ['offset 0 u16 at 0 4 0 set 0x1234', 18, '1234'],
];

const ofFields: readonly ActionCase[] = [
  ...named.map(([words, at, bytes, frame]) => ({
    actions: `pedit ex munge ${words} pipe`,
    ...(frame && { frame }),
    ends: piped(put(at, bytes)),
  })),
  ...plain.map(([words, at, bytes]) => ({ actions: `pedit munge ${words} pipe`, ends: piped(put(at, bytes)) })),
  {
    actions: 'pedit ex munge ip src set 10.9.8.7 munge ip ttl decrement munge udp dport set 4660 goto chain 7',
    ends: [['chain', all(put(26, '0a090807'), put(22, '3f'), put(36, '1234'))]],
  },
];

/** A change, and the checksums that follow it. */
const followed: readonly (readonly [actions: string, change: Change, frame: ActionCase['frame']])[] = [
  ['munge ip dst set 10.9.8.7 pipe action csum ip4h and udp pipe', put(30, '0a090807'), v4],
  [
    'munge ip dst set 10.9.8.7 munge tcp dport set 9 pipe action csum iph tcp pipe',
    all(put(30, '0a090807'), put(36, '0009')),
    v4tcp,
  ],
  ['munge ip src set 10.9.8.7 pipe action csum ipv4h + sctp pipe', put(26, '0a090807'), v4sctp],
  ['munge ip src set 10.9.8.7 pipe action csum ip4h or udplite pipe', put(26, '0a090807'), v4udplite],
  ['munge offset 20 u8 set 0 pipe action csum icmp pipe', put(34, '00'), v4icmp],
  ['munge offset 20 u8 set 0x17 pipe action csum igmp pipe', put(34, '17'), v4igmp],
  ['munge ip6 dst set fd00::9 pipe action csum udp pipe', put(53, '09'), v6],
  ['munge ip6 dst set fd00::9 pipe action csum tcp pipe', put(53, '09'), v6tcp],
  ['munge ip6 src set fd00::9 pipe action csum icmp pipe', put(37, '09'), v6icmp],
];

const ofChecksums: readonly ActionCase[] = [
  ...followed.map(([words, change, frame = v4]) => ({
    actions: `pedit ex ${words}`,
    frame,
    ends: piped(change, checksummed),
  })),
  // What is not asked for stays.
  { actions: 'pedit ex munge ip dst set 10.9.8.7 pipe action csum tcp pipe', ends: piped(put(30, '0a090807')) },
  { actions: 'csum ip4h drop', ends: NOWHERE },
];

const ofOthers: readonly ActionCase[] = [
  { actions: 'skbedit mark 5/0xff priority 1:2 inheritdsfield' },
  { actions: 'skbedit queue_mapping 0', hook: 'egress' },
  { actions: 'skbedit mark 5 drop', ends: NOWHERE },
  { actions: 'sample rate 1 group 5 trunc 64' },
  { actions: 'sample rate 1 group 5 continue', ends: [['continued']] },
  { actions: 'simple sdata seen' },
  { actions: 'simple sdata seen drop', ends: NOWHERE },
  { actions: 'tunnel_key unset continue', hook: 'ingress', ends: [['continued']] },
  { actions: 'mirred egress redirect dev TAP', ends: [['egress']] },
  { actions: 'mirred ingress redirect dev TAP', ends: [['ingress']] },
  { actions: 'mirred egress mirror dev TAP', ends: [['egress'], ['piped']] },
  { actions: 'mirred ingress mirror dev TAP pipe', ends: [['ingress'], ['piped']] },
  { actions: 'mirred ingress mirror dev TAP continue', ends: [['ingress'], ['continued']] },
  { actions: 'mirred egress mirror dev TAP drop', ends: [['egress']] },
  {
    actions: 'mirred ingress mirror dev TAP pipe action vlan push id 5 action mirred egress mirror dev TAP',
    ends: [['ingress'], ['egress', insert('81000005')], ['piped', insert('81000005')]],
  },
];

/** A byte in half a second: what a test takes is nothing to such a bucket. */
const SLOW = 'rate 16bit';
const TWICE: ActionCase['ends'] = [['piped'], ['piped']];
const ONCE: ActionCase['ends'] = [['piped']];

const ofPolice: readonly ActionCase[] = [
  { actions: `police ${SLOW} burst 100 mtu 2k conform-exceed drop/pipe`, times: 2, ends: ONCE },
  { actions: `police ${SLOW} burst 400 mtu 2k conform-exceed drop/pipe`, times: 2, ends: TWICE },
  { actions: `police ${SLOW} buffer 100 minburst 2k conform-exceed drop / pipe`, times: 2, ends: ONCE },
  {
    actions: `police ${SLOW} maxburst 100 mtu 2k conform-exceed continue/pipe`,
    times: 2,
    ends: [['piped'], ['continued']],
  },
  { actions: `police ${SLOW} burst 400 mtu 2k mpu 300 conform-exceed drop/pipe`, times: 2, ends: ONCE },
  { actions: `police ${SLOW} burst 400 mtu 2k overhead 200 conform-exceed drop/pipe`, times: 2, ends: ONCE },
  { actions: `police ${SLOW} burst 200 mtu 2k linklayer atm conform-exceed drop/pipe`, times: 2, ends: ONCE },
  { actions: `police ${SLOW} burst 200 mtu 2k linklayer ethernet conform-exceed drop/pipe`, times: 2, ends: TWICE },
  { actions: 'police rate 1mbit burst 10k mtu 100 peakrate 16bit conform-exceed drop/pipe', times: 2, ends: ONCE },
  { actions: 'police pkts_rate 1 pkts_burst 2 conform-exceed drop/pipe', times: 3, ends: TWICE },
  { actions: 'police mtu 60 conform-exceed drop/pipe', ends: NOWHERE },
  { actions: 'police mtu 60 drop', ends: NOWHERE },
  { actions: 'police mtu 60 shot', ends: NOWHERE },
  { actions: 'police mtu 60 pass', ends: [['passed']] },
  { actions: 'police mtu 60 ok', ends: [['passed']] },
  { actions: 'police mtu 60 pipe' },
  { actions: 'police mtu 60 continue', ends: [['continued']] },
  { actions: 'police mtu 60 reclassify', ends: NOWHERE },
  { actions: 'police mtu 60', ends: NOWHERE },
  { actions: 'police mtu 60 goto chain 7', ends: [['chain']] },
  { actions: 'police mtu 60 conform-exceed goto chain 7 / drop', ends: [['chain']] },
  { actions: 'police mtu 60 conform-exceed jump 2 / drop action drop' },
  { actions: 'police mtu 60 conform-exceed trap/pipe', ends: NOWHERE },
  { actions: 'police mtu 1k', ends: [['passed']] },
  { actions: 'police mtu 1k conform-exceed drop/continue index 78', ends: [['continued']] },
];

export const actionCases: readonly ActionCase[] = [
  ...ofControls,
  ...ofTags,
  ...ofFields,
  ...ofChecksums,
  ...ofOthers,
  ...ofPolice,
];

/** The frame of a case, with right checksums; `isTaken`: from the source that its filter takes. */
export function frameOf({ frame = v4 }: ActionCase, destination: string, n: number, isTaken: boolean): string {
  const addresses = mac(destination) + mac(isTaken ? SOURCE : OTHER_SOURCE);
  return checksummed(frame(addresses, hex(n, 2) + (isTaken ? '5a5a' : 'a5a5')));
}
