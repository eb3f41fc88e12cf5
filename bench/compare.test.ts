import test from 'ava';
import { type Contender, compare, type Plan, type Sample } from './compare.js';
import type { Order } from './options.js';
import { ROWS, type Row } from './rows.js';

const [row] = ROWS as readonly [Row, ...Row[]];

/** A contender whose runs give the listed values and which writes down that it ran. */
function contender(name: string, warmUp: boolean, samples: readonly Sample[], log: string[] = []): Contender {
  let run = warmUp ? -1 : 0;
  return {
    name,
    warmUp,
    measure: async (_, seconds) => {
      log.push(`${name} ${seconds}`);
      return samples[run++] ?? { value: 1e9 };
    },
  };
}

function planOf(runs: number, order: Order = 'alternate', base = 'A'): Plan {
  return { base, runs, seconds: 3, order, onRun: () => {} };
}

const values = (...list: number[]): Sample[] => list.map((value) => ({ value }));

test('every contender runs once a round, and the order is reversed with every round', async (t) => {
  const log: string[] = [];
  const all = ['A', 'B', 'C'].map((name) => contender(name, false, [], log));
  await compare(row, all, planOf(3));
  t.deepEqual(log, ['A 3', 'B 3', 'C 3', 'C 3', 'B 3', 'A 3', 'A 3', 'B 3', 'C 3']);
});

test('the order can be fixed', async (t) => {
  const log: string[] = [];
  const all = ['A', 'B'].map((name) => contender(name, false, [], log));
  await compare(row, all, planOf(2, 'fixed'));
  t.is(log.join(), 'A 3,B 3,A 3,B 3');
});

test('the warm-up is a short run that counts nowhere', async (t) => {
  const log: string[] = [];
  const all = [contender('A', false, values(4, 5), log), contender('B', true, values(2, 3), log)];
  const { result } = await compare(row, all, planOf(2));
  t.deepEqual(log, ['B 1', 'A 3', 'B 3', 'B 3', 'A 3']);
  t.deepEqual(result.sides.B?.values, [2, 3]);
});

test('a value meets the one of its own round, whichever ran first', async (t) => {
  const all = [contender('A', false, values(4, 8, 10)), contender('B', false, values(2, 2, 1))];
  const { result } = await compare(row, all, planOf(3));
  t.deepEqual(result.ratios.B?.values, [0.5, 0.25, 0.1]);
  t.is(result.ratios.B?.median, 0.25);
  t.deepEqual(Object.keys(result.ratios), ['B']);
});

test('of what is measured beside the value the median is kept', async (t) => {
  const samples = [7, 1, 3].map((retransmits) => ({ value: 4, details: { retransmits } }));
  const { result } = await compare(row, [contender('A', false, samples)], planOf(3));
  t.deepEqual(result.sides.A?.details, { retransmits: 3 });
});

test('a contender that fails is out of the row, and the others go on', async (t) => {
  const log: string[] = [];
  const broken: Contender = { ...contender('B', false, []), measure: () => Promise.reject(new Error('gone')) };
  const all = [contender('A', false, values(1, 2), log), broken, contender('C', false, values(3, 4), log)];
  const { result, failures } = await compare(row, all, planOf(2));
  t.deepEqual(failures, [{ id: row.id, title: row.title, endpoint: 'B', failure: 'gone' }]);
  t.deepEqual(Object.keys(result.sides), ['A', 'C']);
  t.deepEqual(log, ['A 3', 'C 3', 'C 3', 'A 3']);
});

test('a warm-up that fails leaves no values behind', async (t) => {
  const broken: Contender = { ...contender('B', true, []), measure: () => Promise.reject(new Error('gone')) };
  const { result, failures } = await compare(row, [contender('A', false, values(1)), broken], planOf(1));
  t.deepEqual(Object.keys(result.sides), ['A']);
  t.is(failures.length, 1);
});

test('without the base there are no ratios', async (t) => {
  const broken: Contender = { ...contender('A', false, []), measure: () => Promise.reject(new Error('gone')) };
  const { result } = await compare(row, [broken, contender('B', false, values(3))], planOf(1));
  t.deepEqual(result.ratios, {});
  t.deepEqual(result.sides.B?.values, [3]);
});
