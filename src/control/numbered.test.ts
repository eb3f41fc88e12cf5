import test from 'ava';
import fc from 'fast-check';
import { Numbered } from './numbered.js';

/** Numbers that are dense, and some that are far away. */
const number = fc.oneof(
  { weight: 5, arbitrary: fc.nat(40) },
  fc.nat(3000),
  fc.integer({ min: 0xfffffff0, max: 0xffffffff }),
);

test('things are found, counted and listed by number as a Map has them', (t) => {
  const edits = fc.array(fc.record({ number, item: fc.option(fc.string()) }), { maxLength: 120, size: 'max' });
  fc.assert(
    fc.property(edits, (all) => {
      const numbered = new Numbered<string>();
      const map = new Map<number, string>();
      for (const { number: each, item } of all) {
        if (item === null) {
          numbered.delete(each);
          map.delete(each);
        } else {
          numbered.set(each, item);
          map.set(each, item);
        }
        if (numbered.get(each) !== map.get(each) || numbered.size !== map.size) return false;
      }
      const sorted = [...map].sort(([a], [b]) => a - b).map(([, item]) => item);
      t.deepEqual([...numbered.values()], sorted);
      return all.every(({ number: each }) => numbered.get(each) === map.get(each));
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

test('numbers that first come far above the others are found when the others have grown beyond them', (t) => {
  const numbered = new Numbered<number>();
  numbered.set(1000, 1000);
  for (let n = 1; n < 3000; n++) if (n !== 1000) numbered.set(n, n);
  t.deepEqual(
    [...numbered.values()],
    Array.from({ length: 2999 }, (_, n) => n + 1),
  );
  numbered.delete(1000);
  t.is(numbered.get(1000), undefined);
  t.is(numbered.size, 2998);
});
