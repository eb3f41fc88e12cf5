/** What is chosen in `vtep top`, and what a key changes of it. */
import { firstOrder, VIEWS, type View } from './tables.js';

export interface Choice {
  readonly view: View;
  /** Index of the column that rows are ordered by. */
  readonly order: number;
  readonly isReversed: boolean;
  /** Only rows with these words are shown. */
  readonly words: string;
  readonly isTyping: boolean;
  readonly isHelp: boolean;
  readonly isPaused: boolean;
  /** The first row that is shown. */
  readonly from: number;
  /** Seconds between two looks. */
  readonly seconds: number;
}

export const FIRST_CHOICE: Choice = {
  view: 'devices',
  order: firstOrder('devices'),
  isReversed: false,
  words: '',
  isTyping: false,
  isHelp: false,
  isPaused: false,
  from: 0,
  seconds: 1,
};

const VIEW_KEYS: Readonly<Record<string, View>> = {
  d: 'devices',
  f: 'filters',
  v: 'vnis',
  p: 'peers',
  x: 'drops',
  w: 'workers',
};
const INTERVALS = [0.5, 1, 2, 5, 10, 30];

/** As a terminal sends them. */
const UP = '\u001b[A';
const DOWN = '\u001b[B';
const PAGE_UP = '\u001b[5~';
const PAGE_DOWN = '\u001b[6~';
const ESCAPE = '\u001b';
const CTRL_C = '\u0003';
export const CTRL_Z = '\u001a';

/** Of what is shown: columns and rows of the view, rows that the screen has room for. */
export interface Extent {
  readonly columns: number;
  readonly rows: number;
  readonly page: number;
}

/** Keys in what a terminal sends at once: escape sequences, or a character each. */
export function keysOf(text: string): string[] {
  return text.match(new RegExp(`${ESCAPE}\\[[0-9;]*[A-Za-z~]|${ESCAPE}O[A-Z]|[^]`, 'gu')) ?? [];
}

/** What is chosen after a key; undefined: it ends. */
export function afterKey(choice: Choice, key: string, extent: Extent): Choice | undefined {
  const { columns, rows, page } = extent;
  if (key === CTRL_C) return undefined;
  if (choice.isTyping) return typed(choice, key);
  const view = VIEW_KEYS[key];
  if (view !== undefined) return see(choice, view);
  switch (key) {
    case 'q':
      return undefined;
    case '\t':
      return see(choice, VIEWS[(VIEWS.indexOf(choice.view) + 1) % VIEWS.length] ?? choice.view);
    case 's':
      return { ...choice, order: (choice.order + 1) % columns, isHelp: false };
    case 'S':
      return { ...choice, order: (choice.order + columns - 1) % columns, isHelp: false };
    case 'r':
      return { ...choice, isReversed: !choice.isReversed, isHelp: false };
    case '/':
      return { ...choice, isTyping: true, words: '', from: 0, isHelp: false };
    case ' ':
      return { ...choice, isPaused: !choice.isPaused };
    case 'h':
    case '?':
      return { ...choice, isHelp: !choice.isHelp };
    case '+':
      return { ...choice, seconds: INTERVALS.find((each) => each > choice.seconds) ?? choice.seconds };
    case '-':
      return { ...choice, seconds: INTERVALS.findLast((each) => each < choice.seconds) ?? choice.seconds };
    case UP:
    case DOWN:
    case PAGE_UP:
    case PAGE_DOWN: {
      const step = key === UP || key === DOWN ? 1 : page;
      const from = choice.from + (key === UP || key === PAGE_UP ? -step : step);
      return { ...choice, from: Math.max(0, Math.min(from, rows - 1)) };
    }
    case ESCAPE:
      return { ...choice, words: '', isHelp: false };
    default:
      return choice;
  }
}

function see(choice: Choice, view: View): Choice {
  return { ...choice, view, order: firstOrder(view), isReversed: false, from: 0, isHelp: false };
}

function typed(choice: Choice, key: string): Choice {
  if (key === '\r' || key === '\n') return { ...choice, isTyping: false };
  if (key === ESCAPE) return { ...choice, isTyping: false, words: '' };
  if (key === '\u007f' || key === '\b') return { ...choice, words: choice.words.slice(0, -1) };
  return key.length === 1 && key >= ' ' ? { ...choice, words: choice.words + key } : choice;
}
