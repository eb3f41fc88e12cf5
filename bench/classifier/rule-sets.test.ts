import test from 'ava';
import { KEY_WORDS } from '../../src/classifier/flow-key.js';
import { createLookup } from '../../src/classifier/open-lookup.js';
import { TupleSpaceTable } from '../../src/classifier/tuple-space/tuple-space-table.js';
import { randomFrom, weighted, zipfFrom } from './random.js';
import { KINDS, prefixMask, RuleSet, slate, writeFrame } from './rule-sets.js';

for (const kind of KINDS) {
  test(`${kind}: rules go into a table, each with a pref of its own, and are found by their frames`, (t) => {
    const table = new TupleSpaceTable();
    const set = new RuleSet(kind, 2000, 7);
    const rule = slate();
    const random = randomFrom(3);
    const frames = new Int32Array(KEY_WORDS * 2000);
    for (let n = 0; n < 2000; n++) {
      set.write(rule);
      t.is(rule.id, n);
      t.is(rule.pref, n + 1);
      table.insert(rule);
      writeFrame(rule, random, frames, n * KEY_WORDS);
    }
    const lookup = createLookup(table.publish());
    for (let n = 0; n < 2000; n++) {
      const found = lookup.find(frames, n * KEY_WORDS, 0, 0x0800, 0);
      t.true(found >= 0 && found <= n, `frame of rule ${n} found ${found}`);
    }
  });

  test(`${kind}: a seed makes the same rules again, another seed does not`, (t) => {
    const [a, b, c] = [1, 1, 2].map((seed) => {
      const rule = slate();
      const set = new RuleSet(kind, 50, seed);
      return Array.from({ length: 50 }, () => {
        set.write(rule);
        return [...rule.key, ...rule.mask].join();
      });
    });
    t.deepEqual(a, b);
    t.notDeepEqual(a, c);
    t.is(new Set(a).size, 50);
  });
}

test('a set of ten masks has ten masks, the others have dozens', (t) => {
  for (const kind of KINDS) {
    const rule = slate();
    const set = new RuleSet(kind, 10_000, 5);
    const masks = new Set<string>();
    for (let n = 0; n < 10_000; n++) {
      set.write(rule);
      masks.add(rule.mask.join());
    }
    if (kind === 'ten') t.is(masks.size, 10);
    else t.true(masks.size > 30 && masks.size < 600, `${kind}: ${masks.size}`);
  }
});

test('sets larger than there are prefs share them in order', (t) => {
  const rule = slate();
  const set = new RuleSet('ten', 120_000, 1);
  let before = 0;
  for (let n = 0; n < 120_000; n++) {
    set.write(rule);
    t.true(rule.pref >= before && rule.pref <= 65535);
    before = rule.pref;
  }
  t.is(before, 60_000);
});

test('prefixes are masks from the top', (t) => {
  t.deepEqual([0, 8, 24, 32].map(prefixMask), [0, 0xff000000 | 0, 0xffffff00 | 0, -1]);
});

test('choices come as often as their weights say', (t) => {
  const random = randomFrom(11);
  let ones = 0;
  for (let n = 0; n < 10_000; n++)
    if (
      weighted(random, [
        [3, 0],
        [1, 1],
      ] as const) === 1
    )
      ones++;
  t.true(Math.abs(ones - 2500) < 200, `${ones}`);
});

test('by Zipf the first of a thousand comes twice as often as the second, and all are in range', (t) => {
  const next = zipfFrom(randomFrom(5), 1000);
  const counts = new Array<number>(1000).fill(0);
  for (let n = 0; n < 100_000; n++) {
    const rank = next();
    counts[rank] = (counts[rank] ?? 0) + 1;
  }
  const ratio = (counts[0] ?? 0) / (counts[1] ?? 1);
  t.true(ratio > 1.8 && ratio < 2.2, `${ratio}`);
  t.true((counts[999] ?? 0) < (counts[0] ?? 0) / 100);
});
