import test from 'ava';
import { LATER, OVERVIEW } from '../overview.test.helper.js';
import { afterKey, type Choice, FIRST_CHOICE, keysOf } from './keys.js';
import { ratesBetween } from './rates.js';
import { draw, everyTable } from './screen.js';
import { tableOf, VIEWS } from './tables.js';

const RATES = ratesBetween(OVERVIEW, LATER);

/** What is chosen after these keys. */
function after(text: string, from = FIRST_CHOICE): Choice | undefined {
  return keysOf(text).reduce<Choice | undefined>((choice, key) => {
    const table = choice && tableOf(choice.view, RATES);
    return choice && afterKey(choice, key, { columns: table?.columns.length ?? 0, rows: 1000, page: 10 });
  }, from);
}

function screen(keys: string, width = 80, height = 24): string[] {
  return draw(LATER, RATES, after(keys) ?? FIRST_CHOICE, { width, height, isPlain: true });
}

test('no line is wider than the screen, and there are as many as it has, whatever is shown', (t) => {
  for (const width of [20, 40, 80, 200])
    for (const height of [5, 10, 24])
      for (const keys of ['d', 'f', 'v', 'p', 'x', 'w', 'h', '/zzz', 'fss', ' ']) {
        const lines = screen(keys, width, height);
        t.is(lines.length, height, `${keys} ${width}x${height}`);
        for (const line of lines) t.true(line.length <= width, `${keys} ${width}x${height}: ${line}`);
      }
});

test('a screen says what there is in all, and shows the view', (t) => {
  const lines = screen('x');
  t.is(lines[0], 'up 00:01:42, 2 devices, 2 filters, 1 worker at 50 %');
  t.is(lines[1], 'rx 1.00k pps 400k bps, tx 0 pps 0 bps, lost 5/s, cache 90 %');
  t.is(lines[2], ' devices  filters  vnis  peers [drops] workers');
  t.regex(lines[3] ?? '', /^DEVICE +REASON +LOST +PER S▼ +COUNT$/);
  t.regex(lines[4] ?? '', /^vxlan0 +unmatched +no +7 +21$/);
});

test('on a narrow screen spare columns make room', (t) => {
  t.regex(screen('', 80)[3] ?? '', /KIND.*STATE.*RX PPS/);
  t.regex(screen('', 44, 10)[3] ?? '', /^DEVICE .*RX BPS▼ +TX BPS +DROPS\/S$/);
});

test('on a narrow screen the view that is shown is named all the same', (t) => {
  t.is(screen('w', 40, 10)[2], '[workers]  Tab: the next of 6');
  t.is(screen('w', 40)[4], '[workers]  Tab: the next of 6', 'below a summary that has as many lines as it takes');
  t.is(screen('w', 12, 10)[2], '[workers]  …');
});

test('keys choose the view, the order, the words and the pace', (t) => {
  t.is(after('\t')?.view, 'filters');
  t.is(after('w\t')?.view, 'devices');
  t.is(after('x')?.order, 3);
  t.is(after('xs')?.order, 4);
  t.is(after('xss')?.order, 0);
  t.is(after('xS')?.order, 2);
  t.true(after('r')?.isReversed);
  t.like(after('/tap q'), { words: 'tap q', isTyping: true });
  t.like(after('/tapx\u007f\r'), { words: 'tap', isTyping: false });
  t.like(after('/tap\r\u001b'), { words: '', isTyping: false });
  t.is(after('+')?.seconds, 2);
  t.is(after('--')?.seconds, 0.5);
  t.true(after(' ')?.isPaused);
  t.is(after('\u001b[B\u001b[B\u001b[A')?.from, 1);
  t.is(after('\u001b[6~')?.from, 10);
  t.is(after('\u001b[5~')?.from, 0);
  t.is(after('\u001b[6~'.repeat(200))?.from, 999, 'no further than the last row');
  t.is(after('q'), undefined);
  t.is(after('/q\u0003'), undefined);
});

test('words leave rows out, and say so', (t) => {
  const lines = screen('x/tap');
  t.deepEqual(
    lines.slice(4, 7).map((line) => line.split(' ')[0]),
    ['tap0', 'tap0', ''],
  );
  t.is(lines.at(-1), '/tap_');
  t.is(screen('x/zzz')[3], 'no row has these words');
});

test('everything at once is every table that has rows, or the one asked for', (t) => {
  const all = everyTable(LATER, RATES).join('\n');
  for (const title of ['KIND', 'HANDLE', 'PEERS', 'REASON', 'MERGED', 'fd00::1']) t.true(all.includes(title), title);
  const [, , , titles] = everyTable(LATER, RATES, 'workers');
  t.regex(titles ?? '', /^WORKER +LOAD/);
  t.is(VIEWS.length, 6);
});
