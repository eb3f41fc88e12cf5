import test from 'ava';
import fc from 'fast-check';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW, readCapture } from './capture-reader.js';
import { pcapngInterface, pcapngLost, pcapngPacket, pcapngSection } from './pcapng-writer.js';

const packet = fc.record({
  on: fc.nat(1),
  seconds: fc.nat(2 ** 31),
  nanoseconds: fc.nat(999_999).map((n) => n * 1000),
  bytes: fc.uint8Array({ maxLength: 70 }),
  cut: fc.nat(100),
  comment: fc.string({ unit: 'grapheme', maxLength: 40 }),
  direction: fc.constantFrom<'in' | 'out' | undefined>('in', 'out', undefined),
});

test('what is written is read again: interfaces by name, times to the nanosecond, comments, lengths', (t) => {
  const interfaces = [
    { name: 'vxlan0 decap', description: 'frames', linkType: LINKTYPE_ETHERNET },
    { name: 'vxlan0 underlay-in', description: 'datagrams', linkType: LINKTYPE_RAW },
  ];
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 8 }), (packets) => {
      const file = Buffer.concat([
        pcapngSection('vtep'),
        ...interfaces.map((one) => pcapngInterface(one, 65_535)),
        ...packets.map(({ on, seconds, nanoseconds, bytes, cut, comment, direction }) =>
          pcapngPacket(on, {
            ...{ time: seconds * 1000 + nanoseconds / 1e6, bytes, length: bytes.length + cut, comment },
            ...(direction && { direction }),
          }),
        ),
        pcapngLost(0, 1, 5),
      ]);
      t.is(file.length % 4, 0);
      const read = [...readCapture(Uint8Array.from(file))];
      t.is(read.length, packets.length);
      read.forEach((one, n) => {
        const wanted = packets[n];
        t.deepEqual([...one.bytes], [...(wanted?.bytes ?? [])]);
        t.is(one.length, (wanted?.bytes.length ?? 0) + (wanted?.cut ?? 0));
        t.is(one.comment, wanted?.comment);
        const on = interfaces[wanted?.on ?? 0];
        t.deepEqual([one.interfaceName, one.linkType], [on?.name, on?.linkType]);
        // A number has no room for more of a time in milliseconds.
        t.true(Math.abs(one.time - ((wanted?.seconds ?? 0) * 1000 + (wanted?.nanoseconds ?? 0) / 1e6)) < 0.0006);
      });
    }),
    { numRuns: 200 },
  );
});
