import test from 'ava';
import type { PingTimes } from '../traffic/round-trips.js';
import { markdownReport, report, slowdown, withinTarget } from './report.js';

const run = (p99: number, received = 100): PingTimes => ({
  ...{ sent: 100, received, average: 60, p50: 50, p90: 70, p99, max: 900 },
});

const result = (during: readonly PingTimes[]) => ({
  ...{ date: '2026-11-22T10:00:00Z', machine: { kernel: '6.1', node: '20', cpu: 'CPU', cpus: 2, otherWork: 0 } },
  ...{ updates: 1000, rules: 10, perSecond: 5000.4, before: [run(100), run(90), run(120)], during },
});

test('the slowest of a hundred is the median over the runs, beside that without updates', (t) => {
  t.is(slowdown(result([run(150), run(900), run(130)])), 1.5);
});

test('the goal is met where none is lost and none waits twice as long', (t) => {
  t.true(withinTarget(result([run(199)])));
  t.false(withinTarget(result([run(200)])));
  t.false(withinTarget(result([run(100, 99)])));
});

test('the report says what was done, what it cost, and whether that is within the goal', (t) => {
  t.is(
    report(result([run(150), run(150, 97)])),
    [
      '1000 single-rule updates among 10 rules: 5000 a second, each in force before the next.',
      'Round trips without: half within 50 µs, 99 of 100 within 100 µs.',
      'Round trips with:    half within 50 µs, 99 of 100 within 150 µs; 3 of 200 lost.',
      'The slowest of a hundred: 1.50 × as long, target < 2 × and none lost: missed.',
      '',
    ].join('\n'),
  );
});

test('in a document the report is a list, and says where and when it was made', (t) => {
  const lines = markdownReport(result([run(150)])).split('\n');
  t.is(lines[0], '- 1000 single-rule updates among 10 rules: 5000 a second, each in force before the next.');
  t.is(lines.at(-2), 'Linux 6.1, Node.js 20, 2 × CPU, 2026-11-22.');
});
