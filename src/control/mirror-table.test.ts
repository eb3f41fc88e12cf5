import test from 'ava';
import fc from 'fast-check';
import { BURST, MirrorTable, RATE, WAITING } from './mirror-table.js';

test('a VNI is made once, and is known then', (t) => {
  const table = new MirrorTable(10, 0);
  t.is(table.ask(5, 0), 'make');
  t.is(table.ask(5, 0), 'wait');
  table.made(5, 77, 0);
  t.is(table.ask(5, 0), 'known');
  t.deepEqual(table.taps, [[5, 77]]);
  t.false(table.gone(5, 78), 'another device');
  t.true(table.gone(5, 77));
  t.false(table.gone(5, 77));
  t.is(table.ask(5, 0), 'make');
  table.failed(5);
  t.is(table.size, 0);
});

test('what is being made counts too, and fewer may be allowed than there are', (t) => {
  const table = new MirrorTable(2, 0);
  t.deepEqual(
    [1, 2, 3].map((vni) => table.ask(vni, 0)),
    ['make', 'make', 'full'],
  );
  table.made(1, 1, 0);
  t.is(table.ask(3, 0), 'full');
  table.failed(2);
  t.is(table.ask(3, 0), 'make');
  table.maxTaps = 1;
  table.made(3, 3, 0);
  t.is(table.size, 2);
  table.gone(1, 1);
  t.is(table.ask(4, 0), 'full');
});

test('a scan makes a burst, and then so many a second; who waits is first', (t) => {
  const table = new MirrorTable(1000, 0);
  const answers = Array.from({ length: 500 }, (_, vni) => table.ask(vni, 0));
  t.deepEqual(
    ['make', 'wait', 'busy'].map((each) => answers.filter((answer) => answer === each).length),
    [BURST, WAITING, 500 - BURST - WAITING],
  );
  t.is(table.due(0), undefined);
  // A token is there, and it is not for whoever comes now.
  t.is(table.ask(9999, 1000 / RATE), 'busy');
  t.is(table.due(1000 / RATE), BURST);
  t.is(table.due(1000 / RATE), undefined);
  const second = [];
  for (let now = 1000; now <= 2000; now += 10) second.push(table.due(now));
  t.is(second.filter((vni) => vni !== undefined).length, 2 * RATE - 1);
});

test('a TAP is silent when nothing has come for its time, from when it was made on', (t) => {
  const table = new MirrorTable(10, 0);
  const used = new Map([
    [1, 0],
    [2, 0],
  ]);
  const silent = (now: number): number[] => table.idle(now, 1000, (index) => used.get(index) ?? 0);
  for (const index of [1, 2]) {
    table.ask(index, 0);
    table.made(index, index, 500);
  }
  t.deepEqual(silent(1400), []);
  used.set(2, 1);
  t.deepEqual(silent(1500), [1]);
  t.deepEqual(silent(2499), [1]);
  t.deepEqual(silent(2500), [1, 2]);
  used.set(2, 2);
  t.deepEqual(silent(2501), [1]);
});

test('whatever is asked, made, lost and forgotten: never too many, never two of one, nothing left behind', (t) => {
  const vni = fc.integer({ min: 0, max: 40 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('ask' as const), vni }),
    fc.record({ kind: fc.constant('finish' as const), works: fc.boolean() }),
    fc.record({ kind: fc.constant('gone' as const), vni }),
    fc.record({ kind: fc.constant('later' as const), by: fc.integer({ min: 0, max: 500 }) }),
    fc.record({ kind: fc.constant('limit' as const), to: fc.integer({ min: 1, max: 20 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const table = new MirrorTable(10, 0);
      let now = 0;
      let made = 0;
      let index = 0;
      const making: number[] = [];
      const standing = new Map<number, number>();
      const begin = (each: number): void => {
        t.false(making.includes(each) || standing.has(each), 'made twice');
        making.push(each);
        made++;
      };
      for (const each of steps) {
        const { size, maxTaps } = table;
        if (each.kind === 'ask') {
          const answer = table.ask(each.vni, now);
          if (answer === 'make') begin(each.vni);
          t.is(answer === 'known', standing.has(each.vni) && answer === 'known');
          if (answer === 'full') t.true(size >= maxTaps);
          t.true(table.size <= Math.max(size, maxTaps));
        } else if (each.kind === 'finish') {
          const first = making.shift();
          if (first === undefined) continue;
          if (each.works) {
            standing.set(first, index);
            table.made(first, index++, now);
          } else table.failed(first);
        } else if (each.kind === 'gone') {
          const tap = standing.get(each.vni);
          t.is(table.gone(each.vni, tap ?? -1), tap !== undefined);
          standing.delete(each.vni);
        } else if (each.kind === 'limit') {
          table.maxTaps = each.to;
        } else {
          now += each.by;
          for (let due = table.due(now); due !== undefined; due = table.due(now)) begin(due);
        }
        t.deepEqual(new Map(table.taps), standing);
        t.true(made <= BURST + (now * RATE) / 1000 + 1, 'faster than tokens come');
      }
      const open = table.clear();
      for (const each of making) t.true(open.includes(each));
      t.is(table.size, 0);
      t.deepEqual(table.taps, []);
      t.false(table.isPending);
    }),
    { seed: 4789, numRuns: 300 },
  );
});
