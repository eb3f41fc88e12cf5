import test from 'ava';
import { EXAMPLE } from './example-result.js';
import { met, type Result, type RowResult, toJson } from './result.js';
import { markdownTable, ratioText, textTable } from './table.js';

const [tcp, rtt] = EXAMPLE.rows as readonly [RowResult, RowResult];
const NOTES = [
  'Median of 3 pairs of runs (TCP: 2 s each), ± half the range; ratio: vtep to kernel, median over the pairs.',
  'Linux 6.18.0, Node.js 20.19.0, 2 × Test CPU, 2026-01-02.',
];

test('the table stands in aligned columns, with its notes below', (t) => {
  t.deepEqual(textTable(EXAMPLE).split('\n'), [
    'work                                  kernel             vtep   ratio    of the pairs       target   CPU of vtep',
    '─'.repeat(112),
    'TCP receive, wire, 1 stream   4.00 Gb/s ±5 %   2.28 Gb/s ±7 %    0.60     0.50 – 0.60   ≥ 0.60 met     3.20 s/GB',
    'round trip, flood ping           7.0 µs ±7 %    35.0 µs ±14 %   5.0 ×   4.0 × – 6.0 ×            –             –',
    '─'.repeat(112),
    ...NOTES,
    '',
  ]);
});

test('the same table is written in Markdown', (t) => {
  t.deepEqual(markdownTable(EXAMPLE).split('\n'), [
    '| work | kernel | vtep | ratio | of the pairs | target | CPU of vtep |',
    '| --- | --: | --: | --: | --: | --: | --: |',
    '| TCP receive, wire, 1 stream | 4.00 Gb/s ±5 % | 2.28 Gb/s ±7 % | 0.60 | 0.50 – 0.60 | ≥ 0.60 met | 3.20 s/GB |',
    '| round trip, flood ping | 7.0 µs ±7 % | 35.0 µs ±14 % | 5.0 × | 4.0 × – 6.0 × | – | – |',
    '',
    ...NOTES,
    '',
  ]);
});

test('a target is a floor for throughput and a ceiling for round trips', (t) => {
  t.is(met(tcp), true);
  t.is(met({ ...tcp, target: 0.61 }), false);
  t.is(met({ ...rtt, target: 4 }), false);
  t.is(met({ ...rtt, target: 5 }), true);
  t.is(met(rtt), undefined);
  t.regex(textTable({ ...EXAMPLE, rows: [{ ...tcp, target: 0.9 }] }), /≥ 0\.90 missed/);
  t.regex(textTable({ ...EXAMPLE, rows: [{ ...rtt, target: 6 }] }), /≤ 6\.0 × met/);
});

test('a target that is missed by less than the digits show is missed in print too', (t) => {
  const ratio = { ...tcp.ratio, median: 0.5999 };
  t.regex(textTable({ ...EXAMPLE, rows: [{ ...tcp, ratio }] }), / 0\.59 .* missed/);
});

test('ratios are cut, not rounded up: what is printed has been reached', (t) => {
  t.is(ratioText(0.8999, 'Gb/s'), '0.89');
  t.is(ratioText(0.29, 'Gb/s'), '0.29');
  t.is(ratioText(4.01, 'µs'), '4.1 ×');
  t.is(ratioText(4.1, 'µs'), '4.1 ×');
  t.is(ratioText(12.2, 'µs'), '13 ×');
});

test('a row that failed says why, below the others', (t) => {
  const failures = [{ id: 'wire-transmit-1', title: 'TCP transmit, wire, 1 stream', failure: 'vtep has ended (1)' }];
  t.regex(textTable({ ...EXAMPLE, failures }), /^TCP transmit, wire, 1 stream: FAILED: vtep has ended \(1\)$/m);
});

test('a machine that had other work to do is told about', (t) => {
  const machine = { ...EXAMPLE.machine, otherWork: 0.43 };
  t.regex(textTable({ ...EXAMPLE, machine }), /use 43 % of this machine/);
  t.regex(markdownTable({ ...EXAMPLE, machine }), /use 43 % of this machine/);
  t.notRegex(textTable(EXAMPLE), /of this machine/);
});

test('a table without rows has its headings', (t) => {
  t.regex(textTable({ ...EXAMPLE, rows: [] }), /^work {3}kernel/);
});

test('JSON gives everything back, numbers to six digits and their lists on one line', (t) => {
  const [base] = EXAMPLE.rows;
  const result: Result = { ...EXAMPLE, rows: base === undefined ? [] : [base] };
  const text = toJson(result);
  const read = JSON.parse(text) as Result;
  t.deepEqual({ ...read, rows: [] }, { ...result, rows: [] });
  t.deepEqual(read.rows[0]?.base, tcp.base);
  t.deepEqual(read.rows[0]?.ratio.values, [0.6, 0.5, 0.6]);
  t.true(text.includes('"values": [4, 4.2, 3.8]'));
  t.true(text.endsWith('}\n'));
});
