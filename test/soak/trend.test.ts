import test from 'ava';
import { floorsOf, trendOf } from './trend.js';

const samples = (value: (at: number) => number) => Array.from({ length: 60 }, (_, at) => ({ at, value: value(at) }));

test('what stays has no trend, however it jumps about; what leaks has one, however it jumps about', (t) => {
  const saw = (at: number): number => 100 + 20 * (at % 7);
  t.true(Math.abs(trendOf(samples(saw)).growth) < 12, 'less than half a tooth');
  const leak = trendOf(samples((at) => saw(at) + 3 * at));
  t.true(Math.abs(leak.slope - 3) < 0.3, `${leak.slope}`);
  t.true(Math.abs(leak.growth - 177) < 15, `${leak.growth}`);
  t.deepEqual([trendOf(samples(saw)).least, trendOf(samples(saw)).most], [100, 220]);
});

test('floors leave the teeth of a saw out, and keep what grows below them', (t) => {
  const saw = (at: number): number => 100 + 20 * (at % 6);
  t.deepEqual(
    floorsOf(samples(saw)).map(({ value }) => value),
    new Array(10).fill(100),
  );
  t.true(trendOf(floorsOf(samples((at) => saw(at) + at))).growth > 50);
  t.deepEqual(floorsOf([]), []);
});

test('a line is found as it is, and one sample is no trend', (t) => {
  const { slope, growth } = trendOf(samples((at) => 5 - 2 * at));
  t.true(Math.abs(slope + 2) < 1e-9);
  t.true(Math.abs(growth + 118) < 1e-9);
  t.is(trendOf([{ at: 1, value: 9 }]).slope, 0);
});
