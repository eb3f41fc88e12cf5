import { closeSync, openSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { Arena } from '../../memory/arena.js';
import { GSO_TCPV4, NONE, Packets, UNFINISHED } from '../../memory/packets.js';
import { Slots } from '../../memory/received.js';
import { VNET_HEADER_BYTES } from '../device.js';
import { TapPort, takeFrame } from './tap-port.js';

const arena = new Arena(4 << 20);
const slots = new Slots(arena, 2);

/** Takes a frame of `length` bytes behind the virtio-net header `hex`. */
function take(hex: string, length: number): { packets: Packets; taken: boolean } {
  const packets = new Packets(new Arena(65536), 4);
  arena.u8.fill(0xa5, slots.data(0) - 16, slots.data(0) + length);
  arena.u8.set(Buffer.from(hex.replaceAll(' ', ''), 'hex'), slots.data(0) - VNET_HEADER_BYTES);
  return { packets, taken: takeFrame(arena, packets, slots.data(0), length) };
}

test('a header of zeros makes a plain packet', (t) => {
  const { packets, taken } = take('00 00 0000 0000 0000 0000 0000', 60);
  t.true(taken);
  t.is(packets.count, 1);
  t.is(packets.frame[0], slots.data(0));
  t.is(packets.length[0], 60);
  t.is(packets.flags[0], 0);
  t.is(packets.gsoType[0], 0);
});

test('a TCP super-frame is taken as it was announced, with ECN', (t) => {
  const { packets, taken } = take('01 81 3600 a805 2200 1000 0000', 3000);
  t.true(taken);
  t.is(packets.flags[0], UNFINISHED);
  t.is(packets.gsoType[0], GSO_TCPV4 | 0x80);
  t.is(packets.gsoSize[0], 1448);
  t.is(packets.csumStart[0], 34);
  t.is(packets.csumOffset[0], 16);
});

for (const [name, hex] of [
  ['a checksum one byte beyond the frame', '01 00 0000 0000 2200 1900 0000'],
  ['a checksum far beyond the frame', '01 00 0000 0000 ffff ffff 0000'],
  ['a checksum within the Ethernet header', '01 00 0000 0000 0d00 0000 0000'],
  ['a super-frame without a segment size', '01 01 3600 0000 2200 1000 0000'],
  ['UDP fragmentation offload, which was not asked for', '01 03 3600 a805 2200 0600 0000'],
  ['an unknown kind of super-frame', '01 02 3600 a805 2200 1000 0000'],
  ['tunnel segmentation, which was not asked for', '01 21 3600 a805 2200 1000 0000'],
  ['ECN on UDP', '01 85 3600 a805 2200 0600 0000'],
  ['ECN alone', '01 80 3600 a805 2200 1000 0000'],
] as const)
  test(`${name} is refused`, (t) => {
    const { packets, taken } = take(hex, 60);
    t.false(taken);
    t.is(packets.count, 0);
  });

test('the last two bytes of the frame may be the checksum', (t) =>
  t.true(take('01 00 0000 0000 2200 1800 0000', 60).taken));

test('whatever the header says, a packet that is taken stays within its frame', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 12, maxLength: 12 }),
      fc.integer({ min: 14, max: 65536 }),
      (header, length) => {
        const { packets, taken } = take(Buffer.from(header).toString('hex'), length);
        if (!taken) return packets.count === 0;
        const { csumStart, csumOffset, flags, gsoType, gsoSize } = packets;
        return (
          (flags[0] === 0 || (csumStart[0] >= 14 && csumStart[0] + csumOffset[0] + 2 <= length)) &&
          (gsoType[0] === 0 || gsoSize[0] > 0) &&
          packets.next[0] === NONE
        );
      },
    ),
    { seed: 4789, numRuns: 2000 },
  );
  t.pass();
});

for (const [file, what, counts] of [
  ['/dev/null', 'shorter than a header', { short: 8, malformed: 0 }],
  ['/dev/zero', 'that fill a slot, and may have been cut', { short: 0, malformed: 8 }],
] as const)
  test(`reads ${what} are counted, are no packets, and count against the limit`, (t) => {
    const readFd = openSync(file, 'r');
    t.teardown(() => closeSync(readFd));
    const port = new TapPort(arena, { readFd, writeFd: -1 });
    const packets = new Packets(new Arena(65536), 4);
    t.is(port.read(packets, slots, 0, 8), 0);
    t.is(packets.count, 0);
    t.like(port, counts);
  });
