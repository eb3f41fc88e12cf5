import test from 'ava';
import fc from 'fast-check';
import { ActionCounter } from '../memory/counters.js';
import type { ActionInstance } from './action-table.js';
import type { Filter } from './filter.js';
import { type FilterChoice, type SurveyedHook, surveyFilters } from './filter-survey.js';
import { Slices } from './slices.js';

/** What stands for a filter: packets of its first action (each 100 bytes), and drops of its second. */
interface Made {
  readonly packets: number;
  readonly dropped: number;
  readonly inForce: boolean;
}

/** Two hooks, prefs of three filters, by the numbers of rows. */
function hooksOf(made: readonly Made[]): { readonly hooks: SurveyedHook[]; readonly all: Filter[] } {
  const all = made.map(({ inForce }, n) => {
    const actions = [2 * n, 2 * n + 1].map((row) => ({ row, content: { kind: 'gact' } }) as unknown as ActionInstance);
    return { chain: 0, pref: 1 + n, handle: 1, actions, use: inForce ? {} : undefined } as unknown as Filter;
  });
  const half = all.length >> 1;
  const block = (filters: Filter[]): SurveyedHook['block'] => ({
    *byPref() {
      for (let n = 0; n < filters.length; n += 3) yield filters.slice(n, n + 3);
    },
  });
  return {
    hooks: [
      { dev: 'vxlan0', parent: 'ingress', block: block(all.slice(0, half)) },
      { dev: 'tap0', parent: 'egress', block: block(all.slice(half)) },
    ],
    all,
  };
}

function countersOf(made: readonly Made[]): { value(row: number, counter: number): number } {
  return {
    value: (row, counter) => {
      const one = made[row >> 1];
      if (!one) return 0;
      if (row % 2 === 1) return counter === ActionCounter.DROPS ? one.dropped : 0;
      return counter === ActionCounter.PACKETS ? one.packets : counter === ActionCounter.BYTES ? 100 * one.packets : 0;
    },
  };
}

const anyMade = fc.record({
  packets: fc.nat(6),
  dropped: fc.nat(3),
  inForce: fc.integer({ max: 9, min: 0 }).map(Boolean),
});

test('the first or the busiest are told in their order, and the others by their sum: as sorting all of them tells', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyMade, { maxLength: 60 }),
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom<FilterChoice>('first', 'busiest'),
      async (made, most, choice) => {
        const { hooks } = hooksOf(made);
        const survey = await surveyFilters(hooks, countersOf(made), choice, most, new Slices());
        const there = made.map((one, n) => ({ ...one, pref: n + 1 })).filter(({ inForce }) => inForce);
        const order = choice === 'first' ? there : [...there].sort((a, b) => b.packets - a.packets || a.pref - b.pref);
        const chosen = order.slice(0, most).sort((a, b) => a.pref - b.pref);
        const rest = order.slice(most);
        t.deepEqual(
          survey.filters.map(({ pref, packets, bytes, dropped }) => ({ pref, packets, bytes, dropped })),
          chosen.map(({ pref, packets, dropped }) => ({ pref, packets, bytes: 100 * packets, dropped })),
        );
        const sum = (of: (one: Made) => number): number => rest.reduce((total, one) => total + of(one), 0);
        t.deepEqual(survey.others, {
          count: rest.length,
          packets: sum(({ packets }) => packets),
          bytes: 100 * sum(({ packets }) => packets),
          dropped: sum(({ dropped }) => dropped),
        });
      },
    ),
    { numRuns: 500, seed: 8 },
  );
});

test('others are at work between the slices, and what they remove is not told', async (t) => {
  const made = Array.from({ length: 100 }, () => ({ packets: 1, dropped: 0, inForce: true }));
  const { hooks, all } = hooksOf(made);
  let pauses = 0;
  const slices = Object.assign(new Slices(), {
    pause: async () => {
      // Behind the first forty.
      if (++pauses === 40) for (const filter of all.slice(50)) filter.use = undefined;
    },
  });
  Object.defineProperty(slices, 'isOver', { get: () => true });
  const { filters, others } = await surveyFilters(hooks, countersOf(made), 'first', 10, slices);
  t.is(pauses, 100);
  t.deepEqual([filters.length, others.count, others.packets], [10, 40, 40]);
});

test('a slice goes on only when no transaction is on', async (t) => {
  let isOn = true;
  let waits = 0;
  const slices = new Slices(() => {
    if (!isOn) return undefined;
    waits++;
    return new Promise<void>((resolve) => {
      setImmediate(() => {
        isOn = waits < 3;
        resolve();
      });
    });
  });
  await slices.pause();
  t.false(isOn);
  t.is(waits, 3);
});
