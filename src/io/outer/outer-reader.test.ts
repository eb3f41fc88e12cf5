// Outer headers, against frames that were captured from the kernel's vxlan device, and against what can go wrong.
import test from 'ava';
import * as fc from 'fast-check';
import { REASON } from '../../memory/reasons.js';
import { TUNNEL_CSUM, TUNNEL_DONT_FRAGMENT, TUNNEL_WORDS, TunnelWord } from '../../memory/tunnel.js';
import { putU16 } from '../../wire/bytes.js';
import { vxlanFrame } from '../conformance/cases.js';
import { addressWords } from '../testing/loopback.js';
import { NOT_OURS, OuterReader, WHOLE } from './outer-reader.js';

const AT = 257; // odd on purpose
const memory = new Uint8Array(128 * 1024);
const words = new Int32Array(TUNNEL_WORDS);

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/#.*|\s/g, ''), 'hex'));
}

interface Read {
  readonly verdict: number;
  readonly reader: OuterReader;
  readonly payload: Buffer;
  readonly words: Int32Array;
}

function read(
  frame: Uint8Array,
  options: { udp6ZeroChecksum?: boolean; isPacket?: boolean; cut?: number; mtu?: number } = {},
): Read {
  const { udp6ZeroChecksum = false, isPacket = false, cut = 0, mtu = 1500 } = options;
  memory.fill(0xa5);
  memory.set(frame, AT);
  words.fill(0);
  const reader = new OuterReader(memory.buffer, { port: 4789, udp6ZeroChecksum, mtu });
  const length = frame.length - cut;
  const verdict = isPacket ? reader.readPacket(AT, length, words, 0) : reader.readFrame(AT, length, words, 0);
  const payload = Buffer.from(memory.slice(reader.payload, reader.payload + reader.length));
  return { verdict, reader, payload, words: words.slice() };
}

/** The kernel's vxlan device, udpcsum, over a link without offloads: an ARP request in VNI 4096. */
const ARP4 = hex(`
  02000000000b 02000000000a 0800                     # outer Ethernet
  45 00 004e b6a1 0000 40 11 3ffa c0000201 c0000202  # IPv4, TTL 64, UDP, 192.0.2.1 > 192.0.2.2
  8074 12b5 003a 9e2b                                # UDP, 32884 > 4789, with its checksum
  08 000000 001000 00                                # VXLAN, I, VNI 4096
  ffffffffffff 020000000a01 0806                     # inner Ethernet: ARP
  0001 0800 06 04 0001 020000000a01 0a000001 000000000000 0a000002`);

/** The same over IPv6 with tos 0x20: a ping in VNI 70000. */
const PING6 = hex(`
  02000000000b 02000000000a 86dd
  62000000 0042 11 40                                # IPv6, traffic class 0x20, UDP, hop limit 64
  20010db8000000000000000000000001 20010db8000000000000000000000002
  df42 12b5 0042 16e9
  08 000000 011170 00
  020000000b02 020000000b01 0800
  45 00 0024 9248 4000 40 01 928e 0a000101 0a000102
  08 00 4e43 48bb 0001 6100000000000000`);

/**
 * Over a plain veth: the inner UDP checksum, 1422, is the folded pseudo-header sum, and the outer one, 8656, is right
 * for the day on which somebody finishes the inner one.
 */
const UNFINISHED4 = hex(`
  02000000000b 02000000000a 0800
  45 00 0054 007a 0000 40 11 f61b c0000201 c0000202
  ce6d 12b5 0040 8656
  08 000000 001000 00
  020000000a02 020000000a01 0800
  45 00 0022 d373 4000 40 11 5355 0a000001 0a000002
  aaf3 0007 000e 1422 68656c6c6f0a`);

/** Open vSwitch 3.1, userspace datapath, csum=true: a ping in VNI 7, with DF and an IP identification of 0. */
const OPEN_VSWITCH = hex(`
  02000000000b fa5b37ad0546 0800
  45 00 0056 0000 4000 40 11 b693 c0000201 c0000202
  bb4d 12b5 0042 e171
  08 000000 000007 00
  020000000a02 b6eccbb8264a 0800
  45 00 0024 d841 4000 40 01 4e11 0a420001 0a420002
  08 00 6fc2 273b 0002 6100000000000000`);

test('a ping from Open vSwitch', (t) => {
  const { verdict, payload, words: record } = read(OPEN_VSWITCH);
  t.is(verdict, WHOLE);
  t.deepEqual(payload, Buffer.from(OPEN_VSWITCH.subarray(42)));
  t.is(record[TunnelWord.SRC_PORT], 47949);
});

test('an ARP request from the kernel’s device over IPv4', (t) => {
  const { verdict, payload, words: record, reader } = read(ARP4);
  t.is(verdict, WHOLE);
  t.deepEqual(payload, Buffer.from(ARP4.subarray(42)));
  t.is(reader.segmentSize, 0);
  t.false(reader.truncated);
  t.is(record[TunnelWord.FAMILY], 4);
  t.deepEqual([...record.subarray(TunnelWord.SRC_IP, TunnelWord.SRC_IP + 4)], addressWords(hex('c0000201')));
  t.deepEqual([...record.subarray(TunnelWord.DST_IP, TunnelWord.DST_IP + 4)], addressWords(hex('c0000202')));
  t.is(record[TunnelWord.SRC_PORT], 32884);
  t.is(record[TunnelWord.DST_PORT], 4789);
  t.is(record[TunnelWord.TTL], 64);
  t.is(record[TunnelWord.TOS], 0);
  t.is(record[TunnelWord.FLAGS], TUNNEL_CSUM);
});

test('a header that forbids fragments says so, and one that does not does not', (t) => {
  const flags = [0x40, 0].map((bits) => {
    const frame = ARP4.slice();
    frame[20] = bits;
    // The header's checksum follows (RFC 1624, equation 3), and nothing else does: the pseudo-header has no flags.
    const sum = (~((frame[24] << 8) | frame[25]) & 0xffff) + (~(ARP4[20] << 8) & 0xffff) + (bits << 8);
    const folded = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
    frame.set([folded >> 8, folded & 255], 24);
    const { verdict, words } = read(frame);
    t.is(verdict, WHOLE);
    return words[TunnelWord.FLAGS];
  });
  t.deepEqual(flags, [TUNNEL_CSUM | TUNNEL_DONT_FRAGMENT, TUNNEL_CSUM]);
});

test('a ping from the kernel’s device over IPv6', (t) => {
  const { verdict, payload, words: record } = read(PING6);
  t.is(verdict, WHOLE);
  t.deepEqual(payload, Buffer.from(PING6.subarray(62)));
  t.is(record[TunnelWord.FAMILY], 6);
  t.is(record[TunnelWord.TOS], 0x20);
  t.is(record[TunnelWord.SRC_PORT], 0xdf42);
  t.deepEqual(
    [...record.subarray(TunnelWord.DST_IP, TunnelWord.DST_IP + 4)],
    addressWords(hex('20010db8000000000000000000000002')),
  );
});

test('a frame whose inner checksum nobody has finished, under an outer one for the finished frame', (t) => {
  t.is(read(UNFINISHED4).verdict, WHOLE);
  const changed = UNFINISHED4.slice();
  changed[changed.length - 1] = 0x21; // covered by the inner checksum to come, not by the outer one
  t.is(read(changed).verdict, WHOLE);
  changed[22] = 9; // the outer header is covered by its own
  t.is(read(changed).verdict, REASON['outer-checksum']);
  const vni = UNFINISHED4.slice();
  vni[47] = 9;
  t.is(read(vni).verdict, REASON['outer-checksum']);
});

test('unfinished UDP in a packet that no wire brought has lost the size of its datagrams', (t) => {
  t.is(read(UNFINISHED4, { mtu: 84 }).verdict, WHOLE);
  t.is(read(UNFINISHED4, { mtu: 83 }).verdict, REASON['lost-segment-size']);
  t.is(read(OPEN_VSWITCH, { mtu: 60 }).verdict, WHOLE, 'finished: it came in fragments');
});

test('an outer checksum that nobody has finished is the pseudo-header sum', (t) => {
  const frame = ARP4.slice();
  // c000 + 0201 + c000 + 0202 + 17 + 58 = 1844e, folded 844f
  putU16(frame, 40, 0x844f);
  t.is(read(frame).verdict, WHOLE);
  putU16(frame, 40, 0x844e);
  t.is(read(frame).verdict, REASON['outer-checksum']);
});

for (const [name, frame, udp] of [
  ['IPv4', ARP4, 34],
  ['IPv6', PING6, 54],
] as const) {
  test(`any one bit of an outer ${name} packet changed is noticed, but in the fields that no checksum covers`, (t) => {
    for (let bit = 14 * 8; bit < frame.length * 8; bit++) {
      const changed = frame.slice();
      const byte = bit >> 3;
      changed[byte] = (changed[byte] ?? 0) ^ (1 << (bit & 7));
      const { verdict, reader } = read(changed);
      const isUncovered = name === 'IPv6' && (byte < 14 + 4 || byte === 14 + 7);
      if (isUncovered) continue; // traffic class, flow label, hop limit
      t.true(verdict !== WHOLE || reader.truncated, `bit ${bit & 7} of byte ${byte}`);
    }
    const none = frame.slice();
    putU16(none, udp + 6, 0);
    t.is(read(none).verdict, name === 'IPv4' ? WHOLE : REASON['outer-checksum']);
    const allowed = read(none, { udp6ZeroChecksum: true });
    t.is(allowed.verdict, WHOLE);
    t.is(allowed.words[TunnelWord.FLAGS], 0);
  });

  test(`an ${name} frame cut anywhere is not ours, malformed, or known to be cut`, (t) => {
    for (let cut = 1; cut < frame.length; cut++) {
      const { verdict, reader } = read(frame, { cut });
      t.true(verdict !== WHOLE || reader.truncated, `${cut} bytes missing`);
    }
  });

  test(`an ${name} packet is read behind tags, with padding, and without Ethernet`, (t) => {
    const tagged = (count: number): Uint8Array =>
      Uint8Array.of(
        ...frame.subarray(0, 12),
        ...Array.from({ length: count }, (_, i) => [
          i === 0 && count === 2 ? 0x88 : 0x81,
          i === 0 && count === 2 ? 0xa8 : 0,
          0,
          7,
        ]).flat(),
        ...frame.subarray(12),
      );
    for (const count of [1, 2]) {
      const { verdict, payload } = read(tagged(count));
      t.is(verdict, WHOLE);
      t.deepEqual(payload, Buffer.from(frame.subarray(udp + 8)));
    }
    t.is(read(tagged(3)).verdict, NOT_OURS);
    const padded = read(Uint8Array.of(...frame, ...new Uint8Array(20)));
    t.is(padded.verdict, WHOLE);
    t.deepEqual(padded.payload, Buffer.from(frame.subarray(udp + 8)));
    t.is(read(frame.slice(14), { isPacket: true }).verdict, WHOLE);
  });
}

/** A packet of IPv4 around a UDP payload, without checksum; its header's is right. */
function packet4(payload: Uint8Array, fragment = 0): Uint8Array {
  const bytes = new Uint8Array(28 + payload.length);
  bytes.set([0x45, 0, 0, 0, 0, 1, 0, 0, 9, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
  putU16(bytes, 2, bytes.length);
  putU16(bytes, 6, fragment);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  putU16(bytes, 10, ~((sum & 0xffff) + (sum >>> 16)));
  bytes.set([0x9c, 0x40, 0x12, 0xb5], 20);
  putU16(bytes, 24, 8 + payload.length);
  bytes.set(payload, 28);
  return bytes;
}

test('several datagrams in one packet are told apart by the inner length and the VXLAN headers', (t) => {
  const of = (...parts: Uint8Array[]): number => {
    const { verdict, reader } = read(packet4(Buffer.concat(parts)), { isPacket: true });
    t.is(verdict, WHOLE);
    return reader.segmentSize;
  };
  const full = vxlanFrame(100, 1);
  t.is(of(full, vxlanFrame(100, 2), vxlanFrame(40, 3)), full.length);
  t.is(of(full), 0, 'one is one');
  t.is(of(full, new Uint8Array(30)), 0, 'what follows is no VXLAN header');
  t.is(of(full, vxlanFrame(100, 2).fill(9, 4, 7)), 0, 'another VNI');
  t.is(of(full, full.subarray(0, 10)), 0, 'no room for a frame');
});

test('a packet of one IP version under the EtherType of the other is nobody’s', (t) => {
  for (const [frame, type] of [
    [ARP4, 0x86dd],
    [PING6, 0x0800],
  ] as const) {
    t.is(read(frame).verdict, WHOLE);
    const other = frame.slice();
    putU16(other, 12, type);
    t.is(read(other).verdict, NOT_OURS);
  }
});

test('fragments are refused by name, later ones passed over', (t) => {
  t.is(read(packet4(vxlanFrame(50, 1), 0x2000), { isPacket: true }).verdict, REASON['outer-fragment']);
  t.is(read(packet4(vxlanFrame(50, 1), 0x0010), { isPacket: true }).verdict, NOT_OURS);
});

test('lengths that contradict each other are refused, and nothing is read beyond the packet', (t) => {
  const lie = (at: number, value: number): number => {
    const packet = packet4(vxlanFrame(50, 1));
    putU16(packet, at, value);
    return read(packet, { isPacket: true }).verdict;
  };
  t.is(lie(24, 7), REASON['outer-malformed']);
  t.is(lie(24, 500), REASON['outer-malformed']);
  t.is(lie(2, 27), REASON['outer-malformed']);
  t.is(lie(2, 0), REASON['outer-malformed']);
});

test('no bytes make it fail, or point outside of what it was given', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(ARP4, PING6, UNFINISHED4, Uint8Array.of(...ARP4.subarray(0, 14), ...packet4(vxlanFrame(60, 1)))),
      fc.array(fc.tuple(fc.nat({ max: 200 }), fc.nat({ max: 255 })), { maxLength: 8 }),
      fc.nat({ max: 130 }),
      (frame, changes, cut) => {
        const changed = frame.slice(0, Math.max(0, frame.length - cut));
        for (const [at, byte] of changes) if (at < changed.length) changed[at] = byte;
        const { verdict, reader } = read(changed, { udp6ZeroChecksum: true });
        if (verdict !== WHOLE) return;
        t.true(reader.payload >= AT && reader.length >= 0);
        t.true(reader.payload + reader.length <= AT + changed.length);
      },
    ),
    { seed: 7, numRuns: 3000 },
  );
});
