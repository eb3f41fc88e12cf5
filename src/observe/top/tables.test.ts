import test from 'ava';
import { LATER, OVERVIEW } from '../overview.test.helper.js';
import { ratesBetween } from './rates.js';
import { firstOrder, matching, ordered, short, tableOf, VIEWS } from './tables.js';

const RATES = ratesBetween(OVERVIEW, LATER);

test('numbers have three digits that count', (t) => {
  const shown = [0, 1, 0.5, 12.34, 99.97, 123.4, 999.4, 999.6, 1049, 12_345, 987_654, 1.5e9, 2e15, Number.NaN].map(
    short,
  );
  t.deepEqual(shown, [
    '0',
    '1',
    '0.50',
    '12.3',
    '100',
    '123',
    '999',
    '1.00k',
    '1.05k',
    '12.3k',
    '988k',
    '1.50G',
    '2000T',
    '–',
  ]);
});

test('every row of every view has a cell for each column, and an order to begin with', (t) => {
  for (const view of VIEWS) {
    const { columns, rows } = tableOf(view, RATES);
    t.true(rows.length > 0, view);
    for (const row of rows) t.is(row.length, columns.length, view);
    t.true(columns[firstOrder(view)]?.isNumber === true, view);
  }
});

test('numbers are ordered from the largest on, text from A on, and the other way round', (t) => {
  const drops = tableOf('drops', RATES);
  const reasons = (by: number, isReversed: boolean): (string | undefined)[] =>
    ordered(drops, by, isReversed).map((row) => row[1]?.text);
  t.deepEqual(reasons(3, false), ['unmatched', 'tap-down', 'tap-gone']);
  t.deepEqual(reasons(3, true), ['tap-gone', 'tap-down', 'unmatched']);
  t.deepEqual(reasons(1, false), ['tap-down', 'tap-gone', 'unmatched']);
});

test('rows have to have each of the words, in any cell', (t) => {
  const { rows } = tableOf('drops', RATES);
  const reasons = (words: string): (string | undefined)[] => matching(rows, words).map((row) => row[1]?.text);
  t.deepEqual(reasons('TAP0 gone'), ['tap-gone']);
  t.deepEqual(reasons('  '), ['unmatched', 'tap-down', 'tap-gone']);
  t.deepEqual(reasons('nothing'), []);
});
