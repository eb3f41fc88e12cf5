import test from 'ava';
import { EXAMPLE } from './example-result.js';
import { met, type Result, type RowResult, toJson } from './result.js';
import { summarize } from './statistics.js';
import { markdownTables, ratioText, textTables } from './table.js';

const [tcp, rtt, idle] = EXAMPLE.rows as readonly [RowResult, RowResult, RowResult];
const NOTES = [
  'Median of 3 rounds of runs (TCP and UDP: 2 s each), ± half the range; ratio: vtep to kernel, median over the rounds.',
  'Linux 6.18.0, Node.js 20.19.0, 2 × Test CPU, 2026-01-02.',
  'ovs: Open vSwitch 3.1.0.',
];

/** A row whose ratio of vtep has that median. */
function withRatio(row: RowResult, median: number): RowResult {
  return { ...row, ratios: { vtep: { values: [median], median, min: median, max: median } } };
}

test('the main table stands in aligned columns', (t) => {
  t.deepEqual(textTables(EXAMPLE).split('\n').slice(0, 6), [
    'work                                  kernel             vtep   ratio   of the rounds        target',
    '─'.repeat(99),
    'TCP receive, wire, 1 stream   4.00 Gb/s ±5 %   2.28 Gb/s ±7 %    0.60     0.50 – 0.60    ≥ 0.60 met',
    'round trip, flood                7.0 µs ±7 %    35.0 µs ±14 %   5.0 ×   4.0 × – 6.0 ×             –',
    'CPU when idle                              –     0.15 % ±33 %       –               –   < 0.5 % met',
    '─'.repeat(99),
  ]);
});

test('the others stand in a table of their own, with how many times as fast the tested one is', (t) => {
  t.regex(
    textTables(EXAMPLE),
    /^TCP receive, wire, 1 stream +2\.28 Gb\/s ±7 % +0\.55 Gb\/s ±9 % +4\.1 × as fast, ≥ 3\.0 × met$/m,
  );
  t.notRegex(textTables({ ...EXAMPLE, others: [] }), /as fast/);
  t.regex(textTables({ ...EXAMPLE, tested: 'ovs', others: ['vtep'] }), /0\.2 × as fast$/m);
  const [row, ...rows] = EXAMPLE.rows;
  if (!row?.sides.ovs) throw new Error('the example has no ovs');
  const sides = { ...row.sides, ovs: { ...row.sides.ovs, median: 0.77 } };
  t.regex(textTables({ ...EXAMPLE, rows: [{ ...row, sides }, ...rows] }), /2\.9 × as fast, ≥ 3\.0 × missed$/m);
});

test('a median of zero has no share to tell: the range stands there', (t) => {
  const sides = { vtep: { ...summarize([0, 0.04, 0]), details: {} } };
  t.regex(textTables({ ...EXAMPLE, rows: [{ ...idle, sides }] }), /^CPU when idle +– +0\.00 – 0\.04 % +– /m);
  const none = { vtep: { ...summarize([0, 0]), details: {} } };
  t.regex(textTables({ ...EXAMPLE, rows: [{ ...idle, sides: none }] }), /^CPU when idle +– +0\.00 % ±0 % +– /m);
});

test('CPU and percentiles have tables, a dash where an endpoint has none', (t) => {
  const text = textTables(EXAMPLE);
  t.regex(text, /processes a GB\nwork +vtep +ovs\n─+\nTCP receive, wire, 1 stream +3\.20 +12\.00\n/);
  t.regex(text, /whole machine a GB\nwork +kernel +vtep\n─+\nTCP receive, wire, 1 stream +2\.50 +5\.25\n/);
  t.regex(text, /^round trip, flood +7 \/ 8 \/ 12 \/ 80 +33 \/ 40 \/ 90 \/ 400 +–$/m);
});

test('the same tables are written in Markdown', (t) => {
  const lines = markdownTables(EXAMPLE).split('\n');
  t.deepEqual(lines.slice(0, 10), [
    '| work | kernel | vtep | ratio | of the rounds | target |',
    '| --- | --: | --: | --: | --: | --: |',
    '| TCP receive, wire, 1 stream | 4.00 Gb/s ±5 % | 2.28 Gb/s ±7 % | 0.60 | 0.50 – 0.60 | ≥ 0.60 met |',
    '| round trip, flood | 7.0 µs ±7 % | 35.0 µs ±14 % | 5.0 × | 4.0 × – 6.0 × | – |',
    '| CPU when idle | – | 0.15 % ±33 % | – | – | < 0.5 % met |',
    '',
    ...NOTES,
    '',
  ]);
  t.true(lines.includes('CPU seconds of the endpoint’s processes a GB:'));
});

test('a target is a floor where more is better, a ceiling for round trips and for idleness', (t) => {
  t.is(met(tcp, 'vtep'), true);
  t.is(met({ ...tcp, target: 0.61 }, 'vtep'), false);
  t.is(met({ ...tcp, unit: 'kpps', target: 0.61 }, 'vtep'), false);
  t.is(met({ ...rtt, target: 4 }, 'vtep'), false);
  t.is(met({ ...rtt, target: 5 }, 'vtep'), true);
  t.is(met(rtt, 'vtep'), undefined);
  t.is(met({ ...tcp, ratios: {} }, 'vtep'), undefined);
  t.is(met(idle, 'vtep'), true);
  t.is(met({ ...idle, target: 0.15 }, 'vtep'), false);
  t.regex(textTables({ ...EXAMPLE, rows: [{ ...tcp, target: 0.9 }] }), /≥ 0\.90 missed/);
  t.regex(textTables({ ...EXAMPLE, rows: [{ ...rtt, target: 6 }] }), /≤ 6\.0 × met/);
});

test('a target that is missed by less than the digits show is missed in print too', (t) => {
  t.regex(textTables({ ...EXAMPLE, rows: [withRatio(tcp, 0.5999)] }), / 0\.59 .* missed/);
});

test('ratios are cut, not rounded up: what is printed has been reached', (t) => {
  t.is(ratioText(0.8999, 'Gb/s'), '0.89');
  t.is(ratioText(0.29, 'kpps'), '0.29');
  t.is(ratioText(4.01, 'µs'), '4.1 ×');
  t.is(ratioText(4.1, 'µs'), '4.1 ×');
  t.is(ratioText(12.2, 'µs'), '13 ×');
});

test('an endpoint that failed says why, below the tables', (t) => {
  const failures = [{ id: tcp.id, title: tcp.title, endpoint: 'vtep', failure: 'vtep has ended (1)' }];
  const { vtep: _, ...sides } = tcp.sides;
  const text = textTables({ ...EXAMPLE, rows: [{ ...tcp, sides, ratios: {} }], failures });
  t.regex(text, /^TCP receive, wire, 1 stream, vtep: FAILED: vtep has ended \(1\)$/m);
  t.regex(text, /^TCP receive, wire, 1 stream +4\.00 Gb\/s ±5 % +– +– +– +–$/m);
});

test('a machine that had other work to do is told about', (t) => {
  const machine = { ...EXAMPLE.machine, otherWork: 0.43 };
  t.regex(textTables({ ...EXAMPLE, machine }), /use 43 % of this machine/);
  t.regex(markdownTables({ ...EXAMPLE, machine }), /use 43 % of this machine/);
  t.notRegex(textTables(EXAMPLE), /of this machine/);
});

test('a table without rows has its headings', (t) => {
  t.regex(textTables({ ...EXAMPLE, rows: [] }), /^work {3}kernel/);
});

test('JSON gives everything back, numbers to six digits and their lists on one line', (t) => {
  const result: Result = { ...EXAMPLE, rows: [tcp] };
  const text = toJson(result);
  const read = JSON.parse(text) as Result;
  t.deepEqual({ ...read, rows: [] }, { ...result, rows: [] });
  t.deepEqual(read.rows[0]?.sides.kernel, tcp.sides.kernel);
  t.deepEqual(read.rows[0]?.ratios.vtep?.values, [0.6, 0.5, 0.6]);
  t.true(text.includes('"values": [4, 4.2, 3.8]'));
  t.true(text.endsWith('}\n'));
});
