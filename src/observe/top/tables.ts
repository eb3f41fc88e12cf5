/** The tables of `vtep top`: what is a row of each, its columns, and how they are ordered. */
import type { Flow, Rates } from './rates.js';

/** What a column holds: text, or a number and how it is written. */
export interface Cell {
  readonly text: string;
  /** What rows are ordered by: a number, or the text itself. */
  readonly value: number | string;
}

export interface Column {
  readonly title: string;
  readonly isNumber: boolean;
  /** Left out where the screen is too narrow for all. */
  readonly isSpare?: boolean;
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

export const VIEWS = ['devices', 'filters', 'vnis', 'peers', 'drops', 'workers'] as const;
export type View = (typeof VIEWS)[number];

const PREFIXES = ['', 'k', 'M', 'G', 'T'];

/** Three digits that count, and a prefix: `0`, `12.3`, `1.05k`, `980M`. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  let scaled = value;
  let prefix = 0;
  while (scaled >= 999.5 && prefix < PREFIXES.length - 1) {
    scaled /= 1000;
    prefix++;
  }
  const digits = scaled >= 99.95 || (prefix === 0 && Number.isInteger(scaled)) ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)}${PREFIXES[prefix]}`;
}

function number(value: number): Cell {
  return { text: short(value), value: Number.isFinite(value) ? value : -1 };
}

function percent(value: number): Cell {
  return {
    text: Number.isFinite(value) ? `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %` : '–',
    value: Number.isFinite(value) ? value : -1,
  };
}

function factor(value: number): Cell {
  return { text: Number.isFinite(value) ? value.toFixed(1) : '–', value: Number.isFinite(value) ? value : -1 };
}

function whole(value: number): Cell {
  return { text: `${value}`, value };
}

function word(text: string): Cell {
  return { text, value: text };
}

function flow({ packets, bits }: Flow): Cell[] {
  return [number(packets), number(bits)];
}

const text = (title: string): Column => ({ title, isNumber: false });
const figure = (title: string): Column => ({ title, isNumber: true });
const spare = (column: Column): Column => ({ ...column, isSpare: true });
const BOTH_WAYS = [spare(figure('RX PPS')), figure('RX BPS'), spare(figure('TX PPS')), figure('TX BPS')];

/** The columns of a view, and the one that its rows are ordered by at first. */
export function tableOf(view: View, rates: Rates): Table {
  switch (view) {
    case 'devices':
      return {
        columns: [text('DEVICE'), spare(text('KIND')), spare(text('STATE')), ...BOTH_WAYS, figure('DROPS/S')],
        rows: rates.devices.map(({ of, rx, tx, drops }) => [
          ...[word(of.name), word(of.kind), word(of.up ? 'up' : 'down')],
          ...[...flow(rx), ...flow(tx), number(drops)],
        ]),
      };
    case 'filters':
      return {
        columns: [
          ...[
            text('DEVICE'),
            spare(text('HOOK')),
            spare(figure('CHAIN')),
            figure('PREF'),
            text('HANDLE'),
            spare(text('COOKIE')),
          ],
          ...[figure('PPS'), figure('BPS'), figure('DROPS/S'), spare(figure('PACKETS'))],
        ],
        rows: rates.filters.map(({ of, flow: { packets, bits }, drops }) => [
          ...[word(of.dev), word(of.parent), whole(of.chain), whole(of.pref), word(`0x${of.handle.toString(16)}`)],
          ...[word(of.cookie ?? ''), number(packets), number(bits), number(drops), number(of.packets)],
        ]),
      };
    case 'vnis':
      return {
        columns: [spare(text('DEVICE')), figure('VNI'), spare(figure('PEERS')), ...BOTH_WAYS],
        rows: rates.vnis.map(({ device, vni, peers, rx, tx }) => [
          ...[word(device), whole(vni), whole(peers), ...flow(rx), ...flow(tx)],
        ]),
      };
    case 'peers':
      return {
        columns: [spare(text('DEVICE')), text('PEER'), figure('VNI'), ...BOTH_WAYS],
        rows: rates.peers.map(({ of, rx, tx }) => [
          ...[word(of.device), word(of.peer), whole(of.vni), ...flow(rx), ...flow(tx)],
        ]),
      };
    case 'drops':
      return {
        columns: [text('DEVICE'), text('REASON'), spare(text('LOST')), figure('PER S'), figure('COUNT')],
        rows: rates.drops.map(({ of, rate }) => [
          ...[
            word(of.device),
            word(of.reason),
            word(of.verdict === 'drop' ? 'yes' : 'no'),
            number(rate),
            number(of.count),
          ],
        ]),
      };
    case 'workers':
      return {
        columns: [
          ...[
            figure('WORKER'),
            figure('LOAD'),
            spare(figure('WAKEUPS/S')),
            figure('RECEIVED/S'),
            figure('SENT/S'),
            spare(figure('READ/S')),
          ],
          ...[spare(figure('WRITTEN/S')), figure('BATCH'), figure('MERGED'), figure('CACHED')],
        ],
        rows: rates.workers.map(({ of, load, wakeups, received, sent, read, written, batch, merged, cached }) => [
          ...[whole(of.worker), percent(load), number(wakeups), number(received), number(sent), number(read)],
          ...[number(written), factor(batch), factor(merged), percent(cached)],
        ]),
      };
  }
}

/** Index of the column by which a view is ordered at first: how much passes. */
export function firstOrder(view: View): number {
  return { devices: 4, filters: 7, vnis: 4, peers: 4, drops: 3, workers: 1 }[view];
}

/** Numbers the largest first, text from A on; `isReversed`: the other way round. Equal rows stay as they came. */
export function ordered({ columns, rows }: Table, by: number, isReversed: boolean): Table['rows'] {
  const sign = (columns[by]?.isNumber === true ? -1 : 1) * (isReversed ? -1 : 1);
  return [...rows].sort((one, other) => {
    const [a, b] = [one[by]?.value ?? 0, other[by]?.value ?? 0];
    return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : `${a}`.localeCompare(`${b}`));
  });
}

/** Rows of which a cell has the words in it, each of them. */
export function matching(rows: Table['rows'], words: string): Table['rows'] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => wanted.every((each) => row.some(({ text: cell }) => cell.toLowerCase().includes(each))));
}
