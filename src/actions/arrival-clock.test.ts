import test from 'ava';
import { ArrivalClock } from './arrival-clock.js';

/** The times of the packets of a batch, in milliseconds. */
function batch(clock: ArrivalClock, read: number, count: number): number[] {
  clock.begin(read, count);
  return Array.from({ length: count }, () => {
    clock.arrive();
    return clock.now / 1e6;
  });
}

test('what a batch brings came evenly while the batch before it was worked on, or just now', (t) => {
  const clock = new ArrivalClock();
  t.deepEqual(batch(clock, 1000, 2), [1000, 1000], 'nothing came before the first');
  clock.finish(1300);
  t.deepEqual(batch(clock, 1310, 3), [1110, 1210, 1310], 'the worker had no time to sleep');
  clock.finish(1320);
  t.deepEqual(batch(clock, 5000, 2), [4995, 5000], 'it slept: hardly any waited');
  t.deepEqual(batch(clock, 5001, 1), [5001], 'nobody said that the one before was done with');
  clock.finish(9000);
  t.deepEqual(batch(clock, 9000, 1), [9000]);
  clock.finish(9100);
  t.deepEqual(batch(clock, 9050, 2), [9025, 9050], 'not before the last was read');
});
