/** The screen of `vtep top`, drawn from what is chosen and what was counted. */
import type { Overview } from '../overview.js';
import { columns, cut, wrap } from '../text-table.js';
import type { Choice } from './keys.js';
import type { Rates } from './rates.js';
import { type Cell, type Column, matching, ordered, short, type Table, tableOf, VIEWS, type View } from './tables.js';

export interface Screen {
  readonly width: number;
  readonly height: number;
  /** Whether lines may be marked by colour and reverse. */
  readonly isPlain: boolean;
}

/** Lines of a screen on which the summary takes as many as it needs. */
const LEAST_TO_WRAP = 12;

const HELP: readonly (readonly [keys: string, what: string])[] = [
  ['d f v p x w', 'devices, filters, VNIs, peers, drops, workers'],
  ['Tab', 'the next of these'],
  ['s S', 'order by the next column, the one before'],
  ['r', 'turn the order round'],
  ['/', 'only rows with these words (Esc: all)'],
  ['↑ ↓ PgUp PgDn', 'move'],
  ['space', 'stand still, go on'],
  ['+ -', 'look less often, more often'],
  ['q', 'end (Ctrl-Z: stop for now, fg goes on)'],
];
const HELP_KEYS = Math.max(...HELP.map(([keys]) => keys.length)) + 2;

function helpLines(width: number): string[] {
  return HELP.flatMap(([keys, what]) =>
    wrap(what, Math.max(8, width - HELP_KEYS)).map((line, n) =>
      cut((n === 0 ? keys : '').padEnd(HELP_KEYS) + line, width),
    ),
  );
}

/** What there is in all, in two lines. */
export function summary({ uptime, devices, filters, others }: Overview, rates: Rates): string[] {
  const sum = (of: (each: Rates['workers'][number]) => number): number =>
    rates.workers.reduce((total, each) => total + of(each), 0);
  const bits = (way: 'rx' | 'tx'): number =>
    rates.devices.filter(({ of }) => of.kind === 'vxlan').reduce((total, each) => total + each[way].bits, 0);
  const lost = rates.drops.filter(({ of }) => of.verdict === 'drop').reduce((total, { rate }) => total + rate, 0);
  const share = (part: number, whole: number): string => (whole > 0 ? `${((100 * part) / whole).toFixed(0)} %` : '–');
  const looked = sum(({ lookups }) => lookups);
  const cached = sum(({ lookups, cached: each }) => (lookups > 0 ? each * lookups : 0));
  const load = sum((each) => (Number.isFinite(each.load) ? each.load : 0));
  return [
    `up ${since(uptime)}, ${many(devices.length, 'device')}, ${many(filters.length + others.count, 'filter')}, ${many(rates.workers.length, 'worker')} at ${(100 * load).toFixed(0)} %`,
    `rx ${short(sum((each) => each.received))} pps ${short(bits('rx'))} bps, tx ${short(sum((each) => each.sent))} pps ${short(bits('tx'))} bps, lost ${short(lost)}/s, cache ${share(cached, looked)}`,
  ];
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function since(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = new Date((seconds % 86_400) * 1000).toISOString().slice(11, 19);
  return days > 0 ? `${days} d ${clock}` : clock;
}

/** A table as lines: titles, then rows. */
export function tableLines(table: Table, rows: Table['rows']): string[] {
  return columns(
    [table.columns.map(({ title }) => title), ...rows.map((row) => row.map(({ text }) => text))],
    table.columns.map(({ isNumber }) => isNumber),
  );
}

/** Every table, one below the other, as `--once` prints them. */
export function everyTable(overview: Overview, rates: Rates, only?: View): string[] {
  const views = only === undefined ? VIEWS : [only];
  const tables = views.flatMap((view) => {
    const table = tableOf(view, rates);
    return table.rows.length === 0 ? [] : ['', ...tableLines(table, table.rows)];
  });
  return [...summary(overview, rates), ...tables];
}

/** Exactly `height` lines of at most `width` characters each, without what marks them. */
export function draw(overview: Overview, rates: Rates, choice: Choice, { width, height, isPlain }: Screen): string[] {
  const mark = (line: string, code: string): string => (isPlain ? line : `\u001b[${code}m${line}\u001b[0m`);
  const said = summary(overview, rates);
  const head =
    height < LEAST_TO_WRAP ? said.map((line) => cut(line, width)) : said.flatMap((line) => wrap(line, width));
  const all = VIEWS.map((view) => (view === choice.view ? `[${view}]` : ` ${view} `))
    .join('')
    .trimEnd();
  const tabs = all.length <= width ? all : cut(`[${choice.view}]  Tab: the next of ${VIEWS.length}`, width);
  const state = [
    ...(choice.isPaused ? ['standing still'] : []),
    ...(choice.words !== '' || choice.isTyping ? [`/${choice.words}${choice.isTyping ? '_' : ''}`] : []),
  ];
  const foot = cut(
    choice.isTyping || state.length > 0 ? state.join('  ') : `every ${choice.seconds} s   h: help   q: end`,
    width,
  );
  const room = Math.max(0, height - head.length - 2);
  const body = choice.isHelp ? helpLines(width) : bodyOf(rates, choice, width, mark);
  const lines = [...head, mark(tabs, '1'), ...body.slice(0, room)];
  while (lines.length < height - 1) lines.push('');
  return [...lines.slice(0, Math.max(0, height - 1)), mark(foot, '2')].slice(0, height);
}

function bodyOf(rates: Rates, choice: Choice, width: number, mark: (line: string, code: string) => string): string[] {
  const table = tableOf(choice.view, rates);
  const rows = matching(ordered(table, choice.order, choice.isReversed), choice.words);
  if (rows.length === 0)
    return [cut(table.rows.length === 0 ? `no ${choice.view} yet` : 'no row has these words', width)];
  const sign = (table.columns[choice.order]?.isNumber === true) === choice.isReversed ? '▲' : '▼';
  const titled = table.columns.map((each, n) =>
    n === choice.order ? { ...each, title: `${each.title}${sign}` } : each,
  );
  const [titles = '', ...lines] = fitting({ columns: titled, rows }, choice.order, width).map((line) =>
    cut(line, width),
  );
  const from = Math.min(choice.from, Math.max(0, lines.length - 1));
  return [mark(titles, '7'), ...lines.slice(from)];
}

/** The lines of a table, without as many of its spare columns as it takes to fit, those to the right first; column `kept` stays. */
function fitting(table: Table, kept: number, width: number): string[] {
  let shown = table.columns.map((_, n) => n);
  for (;;) {
    const part = {
      columns: shown.map((n) => table.columns[n] as Column),
      rows: table.rows.map((row) => shown.map((n) => row[n] as Cell)),
    };
    const lines = tableLines(part, part.rows);
    const gone = shown.findLast((n) => table.columns[n]?.isSpare === true && n !== kept);
    if (gone === undefined || lines.every((line) => line.length <= width)) return lines;
    shown = shown.filter((n) => n !== gone);
  }
}
