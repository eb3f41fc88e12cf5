import test from 'ava';
import type { DropFrame, DropRow } from './drops.js';
import { printDrops } from './drops.js';
import { DropWatch, drawDrops, printDropChanges } from './drops-watch.js';
import { perSecond } from './rates.js';
import { wrap } from './text-table.js';

const row = (reason: string, count: number, frames?: readonly DropFrame[]): DropRow => ({
  ...{ reason, verdict: 'drop', device: 'vxlan0', count, sentence: 'a filter said so (action drop)' },
  ...(frames && { frames }),
});
const frame = (time: number): DropFrame => ({ time, length: 60, vni: 4, frame: `frame ${time}`, bytes: '' });

test('a rate is what came since, in a second; a counter that went back began anew, and no time has no rates', (t) => {
  const before = { time: 1000, counts: new Map(Object.entries({ a: 10, b: 100 })) };
  const after = { time: 3000, counts: new Map(Object.entries({ a: 16, b: 8, c: 2 })) };
  t.deepEqual(
    [...perSecond(before, after)],
    [
      ['a', 3],
      ['b', 4],
      ['c', 1],
    ],
  );
  t.is(perSecond(after, after).size, 0);
});

test('the first look says nothing, later ones what has counted and the frames that are new', (t) => {
  const watch = new DropWatch();
  t.deepEqual(watch.look([row('a', 5, [frame(2), frame(1)])], 1000), []);
  t.deepEqual(watch.look([row('a', 5, [frame(2), frame(1)])], 2000), []);
  const changes = watch.look([row('a', 25, [frame(4), frame(3), frame(2)]), row('b', 1, [])], 4000);
  t.deepEqual(
    changes.map(({ reason, more, rate, count }) => [reason, more, rate, count]),
    [
      ['a', 20, 10, 25],
      ['b', 1, 0.5, 1],
    ],
  );
  t.deepEqual(
    changes[0]?.frames?.map(({ time }) => time),
    [3, 4],
  );
  const lines = printDropChanges(changes);
  t.regex(lines[0] ?? '', /^\d\d:\d\d:\d\d {2}vxlan0 {2}a {2}\+20 {2}10\.0\/s {2}25 in all$/);
  t.regex(lines[1] ?? '', /^ {4}\d\d:\d\d:\d\d\.003 {2}vni 4 {2}frame 3$/);
  t.is(lines.length, 4);
});

test('a table in place has no longer lines, and no more of them, than the terminal', (t) => {
  const rows = Array.from({ length: 30 }, (_, n) => row(`reason-${n}`, n, [frame(n)]));
  for (const [width, height] of [
    [30, 5],
    [80, 24],
    [200, 100],
  ] as const) {
    const lines = drawDrops(rows, width, height);
    t.true(lines.length <= height);
    t.true(lines.every((line) => line.length <= width));
  }
  t.regex(drawDrops(rows, 80, 10).at(-1) ?? '', /^… 52 more$/);
  t.deepEqual(drawDrops([], 7, 5), ['nothin…']);
});

test('in a narrow terminal sentences are wrapped, or stand below', (t) => {
  const rows = [{ ...row('action-drop', 3), rate: 1.5 }];
  t.is(
    printDrops(rows, 70),
    'DEVICE  REASON       COUNT   RATE  WHAT IT MEANS\nvxlan0  action-drop      3  1.5/s  a filter said so (action drop)\n',
  );
  t.is(
    printDrops(rows, 36),
    'DEVICE  REASON       COUNT   RATE\nvxlan0  action-drop      3  1.5/s\n    a filter said so (action drop)\n',
  );
  t.deepEqual(wrap('one two three', 7), ['one two', 'three']);
});
