import test from 'ava';
import fc from 'fast-check';
import { TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { ControlMessages } from './control-messages.js';

const AT = 64;

/** Reads the hex (spaces ignored) as control messages of `length` bytes, in memory that is 0xa5 elsewhere. */
function read(hex: string, length?: number): { tunnel: Int32Array; control: ControlMessages } {
  const bytes = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
  const memory = new Uint8Array(1024).fill(0xa5);
  memory.set(bytes, AT);
  const tunnel = new Int32Array(TUNNEL_WORDS + 2).fill(-1);
  const control = new ControlMessages();
  control.read(new Int32Array(memory.buffer), AT, length ?? bytes.length, tunnel, 1);
  return { tunnel: tunnel.slice(1, 1 + TUNNEL_WORDS), control };
}

//                     length             level    type     data, padded to 8
const PKTINFO4 = '1c00000000000000 00000000 08000000 07000000 0a000001 c0a8010d 00000000';
const TTL4 = '     1400000000000000 00000000 02000000 3f000000 00000000';
const TOS4 = '     1100000000000000 00000000 01000000 b9000000 00000000'; // one byte of data
const GRO = '      1400000000000000 11000000 68000000 a2050000 00000000';
const OVERFLOW = ' 1400000000000000 01000000 28000000 efbeadde 00000000';
const UNKNOWN = '  1400000000000000 01000000 1d000000 01020304 00000000';
const PKTINFO6 = ' 2400000000000000 29000000 32000000 fd000000000000000000000000000001 07000000 00000000';
const HOPLIMIT6 = '1400000000000000 29000000 34000000 40000000 00000000';
const TCLASS6 = '  1400000000000000 29000000 43000000 03000000 00000000';

test('the outer destination, TTL, TOS, and bundle size of IPv4 are read', (t) => {
  const { tunnel, control } = read(PKTINFO4 + TTL4 + TOS4 + GRO + OVERFLOW);
  t.is(tunnel[TunnelWord.DST_IP], 0xc0a8010d | 0);
  t.is(tunnel[TunnelWord.TTL], 63);
  t.is(tunnel[TunnelWord.TOS], 0xb9);
  t.is(control.segmentSize, 1442);
});

test('the outer destination, hop limit and traffic class of IPv6 are read', (t) => {
  const { tunnel, control } = read(PKTINFO6 + HOPLIMIT6 + TCLASS6);
  t.deepEqual([...tunnel.subarray(TunnelWord.DST_IP, TunnelWord.DST_IP + 4)], [0xfd000000 | 0, 0, 0, 1]);
  t.is(tunnel[TunnelWord.TTL], 64);
  t.is(tunnel[TunnelWord.TOS], 3);
  t.is(control.segmentSize, 0);
});

test('an unknown message is skipped', (t) => t.is(read(UNKNOWN + TTL4).tunnel[TunnelWord.TTL], 63));

test('what the last datagram told does not stick to the next', (t) => {
  const { control } = read(GRO + OVERFLOW);
  control.read(new Int32Array(4), 0, 0, new Int32Array(TUNNEL_WORDS), 0);
  t.is(control.segmentSize, 0);
});

for (const [name, hex] of [
  ['a length of zero', '0000000000000000 00000000 02000000 3f000000 00000000'],
  ['a length shorter than the header', '0f00000000000000 00000000 02000000 3f000000 00000000'],
  ['a negative length', 'ffffffffffffffff 00000000 02000000 3f000000 00000000'],
  ['a length of more than 32 bits', '1400000001000000 00000000 02000000 3f000000 00000000'],
  ['a length beyond the end', '1900000000000000 00000000 02000000 3f000000 00000000'],
] as const)
  test(`${name} ends the walk and nothing of it is believed`, (t) => {
    const { tunnel } = read(hex + TOS4.replace('b9', '11'), hex.replaceAll(/\s/g, '').length / 2);
    t.is(tunnel[TunnelWord.TTL], -1);
    t.is(tunnel[TunnelWord.TOS], -1);
  });

test('a message with less data than its type needs is ignored', (t) => {
  t.is(read('1b00000000000000 00000000 08000000 07000000 0a000001 c0a8010d 00000000').tunnel[TunnelWord.DST_IP], -1);
  t.is(read('1300000000000000 00000000 02000000 3f000000 00000000').tunnel[TunnelWord.TTL], -1);
  t.is(read('1000000000000000 00000000 01000000').tunnel[TunnelWord.TOS], -1);
  t.is(read('1300000000000000 11000000 68000000 a2050000 00000000').control.segmentSize, 0);
});

test('a header cut short by the end is not read', (t) => {
  for (let length = 0; length < 20; length++) t.is(read(TTL4, length).tunnel[TunnelWord.TTL], -1);
  t.is(read(TTL4, 20).tunnel[TunnelWord.TTL], 63);
});

test('no bytes make the walk endless, or write outside the record', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 256 }), (bytes) => {
      const memory = new Uint8Array(512).fill(0xa5);
      memory.set(bytes, AT);
      const tunnels = new Int32Array(3 * TUNNEL_WORDS).fill(7);
      new ControlMessages().read(new Int32Array(memory.buffer), AT, bytes.length, tunnels, TUNNEL_WORDS);
      return (
        tunnels.subarray(0, TUNNEL_WORDS).every((word) => word === 7) &&
        tunnels.subarray(2 * TUNNEL_WORDS).every((word) => word === 7)
      );
    }),
    { seed: 4789, numRuns: 2000 },
  );
  t.pass();
});

test('any order of messages is read alike', (t) => {
  fc.assert(
    fc.property(fc.shuffledSubarray([PKTINFO4, TTL4, TOS4, GRO, OVERFLOW, UNKNOWN], { minLength: 6 }), (messages) => {
      const { tunnel, control } = read(messages.join(''));
      return tunnel[TunnelWord.TTL] === 63 && tunnel[TunnelWord.TOS] === 0xb9 && control.segmentSize === 1442;
    }),
    { seed: 4789 },
  );
  t.pass();
});
