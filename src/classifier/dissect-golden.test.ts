import test from 'ava';
import {
  SHAPE_FRAGMENT,
  SHAPE_IPV4,
  SHAPE_IPV6,
  SHAPE_ODD,
  SHAPE_OPTIONS,
  SHAPE_PADDED,
  SHAPE_TCP,
  SHAPE_UDP,
  SHAPE_VLAN,
} from '../memory/packets.js';
import { hex, run, words } from './dissect-harness.js';
import { KeyWord } from './flow-key.js';

const MACS = '525400000001 525400000002';
const IPV4_TCP = [
  '45 b8 002a 1234 4000 40 06 0000', // version, IHL 5, TOS 0xb8, 42 bytes, id, DF, TTL 64, TCP, checksum
  'c0a8010d c0a8010e', // 192.168.1.13 → 192.168.1.14
  '8235 1451 00000001 00000002 5 018 ffff 0000 0000', // 33333 → 5201, seq, ack, 20 bytes, ACK PSH, window
  'aabb',
].join('');
const IPV6_FIXED = (payload: string, next: string): string =>
  `6 0b 00001 ${payload} ${next} 3f fd000000000000000000000000000001 fd000000000000000000000000000002`;
const TCP = '8235 1451 00000001 00000002 5 002 ffff 0000 0000';
const V6_KEYS = {
  ETH_TYPE: 0x86dd,
  IP_VERSION: 6,
  IP_TOS: 0x0b,
  IP_TTL: 63,
  SRC_IP: 0xfd000000 | 0,
  DST_IP: 0xfd000000 | 0,
};
const V4_KEYS = {
  ETH_TYPE: 0x0800,
  IP_VERSION: 4,
  IP_TOS: 0xb8,
  IP_TTL: 64,
  SRC_IP: 0xc0a8010d | 0,
  DST_IP: 0xc0a8010e | 0,
};
const PORTS = { SRC_PORT: 33333, DST_PORT: 5201 };

interface Row {
  readonly title: string;
  readonly frame: Uint8Array;
  readonly keys: Record<string, number>;
  readonly shape: number;
  readonly layers: readonly [l3: number, l4: number, payload: number, end: number];
}

function ipv4(fields: string, ...rest: string[]): Uint8Array {
  return hex(MACS, '0800', fields, 'c0a8010d c0a8010e', ...rest);
}

const rows: readonly Row[] = [
  {
    title: 'a TCP segment over IPv4',
    frame: hex(MACS, '0800', IPV4_TCP),
    keys: { ...V4_KEYS, ...PORTS, IP_PROTO: 6, TCP_FLAGS: 0x18 },
    shape: SHAPE_IPV4 | SHAPE_TCP,
    layers: [14, 34, 54, 56],
  },
  {
    title: 'robustness 8: a header and nothing else',
    frame: hex(MACS, '0800'),
    keys: { ETH_TYPE: 0x0800 },
    shape: SHAPE_ODD,
    layers: [-1, -1, -1, 14],
  },
  {
    title: 'robustness 10: two tags',
    frame: hex(MACS, '88a8 2064 8100 e00a 0800', IPV4_TCP), // prio 1 id 100, prio 7 id 10
    keys: {
      ...{ ...V4_KEYS, ...PORTS, IP_PROTO: 6, TCP_FLAGS: 0x18, NUM_OF_VLANS: 2 },
      ...{ VLAN_ID: 100, VLAN_PRIO: 1, VLAN_ETHTYPE: 0x8100, CVLAN_ID: 10, CVLAN_PRIO: 7, CVLAN_ETHTYPE: 0x0800 },
    },
    shape: SHAPE_IPV4 | SHAPE_TCP | SHAPE_VLAN,
    layers: [22, 42, 62, 64],
  },
  {
    title: 'robustness 10: three tags have no L3 key',
    frame: hex(MACS, '8100 0001 8100 0002 8100 0003 0800', IPV4_TCP),
    keys: { ETH_TYPE: 0x0800, NUM_OF_VLANS: 3, VLAN_ID: 1, VLAN_ETHTYPE: 0x8100, CVLAN_ID: 2, CVLAN_ETHTYPE: 0x8100 },
    shape: SHAPE_ODD | SHAPE_VLAN,
    layers: [-1, -1, -1, 68],
  },
  {
    title: 'robustness 10: a cut tag',
    frame: hex(MACS, '8100 00'),
    keys: { ETH_TYPE: 0x8100 },
    shape: SHAPE_ODD | SHAPE_VLAN,
    layers: [-1, -1, -1, 15],
  },
  {
    title: 'robustness 11: a length instead of an EtherType is 802.2',
    frame: hex(MACS, '0003 424203'),
    keys: { ETH_TYPE: 4 },
    shape: 0,
    layers: [-1, -1, -1, 17],
  },
  {
    title: 'robustness 11: an unknown EtherType',
    frame: hex(MACS, '88cc 0207'),
    keys: { ETH_TYPE: 0x88cc },
    shape: 0,
    layers: [-1, -1, -1, 16],
  },
  {
    title: 'robustness 13: EtherType IPv4 before a version of 6',
    frame: ipv4('65 b8 0014 0000 0000 40 01 0000'),
    keys: { ETH_TYPE: 0x0800 },
    shape: SHAPE_ODD,
    layers: [-1, -1, -1, 34],
  },
  {
    title: 'robustness 14: an IHL below 5',
    frame: ipv4('44 b8 0014 0000 0000 40 01 0000'),
    keys: { ETH_TYPE: 0x0800 },
    shape: SHAPE_ODD,
    layers: [-1, -1, -1, 34],
  },
  {
    title: 'robustness 14: an IHL beyond the frame has no L4 key',
    frame: ipv4('4f b8 003c 0000 0000 40 11 0000', '0001 0002 0008 0000'),
    keys: { ...V4_KEYS, IP_PROTO: 17 },
    shape: SHAPE_IPV4 | SHAPE_OPTIONS | SHAPE_ODD,
    layers: [14, -1, -1, 42],
  },
  {
    title: 'robustness 15: a total length beyond the frame',
    frame: ipv4('45 b8 0064 0000 0000 40 11 0000', '8235 1451 0008 0000'),
    keys: { ...V4_KEYS, ...PORTS, IP_PROTO: 17 },
    shape: SHAPE_IPV4 | SHAPE_UDP | SHAPE_ODD,
    layers: [14, 34, 42, 42],
  },
  {
    title: 'robustness 15: padding behind the packet',
    frame: ipv4('45 b8 001c 0000 0000 40 11 0000', '8235 1451 0008 0000', 'ffffffff'),
    keys: { ...V4_KEYS, ...PORTS, IP_PROTO: 17 },
    shape: SHAPE_IPV4 | SHAPE_UDP | SHAPE_PADDED,
    layers: [14, 34, 42, 42],
  },
  {
    title: 'padding is never a transport header',
    frame: ipv4('45 b8 0014 0000 0000 40 11 0000', '8235 1451 0008 0000'),
    keys: { ...V4_KEYS, IP_PROTO: 17 },
    shape: SHAPE_IPV4 | SHAPE_PADDED | SHAPE_ODD,
    layers: [14, -1, -1, 34],
  },
  {
    title: 'robustness 16: a total length shorter than the header, 0 included, is not believed',
    frame: ipv4('45 b8 0000 0000 0000 40 11 0000', '8235 1451 0008 0000'),
    keys: { ...V4_KEYS, ...PORTS, IP_PROTO: 17 },
    shape: SHAPE_IPV4 | SHAPE_UDP | SHAPE_ODD,
    layers: [14, 34, 42, 42],
  },
  {
    title: 'robustness 18: a first fragment has no ports',
    frame: ipv4('45 b8 001c 0000 2000 40 11 0000', '8235 1451 0008 0000'),
    keys: { ...V4_KEYS, IP_PROTO: 17, IP_FLAGS: 3 },
    shape: SHAPE_IPV4 | SHAPE_FRAGMENT,
    layers: [14, -1, -1, 42],
  },
  {
    title: 'robustness 18: a later fragment',
    frame: ipv4('45 b8 001c 0000 00b9 40 11 0000', '8235 1451 0008 0000'),
    keys: { ...V4_KEYS, IP_PROTO: 17, IP_FLAGS: 1 },
    shape: SHAPE_IPV4 | SHAPE_FRAGMENT,
    layers: [14, -1, -1, 42],
  },
  {
    title: 'robustness 19: hop-by-hop and destination options before TCP',
    frame: hex(MACS, '86dd', IPV6_FIXED('0024', '00'), '3c 00 010400000000', '06 00 010400000000', TCP),
    keys: { ...V6_KEYS, ...PORTS, IP_PROTO: 6, TCP_FLAGS: 2 },
    shape: SHAPE_IPV6 | SHAPE_TCP | SHAPE_OPTIONS,
    layers: [14, 70, 90, 90],
  },
  {
    title: 'robustness 19: an extension header beyond the packet',
    frame: hex(MACS, '86dd', IPV6_FIXED('001c', '3c'), '06 03 010400000000', TCP),
    keys: { ...V6_KEYS, IP_PROTO: 6 },
    shape: SHAPE_IPV6 | SHAPE_OPTIONS | SHAPE_ODD,
    layers: [14, -1, -1, 82],
  },
  {
    title: 'robustness 19: a chain of 16 ends the walk',
    frame: hex(MACS, '86dd', IPV6_FIXED('0094', '3c'), '3c00010400000000'.repeat(15), '0600010400000000', TCP),
    keys: { ...V6_KEYS, IP_PROTO: 6 },
    shape: SHAPE_IPV6 | SHAPE_OPTIONS | SHAPE_ODD,
    layers: [14, -1, -1, 202],
  },
  {
    title: 'robustness 19: a chain of 15 does not',
    frame: hex(MACS, '86dd', IPV6_FIXED('008c', '3c'), '3c00010400000000'.repeat(14), '0600010400000000', TCP),
    keys: { ...V6_KEYS, ...PORTS, IP_PROTO: 6, TCP_FLAGS: 2 },
    shape: SHAPE_IPV6 | SHAPE_OPTIONS | SHAPE_TCP,
    layers: [14, 174, 194, 194],
  },
  {
    title: 'a first IPv6 fragment has the protocol behind its header',
    frame: hex(MACS, '86dd', IPV6_FIXED('001c', '2c'), '06 00 0001 12345678', TCP),
    keys: { ...V6_KEYS, IP_PROTO: 6, IP_FLAGS: 3 },
    shape: SHAPE_IPV6 | SHAPE_OPTIONS | SHAPE_FRAGMENT,
    layers: [14, -1, -1, 82],
  },
  {
    title: 'an authentication header is not walked through',
    frame: hex(MACS, '86dd', IPV6_FIXED('0008', '33'), '06 04 0000 00000001'),
    keys: { ...V6_KEYS, IP_PROTO: 51 },
    shape: SHAPE_IPV6,
    layers: [14, 54, -1, 62],
  },
  {
    title: 'robustness 20: protocol 0 over IPv4 is a value of its own',
    frame: ipv4('45 b8 0016 0000 0000 40 00 0000', '0600'),
    keys: V4_KEYS,
    shape: SHAPE_IPV4,
    layers: [14, 34, -1, 36],
  },
  {
    title: 'robustness 21: TCP of 19 bytes',
    frame: ipv4('45 b8 0027 0000 0000 40 06 0000', TCP.slice(0, -2)),
    keys: { ...V4_KEYS, IP_PROTO: 6 },
    shape: SHAPE_IPV4 | SHAPE_ODD,
    layers: [14, -1, -1, 53],
  },
  {
    title: 'robustness 21: a data offset beyond the segment',
    frame: ipv4('45 b8 0028 0000 0000 40 06 0000', TCP.replace(' 5 002', ' 6 002')),
    keys: { ...V4_KEYS, IP_PROTO: 6 },
    shape: SHAPE_IPV4 | SHAPE_ODD,
    layers: [14, -1, -1, 54],
  },
  {
    title: 'robustness 22: a UDP length below 8',
    frame: ipv4('45 b8 001c 0000 0000 40 11 0000', '8235 1451 0007 0000'),
    keys: { ...V4_KEYS, ...PORTS, IP_PROTO: 17 },
    shape: SHAPE_IPV4 | SHAPE_UDP | SHAPE_ODD,
    layers: [14, 34, 42, 42],
  },
  {
    title: 'an ICMP echo request',
    frame: ipv4('45 b8 001c 0000 4000 40 01 0000', '08 05 0000 00010001'),
    keys: { ...V4_KEYS, IP_PROTO: 1, ICMP_TYPE: 8, ICMP_CODE: 5 },
    shape: SHAPE_IPV4,
    layers: [14, 34, -1, 42],
  },
  {
    title: 'an ARP reply',
    frame: hex(MACS, '0806', '0001 0800 06 04 0002', '525400000002 0a000002', '525400000001 0a000001'),
    keys: {
      ...{ ETH_TYPE: 0x0806, ARP_OP: 2, ARP_SIP: 0x0a000002, ARP_TIP: 0x0a000001 },
      ...{ ARP_SHA: 0x52540000, ARP_THA: 0x52540000 },
    },
    shape: 0,
    layers: [-1, -1, -1, 42],
  },
];

for (const row of rows) {
  test(`golden: ${row.title}`, (t) => {
    const found = run(row.frame, 0xff);
    t.deepEqual(words(found), row.keys);
    t.is(found.shape, row.shape);
    t.deepEqual([found.l3, found.l4, found.payload, found.end], [...row.layers]);
  });
}

test('MACs stand in three words, those of ARP in two each', (t) => {
  const { key } = run(
    hex('0102030405f6 0708090a0bfc', '0806', '0001 0800 06 04 0001', '112233445566 0a000002', '778899aabbcc 0a000001'),
    0,
  );
  t.deepEqual([...key.slice(KeyWord.ETH_DST, KeyWord.ETH_DST + 3)], [0x01020304, 0x05f60708, 0x090a0bfc]);
  t.deepEqual([...key.slice(KeyWord.ARP_SHA, KeyWord.ARP_SHA + 2)], [0x11223344, 0x55660000]);
  t.deepEqual([...key.slice(KeyWord.ARP_THA, KeyWord.ARP_THA + 2)], [0x778899aa, 0xbbcc0000 | 0]);
});

test('a super-frame of 64 KB is dissected to its end', (t) => {
  const frame = new Uint8Array(14 + 65535);
  frame.set(hex(MACS, '0800', IPV4_TCP));
  frame.set([0xff, 0xff], 16);
  t.is(run(frame, 0xff).shape, SHAPE_IPV4 | SHAPE_TCP);
  t.is(run(frame, 0xff).end, 65549);
});

test('a super-frame longer than its length field can say keeps its keys and is odd', (t) => {
  const frame = new Uint8Array(100_000);
  frame.set(hex(MACS, '86dd', IPV6_FIXED('0000', '06'), TCP));
  const found = run(frame, 0xff);
  t.is(found.shape, SHAPE_IPV6 | SHAPE_TCP | SHAPE_ODD);
  t.deepEqual([found.payload, found.end], [74, 100_000]);
  t.is(found.key[KeyWord.DST_PORT], 5201);
});
