import test from 'ava';
import fc from 'fast-check';
import { median, pairedRatios, spread, summarize } from './statistics.js';

test('the median is the middle of an odd number of values, whatever their order', (t) => {
  t.is(median([10, 9, 200, 8, 1]), 9);
  t.is(median([7]), 7);
});

test('the median of an even number of values lies between the two middle ones', (t) => {
  t.is(median([4, 1, 3, 100]), 3.5);
});

test('values are compared as numbers and the caller’s list keeps its order', (t) => {
  const values = [100, 20, 3];
  t.is(median(values), 20);
  t.deepEqual(values, [100, 20, 3]);
});

test('nothing has no median', (t) => {
  t.throws(() => median([]), { instanceOf: RangeError });
});

test('at least half of the values are on either side of the median', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 9 }),
      (values) => {
        const { median: middle, min, max } = summarize(values);
        const below = values.filter((value) => value <= middle).length;
        const above = values.filter((value) => value >= middle).length;
        return below * 2 >= values.length && above * 2 >= values.length && min <= middle && middle <= max;
      },
    ),
    { seed: 4789 },
  );
  t.pass();
});

test('the spread is half of the range as a share of the median', (t) => {
  t.is(spread(summarize([9, 10, 12])), 0.15);
  t.is(spread(summarize([5])), 0);
  t.is(spread(summarize([0, 0])), 0);
  t.is(spread(summarize([0, 0, 3])), Number.POSITIVE_INFINITY);
});

test('ratios are taken within each pair, not between the medians', (t) => {
  // the machine halves its speed after the first pair: the ratio is 0.5 all along
  const ratios = pairedRatios([8, 4, 4, 4, 2], [4, 2, 2, 2, 1]);
  t.deepEqual(ratios.values, [0.5, 0.5, 0.5, 0.5, 0.5]);
  // a pair in which both were slow does not count twice: medians alone would say 6 / 10
  t.is(pairedRatios([10, 10, 2], [6, 9, 1.8]).median, 0.9);
});

test('runs without a partner are refused', (t) => {
  t.throws(() => pairedRatios([1, 2], [1]), { message: '2 runs against 1' });
});
