/** The classifier's figures as a table, for a terminal and for a document. */
import { spread } from '../statistics.js';
import { warnings } from '../table.js';
import type { Measured } from './measure.js';
import { type ClassifierResult, isMet, targetsOf } from './result.js';

const TITLES = [
  ...['rules', '', 'tables', 'hit', 'in a train', 'Zipf', 'hits', 'miss', 'probes'],
  ...['inserts/s', 'deletes/s', 'edits/s', 'bytes a rule'],
];

const NAMES: Readonly<Record<Measured['kind'], string>> = {
  acl: 'access list',
  fw: 'firewall',
  ipc: 'IP chain',
  ten: 'ten masks',
};

/** Below this many rules the heap's own ups and downs are larger than the rules. */
const WEIGHABLE = 50_000;

/** 1,234,567 as people read it: 1.23 M; 34,567: 34.6 k. */
export function short(value: number): string {
  if (value < 1000) return value.toFixed(0);
  const [scaled, unit] = value < 1e6 ? [value / 1e3, 'k'] : [value / 1e6, 'M'];
  return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0).replace(/\.0+$/, '')} ${unit}`;
}

function time(value: number): string {
  return value < 1000 ? `${value.toFixed(0)} ns` : `${(value / 1000).toFixed(1)} µs`;
}

function cells(set: Measured): string[] {
  const { kind, rules, tables, hit, train, zipf, miss, hitRatio, probes, inserts, deletes, edits, bytesPerRule } = set;
  const timed = (summary: typeof hit): string => `${time(summary.median)} ±${(spread(summary) * 100).toFixed(0)} %`;
  return [
    NAMES[kind],
    short(rules),
    `${tables}`,
    timed(hit),
    time(train.median),
    time(zipf.median),
    `${(hitRatio * 100).toFixed(0)} %`,
    timed(miss),
    probes.toFixed(1),
    short(inserts),
    short(deletes),
    short(edits),
    rules < WEIGHABLE ? '–' : bytesPerRule.toFixed(0),
  ];
}

function notes({ machine, rounds, date }: ClassifierResult): string[] {
  return [
    `Median of ${rounds} rounds of 100,000 look-ups, ± half the range, each for a flow key that was just written, as the`,
    'datapath makes them. hit: 1,000 flows in any order; in a train: 16 frames of a flow in a row; Zipf: 20,000 flows,',
    'through the cache; miss: the same flows, the classifier alone. edits/s: each published by itself. bytes a rule:',
    'resident memory of the process. A set that was measured while something else had the processor is measured again.',
    `Linux ${machine.kernel}, Node.js ${machine.node}, ${machine.cpus} × ${machine.cpu}, ${date.slice(0, 10)}.`,
  ];
}

/** A sentence for each goal that was measured. */
export function verdicts(result: Pick<ClassifierResult, 'sets'>): string[] {
  return targetsOf(result)
    .filter(({ value }) => value !== undefined)
    .map((target) => {
      const { title, bound, unit, value = 0 } = target;
      return `${title}: ${value.toFixed(0)} ${unit}, target ≤ ${bound} ${unit}: ${isMet(target) ? 'met' : 'missed'}`;
    });
}

/** For a terminal. */
export function textTable(result: ClassifierResult): string {
  const table = [TITLES, ...result.sets.map(cells)];
  const widths = TITLES.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)));
  const lines = table.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
  const rule = '─'.repeat(lines[0]?.length ?? 0);
  const below = [...verdicts(result), ...notes(result), ...warnings(result.machine.otherWork)];
  return [lines[0], rule, ...lines.slice(1), rule, ...below, ''].join('\n');
}

/** For a document: Markdown. */
export function markdownTable(result: ClassifierResult): string {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return [
    line(TITLES),
    line(TITLES.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...result.sets.map(cells).map(line),
    '',
    ...verdicts(result).map((verdict) => `- ${verdict}`),
    '',
    ...notes(result),
    ...warnings(result.machine.otherWork),
    '',
  ].join('\n');
}
