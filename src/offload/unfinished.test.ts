import test from 'ava';
import { GSO_ECN, GSO_NONE, GSO_TCPV4, GSO_TCPV6, UNFINISHED } from '../memory/packets.js';
import { buildFrame, type FrameSpec, hex, noise, Workbench } from './test-frames.js';
import { finishChecksum, markUnfinished } from './unfinished.js';

const MTU = 1450;

const NOT = [0, 0, 0, GSO_NONE, 0];

/** flags, csumStart, csumOffset, gsoType and gsoSize of a received frame that was looked at. */
function marked(frame: Uint8Array, alignment = 0): number[] {
  const bench = new Workbench();
  const { packets } = bench;
  const i = bench.place(frame, alignment);
  markUnfinished(bench.checksums, packets, i, MTU);
  return [packets.flags[i], packets.csumStart[i], packets.csumOffset[i], packets.gsoType[i], packets.gsoSize[i]];
}

const KINDS: readonly (readonly [string, Partial<FrameSpec>, number, number])[] = [
  ['TCP over IPv4', {}, 34, 16],
  ['TCP over IPv6', { version: 6 }, 54, 16],
  ['UDP over IPv4', { protocol: 'udp' }, 34, 6],
  ['UDP over IPv6', { protocol: 'udp', version: 6 }, 54, 6],
  ['TCP behind VLAN tags', { vlans: [1, 2] }, 42, 16],
  ['TCP behind IPv4 options', { ipOptions: '01010100' }, 38, 16],
  ['TCP in a padded frame', { padding: 5 }, 34, 16],
  ['a pure ACK', { payload: new Uint8Array(0) }, 34, 16],
];

for (const [name, given, start, offset] of KINDS) {
  test(`${name}: an unfinished checksum is recognised, a finished or wrong one is not`, (t) => {
    for (const alignment of [0, 1, 2]) {
      t.deepEqual(marked(buildFrame({ ...given, unfinished: true }), alignment), [UNFINISHED, start, offset, 0, 0]);
      t.deepEqual(marked(buildFrame(given), alignment), NOT);
      t.deepEqual(marked(buildFrame({ ...given, badChecksum: true }), alignment), NOT);
    }
  });

  test(`${name}: finishing an unfinished checksum gives the right one`, (t) => {
    for (const alignment of [0, 1]) {
      const bench = new Workbench();
      const i = bench.placeUnfinished(buildFrame({ ...given, unfinished: true }), alignment);
      t.true(finishChecksum(bench.checksums, bench.packets, i));
      t.deepEqual(bench.bytesOf(i), buildFrame(given));
      t.is(bench.packets.flags[i], 0);
    }
  });
}

test('TCP longer than the limit is a super-frame of unknown gso_size, to the byte', (t) => {
  const frame = (bytes: number, given: Partial<FrameSpec>): Uint8Array =>
    buildFrame({ ...given, payload: noise(bytes, 1), unfinished: true });
  t.deepEqual(marked(frame(MTU - 52, {})), [UNFINISHED, 34, 16, GSO_NONE, 0]);
  t.deepEqual(marked(frame(MTU - 51, {})), [UNFINISHED, 34, 16, GSO_TCPV4, 0]);
  t.deepEqual(marked(frame(MTU - 72, { version: 6 })), [UNFINISHED, 54, 16, GSO_NONE, 0]);
  t.deepEqual(marked(frame(MTU - 71, { version: 6 })), [UNFINISHED, 54, 16, GSO_TCPV6, 0]);
  t.deepEqual(marked(frame(9000, { flags: 0x90 })), [UNFINISHED, 34, 16, GSO_TCPV4 | GSO_ECN, 0]);
});

test('long UDP and long finished TCP are no super-frames', (t) => {
  t.deepEqual(marked(buildFrame({ protocol: 'udp', payload: noise(9000, 1), unfinished: true })), [1, 34, 6, 0, 0]);
  t.deepEqual(marked(buildFrame({ payload: noise(9000, 1) })), NOT);
});

test('UDP without a checksum is not unfinished', (t) => {
  t.deepEqual(marked(buildFrame({ protocol: 'udp', noChecksum: true })), NOT);
});

test('fragments, frames whose lengths disagree and other protocols are not looked at', (t) => {
  t.deepEqual(marked(buildFrame({ unfinished: true, fragment: 0x2000 })), NOT);
  t.deepEqual(marked(buildFrame({ unfinished: true }).slice(0, 100)), NOT);
  const icmp = buildFrame({ unfinished: true });
  icmp[14 + 9] = 1;
  t.deepEqual(marked(icmp), NOT);
});

test('a finished checksum that equals the pseudo-header sum is marked, and finishing it changes nothing', (t) => {
  // Search the two bytes of payload that make the right checksum equal to the pseudo-header sum.
  const field = (frame: Uint8Array): number => frame[50] * 256 + frame[51];
  const pseudo = field(buildFrame({ payload: hex('0000'), unfinished: true }));
  const open = field(buildFrame({ payload: hex('0000') }));
  const wanted = (0xffff + open - pseudo) % 0xffff;
  const frame = buildFrame({ payload: new Uint8Array([wanted >> 8, wanted & 0xff]) });
  t.is(field(frame), pseudo);
  const bench = new Workbench();
  const i = bench.place(frame);
  markUnfinished(bench.checksums, bench.packets, i, MTU);
  t.is(bench.packets.flags[i], UNFINISHED);
  t.true(finishChecksum(bench.checksums, bench.packets, i));
  t.deepEqual(bench.bytesOf(i), frame);
});

test('a super-frame, and a checksum outside of the frame, are not finished', (t) => {
  const bench = new Workbench();
  const { packets, checksums } = bench;
  const frame = buildFrame({ unfinished: true });
  const large = bench.placeUnfinished(frame);
  packets.gsoType[large] = GSO_TCPV4;
  t.false(finishChecksum(checksums, packets, large));
  const outside = bench.placeUnfinished(frame);
  packets.csumStart[outside] = frame.length - 17;
  t.false(finishChecksum(checksums, packets, outside));
  for (const i of [large, outside]) {
    t.is(packets.flags[i], UNFINISHED);
    t.deepEqual(bench.bytesOf(i), frame);
  }
});
