import test from 'ava';
import { randomFrom } from '../conformance/random-edits.js';
import { FirstPref } from './first-pref.js';

const NONE = 65536;

test('the first of no prefs is none', (t) => {
  t.is(new FirstPref().least(new Map(), NONE), NONE);
});

for (const prefs of [3, 40, 5000]) {
  test(`the first of up to ${prefs} prefs that come and go is that of a sorted list`, (t) => {
    const random = randomFrom(5 + prefs);
    const first = new FirstPref();
    const there = new Map<number, true>();
    for (let n = 0; n < 5000; n++) {
      // They become fewer and more in turns.
      const pref = 1 + random(prefs);
      const comes = random(10) < (n % 1000 < 500 ? 7 : 3);
      if (comes && !there.has(pref)) {
        there.set(pref, true);
        first.add(pref);
      } else if (!comes) {
        // Often the very first goes.
        there.delete(random(2) === 0 ? first.least(there, NONE) : pref);
      }
      if (n % 7 === 0) t.is(first.least(there, NONE), Math.min(NONE, ...there.keys()));
    }
  });
}
