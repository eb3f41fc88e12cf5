import test from 'ava';
import fc from 'fast-check';
import {
  type CapturedPacket,
  CaptureFormatError,
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  readCapture,
  readCapturePieces,
} from './capture-reader.js';
import { pcapHeader, pcapRecordHeader } from './capture-writer.js';

interface Packet {
  readonly time: number;
  readonly bytes: Uint8Array;
}

/** A pcap file written field by field, as the draft has them. */
function pcap(
  packets: readonly Packet[],
  { little = false, nano = false, linkType = LINKTYPE_ETHERNET } = {},
): Uint8Array {
  const header = new Uint8Array(24);
  const parts: Uint8Array[] = [header];
  const head = new DataView(header.buffer);
  head.setUint32(0, nano ? 0xa1b23c4d : 0xa1b2c3d4, little);
  head.setUint32(20, linkType, little);
  for (const { time, bytes } of packets) {
    const record = new Uint8Array(16);
    const view = new DataView(record.buffer);
    view.setUint32(0, Math.floor(time / 1000), little);
    view.setUint32(4, (time % 1000) * (nano ? 1e6 : 1e3), little);
    view.setUint32(8, bytes.length, little);
    view.setUint32(12, bytes.length + 7, little);
    parts.push(record, bytes);
  }
  return Uint8Array.from(Buffer.concat(parts));
}

function block(type: number, body: Uint8Array, little: boolean): Uint8Array {
  const padded = (body.length + 3) & ~3;
  const bytes = new Uint8Array(12 + padded);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, little);
  view.setUint32(4, bytes.length, little);
  bytes.set(body, 8);
  view.setUint32(8 + padded, bytes.length, little);
  return bytes;
}

function words(little: boolean, ...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  values.forEach((value, n) => {
    new DataView(bytes.buffer).setUint32(n * 4, value, little);
  });
  return bytes;
}

/** A pcapng file: a section, an interface with nanosecond stamps, a block that nobody knows, the packets. */
function pcapng(packets: readonly Packet[], little: boolean): Uint8Array {
  const resolution = new Uint8Array(8);
  const option = new DataView(resolution.buffer);
  option.setUint16(0, 9, little);
  option.setUint16(2, 1, little);
  resolution[4] = 9;
  const interfaceHead = words(little, 0, 0);
  new DataView(interfaceHead.buffer).setUint16(0, LINKTYPE_RAW, little);
  const blocks = [
    block(0x0a0d0d0a, words(little, 0x1a2b3c4d, 0x00010000, 0xffffffff, 0xffffffff), little),
    block(1, Uint8Array.from([...interfaceHead, ...resolution, 0, 0, 0, 0]), little),
    block(0x0bad, words(little, 1, 2), little),
    ...packets.map(({ time, bytes }) => {
      const stamp = BigInt(time) * 1_000_000n;
      const head = words(little, 0, Number(stamp >> 32n), Number(stamp & 0xffffffffn), bytes.length, bytes.length + 7);
      return block(6, Uint8Array.from([...head, ...bytes]), little);
    }),
  ];
  return Uint8Array.from(Buffer.concat(blocks));
}

const packet: fc.Arbitrary<Packet> = fc.record({
  time: fc.integer({ min: 0, max: 2 ** 31 }).map((seconds) => seconds * 1000 + 250),
  bytes: fc.uint8Array({ maxLength: 90 }),
});

function plain(packets: Iterable<CapturedPacket>): unknown[] {
  return [...packets].map(({ number, linkType, time, bytes, length }) => [number, linkType, time, [...bytes], length]);
}

test('packets are read from pcap files of both byte orders and resolutions, and from pcapng', (t) => {
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 5 }), fc.boolean(), fc.boolean(), (packets, little, nano) => {
      const wanted = (linkType: number): unknown[] =>
        packets.map(({ time, bytes }, n) => [n + 1, linkType, time, [...bytes], bytes.length + 7]);
      t.deepEqual(plain(readCapture(pcap(packets, { little, nano }))), wanted(LINKTYPE_ETHERNET));
      t.deepEqual(plain(readCapture(pcapng(packets, little))), wanted(LINKTYPE_RAW));
    }),
  );
});

test('what is written is read again, to the nanosecond', (t) => {
  const bytes = Uint8Array.of(1, 2, 3);
  const file = Buffer.concat([pcapHeader(LINKTYPE_RAW), pcapRecordHeader(1_700_000_000_123.5, 3), bytes]);
  t.deepEqual(plain(readCapture(Uint8Array.from(file))), [[1, LINKTYPE_RAW, 1_700_000_000_123.5, [1, 2, 3], 3]]);
});

test('a simple packet block has its interface’s snapshot length, and no time', (t) => {
  const section = block(0x0a0d0d0a, words(true, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff), true);
  const description = block(1, words(true, LINKTYPE_ETHERNET, 5), true);
  const simple = block(3, Uint8Array.from([...words(true, 90), 1, 2, 3, 4, 5, 0, 0, 0]), true);
  const file = Uint8Array.from(Buffer.concat([section, description, simple]));
  t.deepEqual(plain(readCapture(file)), [[1, LINKTYPE_ETHERNET, 0, [1, 2, 3, 4, 5], 90]]);
});

test('whatever the bytes are, they are packets or a refusal that says where the file breaks off', (t) => {
  const whole = fc.oneof(
    fc.array(packet, { minLength: 1, maxLength: 4 }).map((packets) => pcap(packets)),
    fc.array(packet, { minLength: 1, maxLength: 4 }).map((packets) => pcapng(packets, true)),
  );
  let refused = 0;
  fc.assert(
    fc.property(whole, fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), (file, cut, changes) => {
      const bytes = file.slice(0, cut % (file.length + 1));
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      try {
        for (const { bytes: kept } of readCapture(bytes)) t.true(kept.length <= bytes.length);
      } catch (error) {
        if (!(error instanceof CaptureFormatError)) throw error;
        refused++;
      }
    }),
    { numRuns: 2000 },
  );
  t.true(refused > 100);
  t.throws(() => [...readCapture(Uint8Array.of(1, 2, 3, 4, 5))], { message: /neither as a pcap nor as a pcapng/ });
  const broken = pcap([{ time: 1, bytes: new Uint8Array(9) }]).slice(0, -1);
  t.throws(() => [...readCapture(broken)], { message: 'its packet 1 (byte 24) breaks off' });
});

/** All that there is until the end, or the refusal; what is lent out is copied as it comes. */
function told(packets: Iterable<CapturedPacket>): unknown[] {
  const found: unknown[] = [];
  try {
    for (const one of packets) found.push(...plain([one]));
  } catch (error) {
    if (!(error instanceof CaptureFormatError)) throw error;
    found.push(error.message);
  }
  return found;
}

test('a file that is read piece by piece has the packets, and breaks off, as in memory', (t) => {
  const whole = fc.oneof(
    fc.array(packet, { maxLength: 6 }).map((packets) => pcap(packets)),
    fc.array(packet, { maxLength: 6 }).map((packets) => pcapng(packets, true)),
  );
  fc.assert(
    fc.property(whole, fc.nat(1000), fc.integer({ min: 1, max: 97 }), (file, cut, piece) => {
      const bytes = file.slice(0, Math.max(0, file.length - cut));
      let at = 0;
      const pieces = readCapturePieces((target) => {
        const count = Math.min(piece, target.length, bytes.length - at);
        target.set(bytes.subarray(at, at + count));
        at += count;
        return count;
      });
      t.deepEqual(told(pieces), told(readCapture(bytes)));
    }),
  );
});

test('a file of any length is read in a memory that has a bound, blocks that nobody knows included', (t) => {
  const bytes = new Uint8Array(60_000).fill(7);
  const record = Buffer.concat([pcapRecordHeader(1000, bytes.length), bytes]);
  const head = pcapHeader(LINKTYPE_ETHERNET);
  let largest = 0;
  const file = (first: Uint8Array, again: Uint8Array, times: number): Iterable<CapturedPacket> => {
    let left = Uint8Array.from(first);
    let count = 0;
    return readCapturePieces((target) => {
      largest = Math.max(largest, target.buffer.byteLength);
      if (left.length === 0 && count++ < times) left = Uint8Array.from(again);
      const part = left.subarray(0, target.length);
      target.set(part);
      left = left.subarray(part.length);
      return part.length;
    });
  };
  let packets = 0;
  for (const { length } of file(head, record, 1000)) if (length === bytes.length) packets++;
  t.is(packets, 1000);
  const section = block(0x0a0d0d0a, words(true, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff), true);
  // A block of 60 MB: its head, and what is in it bit by bit.
  const unknown = words(true, 0x0bad, 60_000_000);
  const filling = new Uint8Array(1_000_000);
  t.deepEqual(told(file(Uint8Array.from([...section, ...unknown]), filling, 30)), [
    `its block at byte ${section.length} breaks off, or has a wrong length`,
  ]);
  t.true(largest <= 2 * 1024 * 1024, `${largest}`);
});

test('a compressed capture is named as such, with what unpacks it', (t) => {
  t.throws(() => [...readCapture(Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0))], { message: /compressed: `gzip -dc`/ });
  t.throws(() => [...readCapture(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd))], { message: /compressed: `zstd -dc`/ });
});
