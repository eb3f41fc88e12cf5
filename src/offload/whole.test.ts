import test from 'ava';
import { GSO_ECN, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, UNFINISHED } from '../memory/packets.js';
import { DatagramVector, FOLLOWS } from '../memory/vectors.js';
import { ENCAPSULATED, Encapsulator } from './encapsulate.js';
import { superFrame } from './test-coalescing.js';
import { buildFrame, concat, type FrameSpec, hex, noise, Workbench } from './test-frames.js';
import { slowSegments } from './test-segments.js';

const VNI = 0x123456;
const VXLAN = hex('08 000000 123456 00');

function setup(maxBytes = 65487) {
  const bench = new Workbench();
  const out = new DatagramVector(bench.arena, 8, 512, 32768);
  const encapsulator = new Encapsulator(bench.arena, bench.packets, bench.checksums, 64, maxBytes);
  encapsulator.whole = true;
  return { bench, out, encapsulator };
}

const WHOLE: readonly (readonly [string, Partial<FrameSpec>, number, number])[] = [
  ['TCP over IPv4', { payload: noise(10000, 1) }, GSO_TCPV4, 1398],
  ['TCP over IPv6', { payload: noise(10000, 2), version: 6 }, GSO_TCPV6, 1378],
  ['TCP with VLAN tags', { payload: noise(5000, 6), vlans: [5, 6] }, GSO_TCPV4, 1390],
  ['TCP with CWR and ECE', { payload: noise(5000, 9), flags: 0xd8 }, GSO_TCPV4 | GSO_ECN, 1400],
  ['TCP of two segments, the second of a byte', { payload: noise(1001, 3) }, GSO_TCPV4, 1000],
  ['UDP over IPv4', { payload: noise(5000, 13), protocol: 'udp' }, GSO_UDP_L4, 1200],
  ['UDP over IPv6', { payload: noise(5000, 14), protocol: 'udp', version: 6 }, GSO_UDP_L4, 1201],
];

for (const [name, given, gsoType, gsoSize] of WHOLE)
  test(`${name} stays whole, and counts as what the slow oracle cuts`, (t) => {
    const { bench, out, encapsulator } = setup();
    const frame = buildFrame({ ...given, unfinished: true });
    const i = superFrame(bench, given, gsoType, gsoSize);
    t.is(encapsulator.add(i, VNI, 9, out), ENCAPSULATED);
    t.deepEqual(bench.gather(out, 0), concat(VXLAN, frame));
    const cut = slowSegments(frame, gsoSize);
    const { packets } = bench;
    t.is(out.count, 1);
    t.is(out.segments[0], cut.length);
    t.is(
      out.bytes[0],
      cut.reduce((sum, segment) => sum + 8 + segment.length, 0),
    );
    const row = [out.gsoType, out.gsoSize, out.innerNetwork, out.innerTransport, out.innerPayload, out.segmentSize];
    t.deepEqual(
      row.map((column) => column[0]),
      [gsoType, gsoSize, 8 + packets.l3[i], 8 + packets.l4[i], 8 + packets.payload[i], 0],
    );
  });

const CUT: readonly (readonly [string, Partial<FrameSpec>, number, number])[] = [
  ['a single segment', { payload: noise(100, 5) }, GSO_TCPV4, 1398],
  ['an exact single segment', { payload: noise(1000, 5) }, GSO_TCPV4, 1000],
  ['IPv4 options', { payload: noise(5000, 7), ipOptions: '01010100' }, GSO_TCPV4, 1390],
  ['padding', { payload: noise(5000, 12), padding: 2 }, GSO_TCPV4, 1400],
];

for (const [name, given, gsoType, gsoSize] of CUT)
  test(`a super-frame with ${name} is cut here`, (t) => {
    const { bench, out, encapsulator } = setup();
    const i = superFrame(bench, given, gsoType, gsoSize);
    t.is(encapsulator.add(i, VNI, 0, out), ENCAPSULATED);
    t.is(out.gsoType[0], GSO_NONE);
    t.is(out.segments[0], slowSegments(buildFrame({ ...given, unfinished: true }), gsoSize).length);
  });

test('a super-frame whose checksum field holds something else, or lies elsewhere, is cut here', (t) => {
  for (const spoil of [
    ({ bench }: ReturnType<typeof setup>, i: number) => {
      const { frame, csumStart, csumOffset } = bench.packets;
      bench.arena.u8[frame[i] + csumStart[i] + csumOffset[i]] ^= 1;
    },
    ({ bench }: ReturnType<typeof setup>, i: number) => {
      bench.packets.csumOffset[i] = 6;
    },
    ({ bench }: ReturnType<typeof setup>, i: number) => {
      bench.packets.flags[i] &= ~UNFINISHED;
    },
  ]) {
    const s = setup();
    const i = superFrame(s.bench, { payload: noise(5000, 1) }, GSO_TCPV4, 1000);
    spoil(s, i);
    t.is(s.encapsulator.add(i, VNI, 0, s.out), ENCAPSULATED);
    t.is(s.out.gsoType[0], GSO_NONE);
  }
});

test('what is longer than an outer packet is cut here', (t) => {
  const frame = buildFrame({ payload: noise(5000, 1) }).length;
  for (const [room, gsoType] of [
    [8 + frame, GSO_TCPV4],
    [7 + frame, GSO_NONE],
  ] as const) {
    const { bench, out, encapsulator } = setup(room);
    encapsulator.add(superFrame(bench, { payload: noise(5000, 1) }, GSO_TCPV4, 1000), VNI, 0, out);
    t.is(out.gsoType[0], gsoType);
  }
});

test('a single frame follows, its own checksum finished, and an ordinary one behind it does not', (t) => {
  const { bench, out, encapsulator } = setup();
  encapsulator.add(bench.placeUnfinished(buildFrame({ unfinished: true })), VNI, 0, out);
  encapsulator.whole = false;
  encapsulator.add(bench.place(buildFrame({})), VNI, 0, out);
  t.deepEqual([...out.gsoType.subarray(0, 2)], [FOLLOWS, GSO_NONE]);
  t.deepEqual(bench.gather(out, 0), concat(VXLAN, buildFrame({})));
});
