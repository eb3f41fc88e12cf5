import test from 'ava';
import { CaptureRing, CaptureWord } from './capture-ring.js';

/** Writes a record of `kept` bytes, each of them `value`; false where it was lost. */
function write(ring: CaptureRing, kept: number, value: number): boolean {
  const word = ring.begin(kept, value + 0.25);
  if (word < 0) return false;
  ring.words[word + CaptureWord.LENGTH] = kept + 1;
  ring.put(word, 0, new Uint8Array(kept).fill(value), 0, kept);
  ring.end();
  return true;
}

test('records of any length come out as they went in, round and round', (t) => {
  const ring = new CaptureRing();
  const reader = new CaptureRing(ring.buffer);
  for (let n = 0; n < 3000; n++) {
    const kept = (n * 7919) % 9001;
    t.true(write(ring, kept, n & 0xff));
    const record = reader.read();
    t.is(record?.bytes.length, kept);
    t.is(record?.length, kept + 1);
    t.is(record?.time, (n & 0xff) + 0.25);
    t.true(record?.bytes.every((byte) => byte === (n & 0xff)));
  }
  t.is(reader.read(), undefined);
  t.is(reader.lost, 0);
});

test('what finds no room is lost and counted; what was there before stays, and then there is room again', (t) => {
  const ring = new CaptureRing();
  let kept = 0;
  while (write(ring, 60_000, kept & 0xff)) kept++;
  t.true(kept > 60);
  t.false(write(ring, 60_000, 1));
  t.is(ring.lost, 2);
  for (let n = 0; n < kept; n++) t.is(ring.read()?.bytes[0], n & 0xff);
  t.is(ring.read(), undefined);
  t.true(write(ring, 60_000, 9));
  t.is(ring.read()?.bytes[59_999], 9);
});
