/** The result as tables, for a terminal and for a document. */
import { type Detail, met, type Result, type RowResult, type Side } from './result.js';
import { moreIsBetter, TIMES_WANTED, type Unit } from './rows.js';
import { spread } from './statistics.js';

/** First column left, the others right. */
interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const ABSENT = '–';

/** A measured value without its unit. */
export function figure(value: number, unit: Unit): string {
  switch (unit) {
    case 'Gb/s':
    case '%':
      return value.toFixed(2);
    case 'kpps':
      return value.toFixed(value < 100 ? 1 : 0);
    case 'µs':
      return value.toFixed(value < 100 ? 1 : 0);
  }
}

function absolute(side: Side | undefined, unit: Unit): string {
  if (side === undefined) return ABSENT;
  const share = spread(side);
  // Of a median of 0 there is no share.
  if (share === Number.POSITIVE_INFINITY) return `${figure(side.min, unit)} – ${figure(side.max, unit)} ${unit}`;
  return `${figure(side.median, unit)} ${unit} ±${(share * 100).toFixed(0)} %`;
}

/**
 * A ratio as people read it: a share of the kernel's throughput, a multiple of its round trip. Rounded away from the
 * goal, so that what is printed has been reached and a target missed by a hair does not look met.
 */
export function ratioText(value: number, unit: Unit): string {
  const noise = 1e-9; // 0.29 * 100 is 28.999999999999996
  if (moreIsBetter(unit)) return (Math.floor(value * 100 + noise) / 100).toFixed(2);
  return value < 10 ? `${(Math.ceil(value * 10 - noise) / 10).toFixed(1)} ×` : `${Math.ceil(value - noise)} ×`;
}

function targetText(row: RowResult, tested: string): string {
  const reached = met(row, tested);
  if (row.target === undefined || reached === undefined) return ABSENT;
  const wanted = row.unit === '%' ? `< ${row.target} %` : ratioText(row.target, row.unit);
  const sign = row.unit === '%' ? '' : moreIsBetter(row.unit) ? '≥ ' : '≤ ';
  return `${sign}${wanted} ${reached ? 'met' : 'missed'}`;
}

function mainTable({ rows, base, tested }: Result): Table {
  return {
    title: '',
    head: ['work', base, tested, 'ratio', 'of the rounds', 'target'],
    rows: rows.map((row) => {
      const { sides, ratios, unit } = row;
      const ratio = ratios[tested];
      return [
        row.title,
        absolute(sides[base], unit),
        absolute(sides[tested], unit),
        ratio === undefined ? ABSENT : ratioText(ratio.median, unit),
        ratio === undefined ? ABSENT : `${ratioText(ratio.min, unit)} – ${ratioText(ratio.max, unit)}`,
        targetText(row, tested),
      ];
    }),
  };
}

/** How many times as fast as another endpoint the tested one is. */
export function timesAsFast({ sides, unit }: RowResult, tested: string, other: string): number | undefined {
  const [own, its] = [sides[tested]?.median, sides[other]?.median];
  if (own === undefined || its === undefined || unit === '%') return undefined;
  return moreIsBetter(unit) ? own / its : its / own;
}

function timesText(times: number): string {
  return `${(Math.floor(times * 10 + 1e-9) / 10).toFixed(1)} ×`;
}

/** What vtep has to be next to another endpoint than the kernel's, and whether it is. */
function judged(times: number, tested: string, other: string): string {
  const wanted = tested === 'vtep' && other === 'ovs' ? TIMES_WANTED[other] : undefined;
  return wanted === undefined ? '' : `, ≥ ${timesText(wanted)} ${times >= wanted ? 'met' : 'missed'}`;
}

function othersTable({ rows, tested, others }: Result): Table {
  return {
    title: `${tested} and others`,
    head: ['work', tested, ...others.flatMap((other) => [other, `${tested} is`])],
    rows: rows
      .filter(({ sides }) => others.some((other) => sides[other] !== undefined))
      .map((row) => [
        row.title,
        absolute(row.sides[tested], row.unit),
        ...others.flatMap((other) => {
          const times = timesAsFast(row, tested, other);
          const text = times === undefined ? ABSENT : `${timesText(times)} as fast${judged(times, tested, other)}`;
          return [absolute(row.sides[other], row.unit), text];
        }),
      ]),
  };
}

function namesOf({ base, tested, others }: Result): string[] {
  return [base, tested, ...others];
}

/** One detail of every endpoint that has it, in the rows that have it. */
function detailTable(result: Result, title: string, detail: Detail, digits: number): Table {
  const has = (row: RowResult, name: string): boolean => row.sides[name]?.details[detail] !== undefined;
  const names = namesOf(result).filter((name) => result.rows.some((row) => has(row, name)));
  return {
    title,
    head: ['work', ...names],
    rows: result.rows
      .filter((row) => names.some((name) => has(row, name)))
      .map((row) => [row.title, ...names.map((name) => row.sides[name]?.details[detail]?.toFixed(digits) ?? ABSENT)]),
  };
}

function roundTripTable(result: Result): Table {
  const names = namesOf(result);
  return {
    title: 'Round trips in µs: half, 90 %, 99 % of them within, and the longest',
    head: ['work', ...names],
    rows: result.rows
      .filter(({ unit }) => unit === 'µs')
      .map(({ title, sides }) => [
        title,
        ...names.map((name) => {
          const { p50, p90, p99, max } = sides[name]?.details ?? {};
          const all = [p50, p90, p99, max].filter((value) => value !== undefined);
          return all.length === 0 ? ABSENT : all.map((value) => value.toFixed(0)).join(' / ');
        }),
      ]),
  };
}

function tablesOf(result: Result): Table[] {
  return [
    mainTable(result),
    othersTable(result),
    detailTable(result, 'CPU seconds of the endpoint’s processes a GB', 'processSecondsPerGigabyte', 2),
    detailTable(result, 'CPU seconds of the whole machine a GB', 'machineSecondsPerGigabyte', 2),
    detailTable(result, 'CPU microseconds of the endpoint’s processes a packet', 'processMicrosecondsPerPacket', 2),
    detailTable(result, 'Thousands of datagrams a second that the generator got rid of', 'offeredKpps', 0),
    roundTripTable(result),
  ].filter(({ title, rows }) => title === '' || rows.length > 0);
}

function notes(result: Result): string[] {
  const { machine, runs, seconds, base, tested, variants } = result;
  const exactly = Object.entries(variants).map(([name, variant]) => `${name}: ${variant}.`);
  const rounds = runs === 1 ? 'one round' : `${runs} rounds`;
  return [
    `Median of ${rounds} of runs (TCP and UDP: ${seconds} s each), ± half the range; ratio: ${tested} to ${base}, median over the rounds.`,
    `Linux ${machine.kernel}, Node.js ${machine.node}, ${machine.cpus} × ${machine.cpu}, ${result.date.slice(0, 10)}.`,
    ...(exactly.length === 0 ? [] : [exactly.join(' ')]),
  ];
}

/** What casts doubt on the figures, a sentence each; `otherWork` as in Machine. */
export function warnings(otherWork: number): string[] {
  if (otherWork < 0.05) return [];
  const share = (otherWork * 100).toFixed(0);
  return [`Other processes use ${share} % of this machine: the figures are not to be relied on.`];
}

function failuresOf({ failures }: Result): string[] {
  return failures.map(({ title, endpoint, failure }) => `${title}, ${endpoint}: FAILED: ${failure}`);
}

/** Columns aligned, a rule below the head and one below all. */
function aligned({ title, head, rows }: Table): string[] {
  const table = [head, ...rows];
  const widths = table.reduce<number[]>(
    (widest, row) => row.map((cell, i) => Math.max(cell.length, widest[i] ?? 0)),
    [],
  );
  const lines = table.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('   '),
  );
  const rule = '─'.repeat(lines[0]?.length ?? 0);
  return [...(title === '' ? [] : ['', title]), lines[0] ?? '', rule, ...lines.slice(1), rule];
}

/** For a terminal: the main table is at most about 120 wide. */
export function textTables(result: Result): string {
  return [
    ...tablesOf(result).flatMap(aligned),
    ...failuresOf(result),
    ...notes(result),
    ...warnings(result.machine.otherWork),
    '',
  ].join('\n');
}

/** For a document: Markdown. */
export function markdownTables(result: Result): string {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  const markdown = ({ title, head, rows }: Table): string[] => [
    ...(title === '' ? [] : [`${title}:`, '']),
    line(head),
    line(head.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...rows.map(line),
    '',
  ];
  const [main, ...more] = tablesOf(result).map(markdown);
  return [...(main ?? []), ...notes(result), ...warnings(result.machine.otherWork), '', ...more.flat()].join('\n');
}
