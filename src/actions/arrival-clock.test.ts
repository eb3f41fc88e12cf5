import test from 'ava';
import { ArrivalClock } from './arrival-clock.js';

/** The times of the packets of a batch, in milliseconds. */
function batch(clock: ArrivalClock, read: number, count: number): number[] {
  clock.time[0] = read;
  clock.begin(count);
  return Array.from({ length: count }, () => {
    clock.arrive();
    return clock.now / 1e6;
  });
}

function finish(clock: ArrivalClock, now: number): void {
  clock.time[0] = now;
  clock.finish();
}

test('what a batch brings came evenly while the batch before it was worked on, or just now', (t) => {
  const clock = new ArrivalClock();
  t.deepEqual(batch(clock, 1000, 2), [1000, 1000], 'nothing came before the first');
  finish(clock, 1300);
  t.deepEqual(batch(clock, 1310, 3), [1110, 1210, 1310], 'the worker had no time to sleep');
  finish(clock, 1320);
  t.deepEqual(batch(clock, 5000, 2), [4995, 5000], 'it slept: hardly any waited');
  t.deepEqual(batch(clock, 5001, 1), [5001], 'nobody said that the one before was done with');
  finish(clock, 9000);
  t.deepEqual(batch(clock, 9000, 1), [9000]);
  finish(clock, 9100);
  t.deepEqual(batch(clock, 9050, 2), [9025, 9050], 'not before the last was read');
});
