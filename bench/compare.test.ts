import test from 'ava';
import { type Contender, compare, type Plan } from './compare.js';
import type { Sample } from './measure.js';
import type { Order } from './options.js';
import { ROWS, type Row } from './rows.js';

const [row] = ROWS as readonly [Row, ...Row[]];

/** A contender whose runs give the listed values and which writes down that it ran. */
function contender(name: string, warmUp: boolean, samples: readonly Sample[], log: string[]): Contender {
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

function planOf(runs: number, order: Order): Plan {
  return { runs, seconds: 3, order, onRun: () => {} };
}

const values = (...list: number[]): Sample[] => list.map((value) => ({ value }));

test('runs alternate, and the order is swapped with every pair', async (t) => {
  const log: string[] = [];
  await compare(
    row,
    contender('A', false, values(1, 1, 1), log),
    contender('B', false, values(1, 1, 1), log),
    planOf(3, 'alternate'),
  );
  t.deepEqual(log, ['A 3', 'B 3', 'B 3', 'A 3', 'A 3', 'B 3']);
});

test('the order can be fixed', async (t) => {
  for (const [order, expected] of [
    ['kernel-first', 'A 3,B 3,A 3,B 3'],
    ['vtep-first', 'B 3,A 3,B 3,A 3'],
  ] as const) {
    const log: string[] = [];
    const [a, b] = ['A', 'B'].map((name) => contender(name, false, values(1, 1), log)) as [Contender, Contender];
    await compare(row, a, b, planOf(2, order));
    t.is(log.join(), expected);
  }
});

test('the warm-up is a short run that counts nowhere', async (t) => {
  const log: string[] = [];
  const result = await compare(
    row,
    contender('A', false, values(4, 5), log),
    contender('B', true, values(2, 3), log),
    planOf(2, 'alternate'),
  );
  t.deepEqual(log, ['B 1', 'A 3', 'B 3', 'B 3', 'A 3']);
  t.deepEqual(result.tested.values, [2, 3]);
});

test('a value meets the one of its own pair, whichever ran first', async (t) => {
  const result = await compare(
    row,
    contender('A', false, values(4, 8, 10), []),
    contender('B', false, values(2, 2, 1), []),
    planOf(3, 'alternate'),
  );
  t.deepEqual(result.ratio.values, [0.5, 0.25, 0.1]);
  t.is(result.ratio.median, 0.25);
});

test('CPU time and retransmissions are kept where an endpoint has them', async (t) => {
  const result = await compare(
    row,
    contender('A', false, [{ value: 4, retransmits: 7 }], []),
    contender('B', false, [{ value: 2, retransmits: 0, cpuSecondsPerGigabyte: 1.5 }], []),
    planOf(1, 'alternate'),
  );
  t.deepEqual(result.base.retransmits, [7]);
  t.is(result.base.cpuSecondsPerGigabyte, undefined);
  t.is(result.tested.cpuSecondsPerGigabyte?.median, 1.5);
});

test('a run that fails fails the row', async (t) => {
  const broken: Contender = { ...contender('B', false, [], []), measure: () => Promise.reject(new Error('gone')) };
  await t.throwsAsync(compare(row, contender('A', false, [], []), broken, planOf(1, 'alternate')), { message: 'gone' });
});
