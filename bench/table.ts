/** The result as a table, for a terminal and for a document. */
import { met, type Result, type RowResult, type Side } from './result.js';
import type { Unit } from './rows.js';
import { spread } from './statistics.js';

const TITLES = (base: string, tested: string): string[] => [
  'work',
  base,
  tested,
  'ratio',
  'of the pairs',
  'target',
  `CPU of ${tested}`,
];

/** A measured value without its unit. */
export function figure(value: number, unit: Unit): string {
  return unit === 'Gb/s' ? value.toFixed(2) : value.toFixed(value < 100 ? 1 : 0);
}

function absolute(side: Side, unit: Unit): string {
  return `${figure(side.median, unit)} ${unit} ±${(spread(side) * 100).toFixed(0)} %`;
}

/**
 * A ratio as people read it: a share of the kernel's throughput, a multiple of its round trip. Rounded away from the
 * goal, so that what is printed has been reached and a target missed by a hair does not look met.
 */
export function ratioText(value: number, unit: Unit): string {
  const noise = 1e-9; // 0.29 * 100 is 28.999999999999996
  if (unit === 'Gb/s') return (Math.floor(value * 100 + noise) / 100).toFixed(2);
  return value < 10 ? `${(Math.ceil(value * 10 - noise) / 10).toFixed(1)} ×` : `${Math.ceil(value - noise)} ×`;
}

function targetText(row: RowResult): string {
  if (row.target === undefined) return '–';
  const sign = row.unit === 'Gb/s' ? '≥' : '≤';
  return `${sign} ${ratioText(row.target, row.unit)} ${met(row) ? 'met' : 'missed'}`;
}

function cells(row: RowResult): string[] {
  const cpu = row.tested.cpuSecondsPerGigabyte;
  const { min, max, median } = row.ratio;
  return [
    row.title,
    absolute(row.base, row.unit),
    absolute(row.tested, row.unit),
    ratioText(median, row.unit),
    `${ratioText(min, row.unit)} – ${ratioText(max, row.unit)}`,
    targetText(row),
    cpu === undefined ? '–' : `${cpu.median.toFixed(2)} s/GB`,
  ];
}

function rowsOf(result: Result): string[][] {
  return result.rows.map(cells);
}

function notes(result: Result): string[] {
  const { machine, runs, seconds, base, tested } = result;
  const plural = runs === 1 ? 'one pair' : `${runs} pairs`;
  return [
    `Median of ${plural} of runs (TCP: ${seconds} s each), ± half the range; ratio: ${tested} to ${base}, median over the pairs.`,
    `Linux ${machine.kernel}, Node.js ${machine.node}, ${machine.cpus} × ${machine.cpu}, ${result.date.slice(0, 10)}.`,
  ];
}

/** What casts doubt on the figures, a sentence each; `otherWork` as in Machine. */
export function warnings(otherWork: number): string[] {
  if (otherWork < 0.05) return [];
  const share = (otherWork * 100).toFixed(0);
  return [`Other processes use ${share} % of this machine: the figures are not to be relied on.`];
}

/** For a terminal: aligned columns, at most about 120 wide. */
export function textTable(result: Result): string {
  const table = [TITLES(result.base, result.tested), ...rowsOf(result)];
  const widths = table.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(cell.length, widest[i] ?? 0)),
    [],
  );
  const lines = table.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('   '),
  );
  const rule = '─'.repeat(lines[0]?.length ?? 0);
  return [
    lines[0],
    rule,
    ...lines.slice(1),
    ...result.failures.map(({ title, failure }) => `${title}: FAILED: ${failure}`),
    rule,
    ...notes(result),
    ...warnings(result.machine.otherWork),
    '',
  ].join('\n');
}

/** For a document: Markdown. */
export function markdownTable(result: Result): string {
  const titles = TITLES(result.base, result.tested);
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  return [
    line(titles),
    line(titles.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...rowsOf(result).map(line),
    '',
    ...notes(result),
    ...warnings(result.machine.otherWork),
    '',
  ].join('\n');
}
