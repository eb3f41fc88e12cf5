import test from 'ava';
import { Counters } from '../memory/counters.js';
import type { ClassifierTable } from './classifier.js';
import { checkConcurrentReader, conformanceCases, runRandomEdits, type Shape, wrapLookups } from './conformance.js';
import { FlowCache } from './flow-cache/flow-cache.js';
import { LinearTable } from './linear/linear-table.js';
import { TupleSpaceTable } from './tuple-space/tuple-space-table.js';

const classifiers: readonly (readonly [string, () => ClassifierTable])[] = [
  ['linear', () => new LinearTable()],
  ['tuple space', () => new TupleSpaceTable()],
  ['tuple space that counts to 20 only', () => new TupleSpaceTable({ lastNumber: 20 })],
  ['tuple space behind a flow cache', () => cached(new TupleSpaceTable(), 1024)],
  ['linear behind a flow cache of four entries', () => cached(new LinearTable(), 4)],
];

/** Every look-up of a table goes through one cache: each time as another hook, until there are no more hooks. */
function cached(table: ClassifierTable, entries: number): ClassifierTable {
  const cache = new FlowCache(new Counters(), entries);
  let opened = 0;
  return wrapLookups(table, (lookup) => cache.before(lookup, opened++ % 8));
}

const shapes: readonly (readonly [string, Shape])[] = [
  ['few rules, masks and values', { rules: 12, masks: 3, values: 2, prefs: 3 }],
  ['many masks in one pref', { rules: 100, masks: 24, values: 3, prefs: 1 }],
  ['many prefs of one key', { rules: 80, masks: 2, values: 1, prefs: 60 }],
  ['many rules', { rules: 250, masks: 12, values: 4, prefs: 12 }],
];

for (const [name, create] of classifiers) {
  for (const { title, run } of conformanceCases) {
    test(`${name}: ${title}`, (t) => {
      run(create);
      t.pass();
    });
  }
  test(`${name}: a worker reads its snapshot while the table is edited`, async (t) => {
    await checkConcurrentReader(create(), name.includes('cache'));
    t.pass();
  });
  for (const [title, shape] of shapes) {
    test(`${name}: finds what the linear classifier finds, after random edits and before: ${title}`, (t) => {
      const { lookups, hits } = runRandomEdits(create(), new LinearTable(), 20250611, shape, 150, 25);
      t.true(lookups > 10_000);
      t.true(hits > lookups / 8, `${hits} hits of ${lookups}`);
    });
  }
}
