import test from 'ava';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { ActionCounter, ActionCounters } from '../memory/counters.js';
import { type ActionMaking, ActionTable } from './action-table.js';

const drop = (index?: number): ActionMaking => ({
  kind: 'gact',
  control: { type: 'drop' },
  ...(index === undefined ? {} : { index }),
});
const redirect: ActionMaking = {
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
  const indices = [drop(), drop(3), drop(), drop(), redirect, drop(0)].map((spec) => table.add(spec, -1).spec.index);
  t.deepEqual(indices, [1, 3, 2, 4, 1, 5]);
});

test('an action ends with its last reference; its index is free at once, its row when it is released', (t) => {
  const { table } = made();
  const action = table.add(drop(), -1);
  action.ref++;
  t.false(table.unref(action));
  t.is(table.find('gact', 1), action);
  t.true(table.unref(action));
  t.is(table.find('gact', 1), undefined);
  t.like(table.add(drop(), -1), { spec: { index: 1 }, row: 1, ref: 1 });
  table.releaseRow(0);
  t.is(table.add(drop(), -1).row, 0);
});

test('the actions of a kind are listed by index', (t) => {
  const { table } = made();
  for (const spec of [drop(9), redirect, drop(), drop(4)]) table.add(spec, -1);
  t.deepEqual(
    table.list('gact').map(({ spec }) => spec.index),
    [1, 4, 9],
  );
  t.deepEqual(table.list('tunnel_key'), []);
});

test('a row begins at zero, however often it was used before', (t) => {
  const { table, counters } = made();
  const action = table.add(drop(), -1);
  counters.hit(action.row, 3, 300, SYSTEM_CLOCK.steady());
  table.unref(action);
  table.releaseRow(action.row);
  const next = table.add(drop(), -1);
  t.is(next.row, action.row);
  t.is(counters.value(next.row, ActionCounter.PACKETS), 0);
});

test('statistics are those of the row, in whole seconds; firstused only after a first use', (t) => {
  const { table, counters } = made();
  const action = table.add(redirect, 6);
  const state = (): ReturnType<ActionTable['state']> => table.state(action, (device) => `device${device}`);
  t.deepEqual(state(), {
    spec: { ...redirect, index: 1, dev: 'device6' },
    ref: 1,
    bind: 0,
    statistics: { packets: 0, bytes: 0, drops: 0, overlimits: 0, requeues: 0, installed: 0, lastUsed: 0 },
  });
  counters.hit(action.row, 2, 168, SYSTEM_CLOCK.steady() - 5500);
  counters.hit(action.row, 1, 84, SYSTEM_CLOCK.steady() - 3500);
  counters.add(action.row, ActionCounter.OVERLIMITS, 1);
  t.like(state().statistics, { packets: 3, bytes: 252, overlimits: 1, lastUsed: 3, firstUsed: 5 });
});

test('counters reach to every row', (t) => {
  const { table, counters } = made();
  for (let n = 0; n < 5000; n++) table.add(drop(), -1);
  t.is(counters.capacity, 8192);
});
