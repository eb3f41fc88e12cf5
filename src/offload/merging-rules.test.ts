import test from 'ava';
import { GSO_TCPV4, GSO_TCPV6, NONE } from '../memory/packets.js';
import { OUTCOME, type OutcomeName } from './outcomes.js';
import { ALL, coalescer, counts, MTU, run, train } from './test-coalescing.js';
import { buildFrame, type FrameSpec, hex, noise, Workbench } from './test-frames.js';
import { slowSegments } from './test-segments.js';

test('two segments become a super-frame, byte for byte', (t) => {
  const bench = new Workbench();
  const common = '52540000000b 52540000000a 0800';
  const addresses = '0a000001 0a000002';
  const first = hex(
    `${common}
    4500 002c 03e8 4000 4006 22e2 ${addresses}   # total length 44, ID 1000, DF, TTL 64
    9c40 1451 000003e8 0000004d 5010 01f5 204c 0000   # sequence 1000, ack 77, ACK, window 501
    61626364`,
  );
  const second = hex(
    `${common}
    4500 002b 03e9 4000 4006 22e2 ${addresses}
    9c40 1451 000003ec 0000004d 5018 01f5 18a1 0000
    656667`,
  );
  // The same by the builder, so that its checksums and these agree.
  const letters = (text: string): Partial<FrameSpec> => ({ payload: new Uint8Array(Buffer.from(text)), options: '' });
  t.deepEqual(first, buildFrame(letters('abcd')));
  t.deepEqual(second, buildFrame({ ...letters('efg'), id: 1001, sequence: 1004, flags: 0x18 }));
  run(bench, [bench.place(first), bench.place(second)]);
  const [merged] = bench.written();
  const expected = hex(
    `${common}
    4500 002f 03e8 4000 4006 22df ${addresses}   # total length 47
    9c40 1451 000003e8 0000004d 5018 01f5 1424 0000   # PSH of the last, pseudo-header sum
    61626364656667`,
  );
  t.deepEqual(Buffer.from(merged.bytes).toString('hex'), Buffer.from(expected).toString('hex'));
  // NEEDS_CSUM, TCPV4, hdr_len 54, gso_size 4, csum_start 34, csum_offset 16, num_buffers 0
  t.deepEqual(merged.header, [1, 1, 54, 4, 34, 16, 0]);
  t.is(merged.segments, 2);
  t.is(merged.iovecs, 3);
});

test('a frame alone gets a header that claims nothing, and two iovecs', (t) => {
  const bench = new Workbench();
  const frame = buildFrame({});
  const c = run(bench, [bench.place(frame)]);
  t.deepEqual(bench.written(), [{ header: [0, 0, 0, 0, 0, 0, 0], bytes: frame, segments: 1, iovecs: 2 }]);
  t.deepEqual(counts(c), { opened: 1 });
});

test('an empty chain writes nothing', (t) => {
  const bench = new Workbench();
  t.is(coalescer(bench).run(NONE, MTU, ALL, bench.frames), NONE);
  t.deepEqual(bench.written(), []);
});

for (const version of [4, 6] as const) {
  for (const vlans of [[], [5], [5, 6]]) {
    for (const alignment of [0, 1, 2]) {
      test(`IPv${version} with ${vlans.length} VLAN tags at alignment ${alignment}: merged and cut again it is what came in`, (t) => {
        const bench = new Workbench();
        const frames = train([700, 700, 700, 333], { version, vlans });
        const before = frames.map((frame, n) => bench.place(frame, n === 2 ? 1 : alignment));
        const c = run(bench, before);
        const [merged, ...others] = bench.written();
        t.is(others.length, 0);
        t.deepEqual(slowSegments(merged.bytes, merged.header[3]), frames);
        t.deepEqual(counts(c), { opened: 1, merged: 3 });
        const l3 = 14 + vlans.length * 4;
        const l4 = l3 + (version === 4 ? 20 : 40);
        t.deepEqual(merged.header, [1, version === 4 ? GSO_TCPV4 : GSO_TCPV6, l4 + 32, 700, l4, 16, 0]);
        before.forEach((i, n) => {
          t.deepEqual(bench.bytesOf(i), frames[n], 'the bytes of the packets are not touched');
        });
      });
    }
  }
}

/** Pairs of a first packet and a second one that must not join it: how the second differs, and the outcome. */
const REFUSALS: readonly (readonly [string, Partial<FrameSpec>, OutcomeName, Partial<FrameSpec>?])[] = [
  ['another source MAC', { ethernet: '52540000000b52540000000c' }, 'other-ethernet'],
  ['another destination MAC', { ethernet: '52540000000c52540000000a' }, 'other-ethernet'],
  ['a VLAN tag where the first has none', { vlans: [7] }, 'other-ethernet'],
  ['another VLAN', { vlans: [8] }, 'other-ethernet', { vlans: [7] }],
  ['another TOS', { tos: 4 }, 'other-tos'],
  ['another ECN', { tos: 3 }, 'other-tos', { tos: 2 }],
  ['another traffic class', { tos: 4, version: 6 }, 'other-tos', { version: 6 }],
  ['another TTL', { ttl: 63 }, 'other-ttl'],
  ['another hop limit', { ttl: 63, version: 6 }, 'other-ttl', { version: 6 }],
  ['DF where the first has none', { fragment: 0x4000 }, 'other-fragment-bits', { fragment: 0 }],
  ['an ID that is not the next, without DF', { fragment: 0, id: 1002 }, 'other-id', { fragment: 0 }],
  ['another acknowledgement', { ack: 78 }, 'other-ack'],
  ['another window', { window: 502 }, 'other-window'],
  ['another urgent pointer', { urgent: 1 }, 'other-window'],
  ['other timestamps', { options: '0101080a0000000200000002' }, 'other-options'],
  ['another TCP header length', { options: '' }, 'other-header-length'],
  ['a gap', { sequence: 1101 }, 'sequence'],
  ['an overlap', { sequence: 1099 }, 'sequence'],
  ['a retransmission', { sequence: 950 }, 'sequence'],
  ['more payload', { payload: new Uint8Array(101) }, 'longer'],
  ['no payload: a pure ACK', { payload: new Uint8Array(0) }, 'no-payload'],
  ['SYN', { flags: 0x12 }, 'other-flags'],
  ['FIN', { flags: 0x11 }, 'other-flags'],
  ['RST', { flags: 0x14 }, 'other-flags'],
  ['URG', { flags: 0x30 }, 'other-flags'],
  ['ECE', { flags: 0x50 }, 'other-flags'],
  ['CWR', { flags: 0x90 }, 'other-flags'],
  ['a reserved bit', { flags: 0x110 }, 'other-flags'],
  ['no ACK', { flags: 0x08 }, 'other-flags'],
  ['IPv4 options', { ipOptions: '01010100' }, 'ip-options'],
  ['an IPv6 extension header', { version: 6, ipOptions: '0600010400000000' }, 'ip-options', { version: 6 }],
  ['padding', { padding: 3 }, 'padded'],
  ['a first fragment', { fragment: 0x2000 }, 'fragment'],
  ['a wrong TCP checksum', { badChecksum: true }, 'transport-checksum'],
  ['a wrong TCP checksum over IPv6', { badChecksum: true, version: 6 }, 'transport-checksum', { version: 6 }],
  ['a wrong IPv4 header checksum', { badIpChecksum: true }, 'ip-checksum'],
];

for (const [name, differs, outcome, first = {}] of REFUSALS) {
  test(`${name} is not merged: ${outcome}`, (t) => {
    const bench = new Workbench();
    const frames = [
      buildFrame({ ...first, id: 1000 }),
      buildFrame({ ...first, id: 1001, sequence: 1100, ...differs }),
      // What follows it in sequence and equals the first again: the run of the first is over for good.
      buildFrame({ ...first, id: 1001, sequence: 1100 }),
    ];
    const c = run(
      bench,
      frames.map((frame) => bench.place(frame)),
    );
    const written = bench.written();
    t.is(c.outcomes[OUTCOME[outcome]] >= 1, true, JSON.stringify(counts(c)));
    t.deepEqual(
      written.slice(0, 3).map(({ bytes }) => bytes),
      frames,
      'three frames, unchanged and in order',
    );
    t.deepEqual(
      written.map(({ header }) => header[0]),
      [0, 0, 0],
    );
  });
}

test('a wrong checksum of the first packet is noticed when a second wants to join, and kept', (t) => {
  for (const bad of [{ badChecksum: true }, { badIpChecksum: true }]) {
    const bench = new Workbench();
    const frames = train([100, 100, 100]);
    frames[0] = buildFrame({ payload: noise(100, 100), ...bad });
    const c = run(
      bench,
      frames.map((frame) => bench.place(frame)),
    );
    const [first, rest] = bench.written();
    t.deepEqual(first.bytes, frames[0]);
    t.deepEqual(first.header, [0, 0, 0, 0, 0, 0, 0]);
    t.deepEqual(slowSegments(rest.bytes, 100), frames.slice(1));
    t.deepEqual(counts(c), { opened: 1, 'head-checksum': 1, merged: 1 });
  }
});

test('a packet with a wrong checksum opens no run', (t) => {
  const bench = new Workbench();
  const frames = train([100, 100, 100]);
  frames[1] = buildFrame({ id: 1001, sequence: 1100, payload: noise(100, 101), badChecksum: true });
  const c = run(
    bench,
    frames.map((frame) => bench.place(frame)),
  );
  t.deepEqual(
    bench.written().map(({ bytes }) => bytes),
    frames,
  );
  t.deepEqual(counts(c), { opened: 2, 'transport-checksum': 1 });
});
