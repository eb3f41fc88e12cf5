import test from 'ava';
import { SAMPLE_BYTES, SampleRing } from './sample-ring.js';

const frame = Uint8Array.from({ length: 5000 }, (_, n) => n & 255);

function write(ring: SampleRing, wanted = 100, group = 1): boolean {
  return ring.write(frame, 10, 4000, wanted, group, 7, 3, group % 2 === 1);
}

test('what one side writes the other reads, in order, and no more of it than was wanted', (t) => {
  const writer = new SampleRing();
  const reader = new SampleRing(writer.buffer);
  reader.open();
  t.is(reader.read(), undefined);
  t.true(write(writer, 64, 0xffffffff));
  t.true(write(writer, 4000, 2));
  t.deepEqual(reader.read(), {
    group: 0xffffffff,
    rate: 7,
    device: 3,
    egress: true,
    length: 4000,
    bytes: frame.slice(10, 74),
  });
  const second = reader.read();
  t.like(second, { group: 2, egress: false });
  t.deepEqual(second?.bytes, frame.slice(10, 10 + SAMPLE_BYTES));
  t.is(reader.read(), undefined);
});

test('nobody who reads: nothing is kept; a slow reader: what finds no room is lost, and then there is room again', (t) => {
  const ring = new SampleRing();
  t.true(write(ring), 'there is nothing to be lost');
  ring.open();
  t.is(ring.read(), undefined);
  let kept = 0;
  while (write(ring, 20, kept)) kept++;
  t.true(kept >= 512);
  t.is(ring.read()?.group, 0);
  t.true(write(ring, 20, 9999));
  let last = -1;
  for (let next = ring.read(); next !== undefined; next = ring.read()) last = next.group;
  t.is(last, 9999);
  write(ring);
  ring.close();
  ring.open();
  t.is(ring.read(), undefined, 'who opens it anew begins with what comes then');
});
