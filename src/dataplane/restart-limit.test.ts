import test from 'ava';
import { MOST_DEATHS, RestartLimit, WITHIN_MS } from './restart-limit.js';

test('the first death costs no time, each one that follows soon four times as much, and the sixth in a minute is the last', (t) => {
  const limit = new RestartLimit();
  const waits = Array.from({ length: MOST_DEATHS + 1 }, (_, n) => limit.died(n * 1000));
  t.deepEqual(waits, [0, 100, 400, 1600, 6400, -1]);
});

test('what was more than a minute ago is forgotten', (t) => {
  const limit = new RestartLimit();
  for (let n = 0; n < 100; n++) t.is(limit.died(n * WITHIN_MS), 0);
  const often = new RestartLimit();
  for (let n = 0; n < 100; n++) t.not(often.died((n * WITHIN_MS) / MOST_DEATHS), -1);
});
