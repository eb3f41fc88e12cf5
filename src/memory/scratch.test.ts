import test from 'ava';
import { Arena } from './arena.js';
import { BatchScratch } from './scratch.js';

test('scratch is handed out in multiples of 64 until it is used up, and is all there again for the next batch', (t) => {
  const scratch = new BatchScratch(new Arena(65_536), 256);
  const first = scratch.take(1);
  t.is(first % 64, 0);
  t.is(scratch.take(65), first + 64);
  t.is(scratch.take(65), -1);
  t.is(scratch.take(64), first + 192);
  t.is(scratch.take(1), -1);
  scratch.reset();
  t.is(scratch.take(256), first);
});
