import test from 'ava';
import type { ActionSpec } from '../iproute/commands.js';
import { ActionCounter, ActionCounters } from '../memory/counters.js';
import { ActionTable } from './action-table.js';

const drop = (index?: number): ActionSpec => ({
  kind: 'gact',
  control: { type: 'drop' },
  ...(index === undefined ? {} : { index }),
});
const redirect: ActionSpec = {
  kind: 'mirred',
  direction: 'egress',
  mode: 'redirect',
  dev: 'tap0',
  control: { type: 'stolen' },
};

function made(): { table: ActionTable; counters: ActionCounters } {
  const counters = new ActionCounters();
  const table = new ActionTable(counters, (rows) => {
    while (counters.capacity < rows) counters.grow();
  });
  return { table, counters };
}

test('indices are the lowest free ones of each kind, and those that were asked for', (t) => {
  const { table } = made();
  const indices = [drop(), drop(3), drop(), drop(), redirect, drop(0)].map((spec) => table.bind(spec, -1).spec.index);
  t.deepEqual(indices, [1, 3, 2, 4, 1, 5]);
});

test('an index that is there already is bound to as it is, whatever else is said', (t) => {
  const { table } = made();
  const first = table.bind(drop(8), -1);
  const second = table.bind({ kind: 'gact', control: { type: 'pass' }, index: 8 }, -1);
  t.is(second, first);
  t.like(first, { ref: 2, bind: 2, spec: { control: { type: 'drop' } } });
});

test('an action ends with its last binding; its index is free at once, its row when it is released', (t) => {
  const { table } = made();
  const action = table.bind(drop(), -1);
  table.bind(drop(1), -1);
  t.false(table.unbind(action));
  t.true(table.unbind(action));
  const next = table.bind(drop(), -1);
  t.like(next, { spec: { index: 1 }, row: 1, ref: 1 });
  table.releaseRow(0);
  t.is(table.bind(drop(), -1).row, 0);
});

test('a row begins at zero, however often it was used before', (t) => {
  const { table, counters } = made();
  const action = table.bind(drop(), -1);
  counters.hit(action.row, 3, 300, Date.now());
  table.unbind(action);
  table.releaseRow(action.row);
  const next = table.bind(drop(), -1);
  t.is(next.row, action.row);
  t.is(counters.value(next.row, ActionCounter.PACKETS), 0);
});

test('statistics are those of the row, in whole seconds; firstused only after a first use', (t) => {
  const { table, counters } = made();
  const action = table.bind(redirect, 6);
  const state = (): ReturnType<ActionTable['state']> => table.state(action, (device) => `device${device}`);
  t.deepEqual(state(), {
    spec: { ...redirect, index: 1, dev: 'device6' },
    ref: 1,
    bind: 1,
    statistics: { packets: 0, bytes: 0, drops: 0, overlimits: 0, requeues: 0, installed: 0, lastUsed: 0 },
  });
  counters.hit(action.row, 2, 168, Date.now() - 5500);
  counters.hit(action.row, 1, 84, Date.now() - 3500);
  counters.add(action.row, ActionCounter.OVERLIMITS, 1);
  t.like(state().statistics, { packets: 3, bytes: 252, overlimits: 1, lastUsed: 3, firstUsed: 5 });
});

test('counters reach to every row', (t) => {
  const { table, counters } = made();
  for (let n = 0; n < 5000; n++) table.bind(drop(), -1);
  t.is(counters.capacity, 8192);
});
