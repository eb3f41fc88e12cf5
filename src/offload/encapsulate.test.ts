import test from 'ava';
import {
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  type PacketIndex,
  SHARED,
  UNFINISHED,
} from '../memory/packets.js';
import { DatagramVector } from '../memory/vectors.js';
import { BAD_SUPER_FRAME, ENCAPSULATED, Encapsulator, FULL, TOO_BIG, TOO_MANY_SEGMENTS } from './encapsulate.js';
import { superFrame } from './test-coalescing.js';
import { buildFrame, concat, type FrameSpec, hex, noise, Workbench } from './test-frames.js';
import { slowSegments } from './test-segments.js';

const VNI = 0x123456;
const VXLAN = hex('08 000000 123456 00');

interface Setup {
  readonly bench: Workbench;
  readonly out: DatagramVector;
  readonly encapsulator: Encapsulator;
}

function setup(maxSegments = 64, maxBytes = 65507, entries = 64, iovecs = 512, headers = 32768): Setup {
  const bench = new Workbench();
  const out = new DatagramVector(bench.arena, entries, iovecs, headers);
  bench.arena.u8.fill(0xa5, out.headers.offset, out.headers.offset + headers);
  const { arena, packets, checksums } = bench;
  return { bench, out, encapsulator: new Encapsulator(arena, packets, checksums, maxSegments, maxBytes) };
}

/** The frames inside the datagrams of entry `m`, each checked for the VXLAN header. */
function decapsulate({ bench, out }: Setup, m: number): Uint8Array[] {
  const bytes = bench.gather(out, m);
  if (bytes.length !== out.bytes[m]) throw new Error(`entry says ${out.bytes[m]} bytes, has ${bytes.length}`);
  const size = out.segmentSize[m] || bytes.length;
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const datagram = bytes.slice(at, at + size);
    if (Buffer.compare(datagram.slice(0, 8), VXLAN) !== 0) throw new Error(`no VXLAN header at ${at}`);
    frames.push(datagram.slice(8));
  }
  if (frames.length !== out.segments[m]) throw new Error(`entry says ${out.segments[m]} segments`);
  return frames;
}

function all(s: Setup): Uint8Array[] {
  return Array.from({ length: s.out.count }, (_, m) => decapsulate(s, m)).flat();
}

test('a plain frame is sent where it stands, behind eight bytes of VXLAN header', (t) => {
  const s = setup();
  const frame = buildFrame({ payload: noise(60, 1) });
  const i = s.bench.place(frame, 2);
  s.bench.packets.hash[i] = 4711;
  t.is(s.encapsulator.add(i, VNI, 5, s.out), ENCAPSULATED);
  t.deepEqual(s.bench.gather(s.out, 0), concat(VXLAN, frame));
  const { count, bytes, segments, segmentSize, destination, hash, packet, errno, iovecCount } = s.out;
  t.is(count, 1);
  const row = [bytes, segments, segmentSize, destination, hash, packet, errno, iovecCount].map((column) => column[0]);
  t.deepEqual(row, [8 + frame.length, 1, 0, 5, 4711, i, 0, 2]);
});

test('the VNI stands in bytes 4 to 6, from 0 to 16777215', (t) => {
  const s = setup();
  const i = s.bench.place(buildFrame({}));
  for (const vni of [0, 1, 4, 0xff00, 0xff0000, 0xffffff]) {
    s.out.reset();
    s.encapsulator.add(i, vni, 0, s.out);
    t.deepEqual([...s.bench.gather(s.out, 0).slice(0, 8)], [8, 0, 0, 0, vni >> 16, (vni >> 8) & 255, vni & 255, 0]);
  }
});

test('an unfinished checksum is finished in place', (t) => {
  for (const given of [{}, { protocol: 'udp' }, { version: 6 }, { payload: new Uint8Array(0), vlans: [3] }] as const) {
    const s = setup();
    const i = s.bench.placeUnfinished(buildFrame({ ...given, unfinished: true }), 2);
    t.is(s.encapsulator.add(i, VNI, 0, s.out), ENCAPSULATED);
    t.deepEqual(all(s), [buildFrame(given)]);
    t.is(s.bench.packets.flags[i] & UNFINISHED, 0);
    t.is(s.out.iovecCount[0], 2);
  }
});

test('an unfinished checksum of a shared frame is finished in a copy of its headers', (t) => {
  for (const given of [{}, { protocol: 'udp' }, { version: 6 }, { protocol: 'udp', payload: hex('') }] as const) {
    const s = setup();
    const unfinished = buildFrame({ ...given, unfinished: true });
    const i = s.bench.placeUnfinished(unfinished, 1);
    s.bench.packets.flags[i] |= SHARED;
    t.is(s.encapsulator.add(i, VNI, 0, s.out), ENCAPSULATED);
    t.deepEqual(all(s), [buildFrame(given)]);
    t.deepEqual(s.bench.bytesOf(i), unfinished);
  }
});

const SUPER_FRAMES: readonly (readonly [string, Partial<FrameSpec>, number, number])[] = [
  ['TCP over IPv4', { payload: noise(10000, 1) }, GSO_TCPV4, 1398],
  ['TCP over IPv6', { payload: noise(10000, 2), version: 6 }, GSO_TCPV6, 1378],
  ['TCP of one whole number of segments', { payload: noise(5000, 3) }, GSO_TCPV4, 1000],
  ['TCP of odd segments', { payload: noise(5001, 4) }, GSO_TCPV4, 333],
  ['TCP of a single segment', { payload: noise(100, 5) }, GSO_TCPV4, 1398],
  ['TCP with VLAN tags', { payload: noise(5000, 6), vlans: [5, 6] }, GSO_TCPV4, 1390],
  ['TCP with IPv4 options', { payload: noise(5000, 7), ipOptions: '01010100' }, GSO_TCPV4, 1390],
  ['TCP without options, FIN and PSH', { payload: noise(5000, 8), options: '', flags: 0x19 }, GSO_TCPV4, 1400],
  ['TCP with CWR and ECE', { payload: noise(5000, 9), flags: 0xd8 }, GSO_TCPV4 | GSO_ECN, 1400],
  ['TCP whose sequence wraps', { payload: noise(5000, 10), sequence: 0xfffffc00 }, GSO_TCPV4, 512],
  ['TCP whose IPv4 ID wraps', { payload: noise(5000, 11), id: 0xfffe }, GSO_TCPV4, 512],
  ['TCP with padding behind', { payload: noise(5000, 12), padding: 2 }, GSO_TCPV4, 1400],
  ['UDP over IPv4', { payload: noise(5000, 13), protocol: 'udp' }, GSO_UDP_L4, 1200],
  ['UDP over IPv6', { payload: noise(5000, 14), protocol: 'udp', version: 6 }, GSO_UDP_L4, 1201],
];

for (const [name, given, gsoType, gsoSize] of SUPER_FRAMES) {
  for (const alignment of [0, 1, 2]) {
    test(`${name}, at alignment ${alignment}: a super-frame becomes what the slow oracle cuts`, (t) => {
      const s = setup();
      const frame = buildFrame({ ...given, unfinished: true });
      const i = s.bench.placeUnfinished(frame, alignment);
      s.bench.packets.gsoType[i] = gsoType;
      s.bench.packets.gsoSize[i] = gsoSize;
      t.is(s.encapsulator.add(i, VNI, 9, s.out), ENCAPSULATED);
      const expected = slowSegments(frame, gsoSize);
      t.deepEqual(all(s), expected);
      t.is(s.out.count, 1);
      t.is(s.out.segmentSize[0], expected.length > 1 ? 8 + expected[0].length : 0);
      t.is(s.out.iovecCount[0], expected.length * 2);
      t.deepEqual(s.bench.bytesOf(i), frame, 'the super-frame is not touched');
    });
  }
}

test('each segment equals the frame that its sender would have built', (t) => {
  const s = setup();
  const payload = noise(250, 1);
  const i = superFrame(s.bench, { payload, flags: 0x98, sequence: 0xffffffff }, GSO_TCPV4 | GSO_ECN, 100);
  s.encapsulator.add(i, VNI, 0, s.out);
  t.deepEqual(all(s), [
    buildFrame({ payload: payload.slice(0, 100), flags: 0x90, sequence: 0xffffffff, id: 1000 }),
    buildFrame({ payload: payload.slice(100, 200), flags: 0x10, sequence: 99, id: 1001 }),
    buildFrame({ payload: payload.slice(200), flags: 0x18, sequence: 199, id: 1002 }),
  ]);
});

test('a UDP super-frame without a checksum becomes datagrams without one', (t) => {
  const s = setup();
  const frame = buildFrame({ payload: noise(3000, 1), protocol: 'udp', noChecksum: true });
  const i = s.bench.place(frame);
  s.bench.packets.gsoType[i] = GSO_UDP_L4;
  s.bench.packets.gsoSize[i] = 1000;
  s.encapsulator.add(i, VNI, 0, s.out);
  t.deepEqual(all(s), slowSegments(frame, 1000, true));
});

test('a UDP checksum that comes to zero is sent as ffff, in segments and in plain frames', (t) => {
  // Two bytes of payload that make the checksum of a datagram zero: the checksum it has with zeros.
  const zeros = buildFrame({ protocol: 'udp', payload: hex('0000') });
  const payload = zeros.slice(40, 42);
  const segment = buildFrame({ protocol: 'udp', payload });
  t.deepEqual([...segment.slice(40, 42)], [0xff, 0xff]);
  const s = setup();
  s.encapsulator.add(
    superFrame(s.bench, { protocol: 'udp', payload: concat(payload, payload) }, GSO_UDP_L4, 2),
    VNI,
    0,
    s.out,
  );
  s.encapsulator.add(
    s.bench.placeUnfinished(buildFrame({ protocol: 'udp', payload, unfinished: true })),
    VNI,
    0,
    s.out,
  );
  t.deepEqual(all(s), [segment, buildFrame({ protocol: 'udp', payload, id: 1001 }), segment]);
});

test('what the checksum field of a super-frame holds does not matter', (t) => {
  const s = setup();
  const frame = buildFrame({ payload: noise(3000, 1), unfinished: true });
  frame.set([0xde, 0xad], 34 + 16);
  const i = s.bench.placeUnfinished(frame);
  s.bench.packets.gsoType[i] = GSO_TCPV4;
  s.bench.packets.gsoSize[i] = 1000;
  s.encapsulator.add(i, VNI, 0, s.out);
  t.deepEqual(all(s), slowSegments(frame, 1000));
});

test('with an IPv6 extension header the unfinished field stands for the addresses', (t) => {
  const s = setup();
  const given = { version: 6, ipOptions: '0600010400000000', payload: noise(250, 1) } as const;
  const i = superFrame(s.bench, given, GSO_TCPV6, 100);
  s.encapsulator.add(i, VNI, 0, s.out);
  t.deepEqual(
    all(s),
    [0, 100, 200].map((at) =>
      buildFrame({ ...given, sequence: 1000 + at, payload: given.payload.slice(at, at + 100) }),
    ),
  );
});

test('an entry has at most as many segments and bytes as the socket takes', (t) => {
  const payload = noise(40000, 1);
  const frame = buildFrame({ payload, unfinished: true });
  for (const [maxSegments, maxBytes, sizes] of [
    [64, 65507, [40]],
    [16, 65507, [16, 16, 8]],
    [64, 10 * 1074, [10, 10, 10, 10]],
    [64, 10 * 1074 - 1, [9, 9, 9, 9, 4]],
    [1, 65507, new Array(40).fill(1)],
  ] as const) {
    const s = setup(maxSegments, maxBytes);
    const i = superFrame(s.bench, { payload }, GSO_TCPV4, 1000);
    t.is(s.encapsulator.add(i, VNI, 0, s.out), ENCAPSULATED);
    t.deepEqual([...s.out.segments.slice(0, s.out.count)], [...sizes]);
    t.deepEqual(all(s), slowSegments(frame, 1000));
  }
});

test('without UDP_SEGMENT every datagram is an entry of its own', (t) => {
  const s = setup();
  s.encapsulator.bundle = false;
  const i = superFrame(s.bench, { payload: noise(5000, 1) }, GSO_TCPV4, 1000);
  t.is(s.encapsulator.add(i, VNI, 3, s.out), ENCAPSULATED);
  t.is(s.out.count, 5);
  t.deepEqual([...s.out.segmentSize.slice(0, 5)], [0, 0, 0, 0, 0]);
  t.deepEqual([...s.out.destination.slice(0, 5)], [3, 3, 3, 3, 3]);
  t.deepEqual(all(s), slowSegments(s.bench.bytesOf(i), 1000));
});

test('a super-frame of unknown gso_size is cut for the MTU', (t) => {
  const s = setup();
  s.encapsulator.mtu = 1000;
  const i = superFrame(s.bench, { payload: noise(5000, 1), vlans: [4] }, GSO_TCPV4, 0);
  t.is(s.encapsulator.add(i, VNI, 0, s.out), ENCAPSULATED);
  t.deepEqual(all(s), slowSegments(s.bench.bytesOf(i), 1000 - 52));
});

/** The state of a vector that a refused or postponed packet must leave alone. */
function state({ out }: Setup): number[] {
  return [out.count, out.iovecs.used, out.headers.used];
}

test('where entries, iovecs or headers are short the answer is FULL, and nothing is added', (t) => {
  for (const [entries, iovecs, headers] of [
    [2, 512, 32768],
    [64, 21, 32768],
    [64, 512, 11 * 80 - 16],
  ] as const) {
    const s = setup(4, 65507, entries, iovecs, headers);
    const plain = s.bench.place(buildFrame({}));
    const large = superFrame(s.bench, { payload: noise(1000, 1), options: '' }, GSO_TCPV4, 130);
    for (const i of [plain, plain]) t.is(s.encapsulator.add(i, VNI, 0, s.out), ENCAPSULATED);
    const before = state(s);
    const larger = entries === 2 ? plain : large;
    const twice = [larger, larger].map((i) => s.encapsulator.add(i, VNI, 0, s.out));
    t.true(twice.includes(FULL));
    if (twice[0] === FULL) t.deepEqual(state(s), before);
    s.out.reset();
    t.is(s.encapsulator.add(larger, VNI, 0, s.out), ENCAPSULATED);
  }
});

test('an unfinished frame that found no room is still unfinished', (t) => {
  const s = setup(64, 65507, 1);
  const frame = buildFrame({ unfinished: true });
  const i = s.bench.placeUnfinished(frame);
  t.is(s.encapsulator.add(s.bench.place(buildFrame({})), VNI, 0, s.out), ENCAPSULATED);
  t.is(s.encapsulator.add(i, VNI, 0, s.out), FULL);
  t.deepEqual(s.bench.bytesOf(i), frame);
  s.out.reset();
  t.is(s.encapsulator.add(i, VNI, 0, s.out), ENCAPSULATED);
  t.deepEqual(all(s), [buildFrame({})]);
});

function refused(t: import('ava').ExecutionContext, s: Setup, i: PacketIndex, code: number): void {
  t.is(s.encapsulator.add(i, VNI, 0, s.out), code);
  t.deepEqual(state(s), [0, 0, 0]);
}

test('more segments than an empty vector holds are refused', (t) => {
  const make = (s: Setup): PacketIndex => superFrame(s.bench, { payload: noise(5000, 1) }, GSO_TCPV4, 10);
  const byIovecs = setup();
  refused(t, byIovecs, make(byIovecs), TOO_MANY_SEGMENTS);
  const byHeaders = setup(64, 65507, 64, 2048, 1024);
  refused(t, byHeaders, make(byHeaders), TOO_MANY_SEGMENTS);
  const byEntries = setup(1, 65507, 64, 2048, 65536);
  refused(t, byEntries, make(byEntries), TOO_MANY_SEGMENTS);
});

test('super-frames whose headers do not fit their kind are refused', (t) => {
  const s = setup();
  const payload = noise(500, 1);
  refused(t, s, superFrame(s.bench, { payload, version: 6 }, GSO_TCPV4, 100), BAD_SUPER_FRAME);
  refused(t, s, superFrame(s.bench, { payload }, GSO_TCPV6, 100), BAD_SUPER_FRAME);
  refused(t, s, superFrame(s.bench, { payload, protocol: 'udp' }, GSO_TCPV4, 100), BAD_SUPER_FRAME);
  refused(t, s, superFrame(s.bench, { payload }, GSO_UDP_L4, 100), BAD_SUPER_FRAME);
  refused(t, s, superFrame(s.bench, { payload }, 3, 100), BAD_SUPER_FRAME);
  refused(t, s, superFrame(s.bench, { payload, fragment: 0x2000 }, GSO_TCPV4, 100), BAD_SUPER_FRAME);
  refused(t, s, superFrame(s.bench, { payload: new Uint8Array(0) }, GSO_TCPV4, 100), BAD_SUPER_FRAME);
  s.encapsulator.mtu = 52;
  refused(t, s, superFrame(s.bench, { payload }, GSO_TCPV4, 0), BAD_SUPER_FRAME);
  const cut = superFrame(s.bench, { payload }, GSO_TCPV4, 100);
  s.bench.packets.shape[cut] |= 128;
  refused(t, s, cut, BAD_SUPER_FRAME);
});

test('a checksum that would lie outside of the frame is refused', (t) => {
  const s = setup();
  for (const flags of [UNFINISHED, UNFINISHED | SHARED]) {
    const i = s.bench.place(buildFrame({}));
    s.bench.packets.flags[i] = flags;
    s.bench.packets.csumStart[i] = s.bench.packets.length[i] - 1;
    refused(t, s, i, BAD_SUPER_FRAME);
  }
});

test('what does not fit into a datagram is refused, to the byte', (t) => {
  for (const [length, code] of [
    [1492, ENCAPSULATED],
    [1493, TOO_BIG],
  ] as const) {
    const s = setup(64, 1500);
    const i = s.bench.place(concat(hex('52540000000b52540000000a88b5'), new Uint8Array(length - 14)));
    t.is(s.encapsulator.add(i, VNI, 0, s.out), code);
    const segments = superFrame(s.bench, { payload: noise(5000, 1) }, GSO_TCPV4, length - 66);
    t.is(s.encapsulator.add(segments, VNI, 0, s.out), code);
  }
});

test('a super-frame already made plain is sent as it is', (t) => {
  const s = setup();
  const i = superFrame(s.bench, { payload: noise(500, 1) }, GSO_NONE, 0);
  s.encapsulator.add(i, VNI, 0, s.out);
  t.deepEqual(all(s), [buildFrame({ payload: noise(500, 1) })]);
});
