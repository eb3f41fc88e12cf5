import test from 'ava';
import { summarize } from '../statistics.js';
import { chart, decades, linesOf } from './chart.js';
import type { Measured } from './measure.js';
import { parseClassifierOptions } from './options.js';
import { type ClassifierResult, disturbed, isMet, merged, targetsOf } from './result.js';
import { markdownTable, short, textTable, verdicts } from './table.js';

function set(kind: Measured['kind'], rules: number, changed: Partial<Measured> = {}): Measured {
  const [miss, hit, train, zipf] = [
    [400, 500, 600],
    [48, 50, 52],
    [20, 21, 22],
    [90, 100, 110],
  ].map(summarize) as [Measured['miss'], Measured['hit'], Measured['train'], Measured['zipf']];
  return {
    ...{ kind, rules, tables: 10, probes: 9.5, miss, hit, train, zipf, hitRatio: 0.914 },
    ...{
      inserts: 512_345,
      deletes: 1_098_765,
      edits: 114_669,
      bytesPerRule: 101.4,
      pace: 100,
      resident: 300 * 1024 * 1024,
    },
    ...changed,
  };
}

const machine = { kernel: '6.1', node: '20', cpu: 'CPU', cpus: 2, otherWork: 0 };

function result(sets: readonly Measured[], otherWork = 0): ClassifierResult {
  return { version: 1, date: '2026-11-22T10:00:00Z', machine: { ...machine, otherWork }, rounds: 7, sets };
}

test('a set is a line of the table, with its spread where that says something', (t) => {
  const [titles = '', , line = ''] = textTable(result([set('ten', 10_000)])).split('\n');
  t.regex(titles, /^rules +tables +hit +in a train +Zipf +hits +miss +probes +inserts\/s/);
  t.deepEqual(line.trim().split(/ {2,}/), [
    ...['ten masks', '10 k', '10', '50 ns ±4 %', '21 ns', '100 ns', '91 %', '500 ns ±20 %', '9.5'],
    ...['512 k', '1.10 M', '115 k', '–'],
  ]);
});

test('the weight of a rule is told of large sets only, and times above a microsecond in microseconds', (t) => {
  const table = textTable(result([set('acl', 1_000_000, { miss: summarize([6212]) })]));
  t.regex(table, /^access list +1 M .* 6\.2 µs ±0 % .* 101$/m);
});

test('goals are told met or missed, those that were not measured not at all', (t) => {
  const sets = [set('ten', 10_000), set('ten', 1_000_000, { hit: summarize([61]) })];
  t.deepEqual(verdicts({ sets }), [
    'cache hit, rules of ten masks: 61 ns, target ≤ 60 ns: missed',
    'cache miss, 10,000 rules of ten masks: 500 ns, target ≤ 1000 ns: met',
    '1,000,000 rules, resident: 300 MiB, target ≤ 1536 MiB: met',
  ]);
  t.deepEqual(verdicts({ sets: [set('acl', 1000)] }), []);
  t.deepEqual(targetsOf({ sets: [] }).map(isMet), [undefined, undefined, undefined]);
});

test('a busy machine is warned of, in both tables', (t) => {
  const busy = result([set('fw', 1000)], 0.5);
  for (const table of [textTable(busy), markdownTable(busy)]) t.regex(table, /Other processes use 50 %/);
  t.notRegex(textTable(result([set('fw', 1000)])), /Other processes/);
});

test('the table of a document has as many cells in each line', (t) => {
  const lines = markdownTable(result([set('ten', 10_000), set('fw', 1_000)]))
    .split('\n')
    .filter((line) => line.startsWith('|'));
  t.is(lines.length, 4);
  t.is(new Set(lines.map((line) => line.split('|').length)).size, 1);
});

test('numbers are shortened', (t) => {
  t.deepEqual([5, 999, 1000, 34_567, 1_234_567].map(short), ['5', '999', '1 k', '34.6 k', '1.23 M']);
});

test('the chart has a line for hits and one for misses of each kind, in order of the rules', (t) => {
  const sets = [set('acl', 10_000), set('acl', 1000), set('ten', 1000)];
  const lines = linesOf(sets);
  t.deepEqual(
    lines.map(({ kind, name, points }) => [kind, name, points.map(({ rules }) => rules)]),
    [
      ['acl', 'miss', [1000, 10_000]],
      ['acl', 'hit', [1000, 10_000]],
      ['ten', 'miss', [1000]],
      ['ten', 'hit', [1000]],
    ],
  );
  const svg = chart(result(sets));
  t.is(svg.match(/<polyline/g)?.length, 4);
  t.is(svg.match(/<circle/g)?.length, 6);
  t.notRegex(svg, /NaN|undefined/);
});

test('axes go from decade to decade', (t) => {
  t.deepEqual(decades([53, 6212]), [10, 100, 1000, 10_000]);
  t.deepEqual(decades([1000]), [1000, 10_000]);
});

test('the command line names kinds, sizes and rounds, and is refused where it makes no sense', (t) => {
  t.deepEqual(parseClassifierOptions([]), {
    ...{ kinds: ['acl', 'fw', 'ipc', 'ten'], sizes: [1000, 10_000, 100_000, 1_000_000], rounds: 7, baseline: false },
  });
  t.deepEqual(parseClassifierOptions(['--quick', '--json', 'x.json']), {
    ...{ kinds: ['acl', 'ten'], sizes: [1000, 10_000], rounds: 3, baseline: false, json: 'x.json' },
  });
  t.deepEqual(parseClassifierOptions(['--only', 'fw', '--sizes', '500,5', '--rounds', '1']), {
    ...{ kinds: ['fw'], sizes: [500, 5], rounds: 1, baseline: false },
  });
  t.is(parseClassifierOptions(['--help']), 'help');
  t.throws(() => parseClassifierOptions(['--only', 'x']), { message: /--only takes/ });
  t.throws(() => parseClassifierOptions(['--sizes', '0']), { message: /--sizes is a whole number/ });
  t.throws(() => parseClassifierOptions(['--rounds', 'x']), { message: /--rounds is a whole number/ });
  t.throws(() => parseClassifierOptions(['--what']));
});

test('what is measured again takes the place of what it was, and the rest stays', (t) => {
  const before = result([set('acl', 1000), set('ten', 1000), set('ten', 10_000)]);
  const fresh = result([set('ten', 1000, { tables: 11 }), set('acl', 10_000)], 0.1);
  const whole = merged(before, fresh);
  t.deepEqual(
    whole.sets.map(({ kind, rules, tables }) => [kind, rules, tables]),
    [
      ['acl', 1000, 10],
      ['acl', 10_000, 10],
      ['ten', 1000, 11],
      ['ten', 10_000, 10],
    ],
  );
  t.is(whole.machine.otherWork, 0.1);
});

test('sets are measured again where the same work took longer than in another', (t) => {
  const sets = [set('acl', 1000), set('fw', 1000, { pace: 110 }), set('ten', 1000, { pace: 140 })];
  t.deepEqual(
    disturbed(sets).map(({ kind }) => kind),
    ['ten'],
  );
  t.deepEqual(disturbed([]), []);
});
