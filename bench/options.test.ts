import test from 'ava';
import { type Options, parseOptions } from './options.js';
import { ROWS, rowsNamed } from './rows.js';

function parse(line = ''): Options {
  const options = parseOptions(line === '' ? [] : line.split(' '));
  if (options === 'help') throw new Error('help');
  return options;
}

test('without a word everything is measured, vtep against the kernel', (t) => {
  t.deepEqual(parse(), {
    rows: [...ROWS],
    runs: 5,
    seconds: 3,
    order: 'alternate',
    endpoints: ['kernel', 'vtep'],
    baseline: false,
  });
});

test('--quick leaves out four streams and the paced ping, and runs are fewer and shorter', (t) => {
  const { rows, runs, seconds } = parse('--quick');
  t.deepEqual([runs, seconds], [3, 2]);
  t.deepEqual(
    rows.map(({ id }) => id),
    ['wire-receive-1', 'wire-transmit-1', 'super-receive-1', 'super-transmit-1', 'rtt-flood'],
  );
});

test('what is said goes before what --quick means', (t) => {
  const { rows, runs, seconds } = parse('--quick --runs 9 --seconds 1 --only rtt-paced');
  t.deepEqual([runs, seconds, rows.map(({ id }) => id)], [9, 1, ['rtt-paced']]);
});

test('rows are named in full or by their beginning, and keep the order of the table', (t) => {
  const ids = (...words: string[]): string[] => rowsNamed(words).map(({ id }) => id);
  t.deepEqual(ids('rtt', 'wire-receive'), ['wire-receive-1', 'wire-receive-4', 'rtt-flood', 'rtt-paced']);
  t.deepEqual(ids('super-transmit-4'), ['super-transmit-4']);
  t.throws(() => ids('wire', 'udp'), { message: /there is no row “udp”; the rows are wire-receive-1, / });
});

test('every row has an id of its own', (t) => {
  t.is(new Set(ROWS.map(({ id }) => id)).size, ROWS.length);
});

test('the targets of the first release are those of its issue', (t) => {
  const targets = ROWS.flatMap(({ id, target }) => (target === undefined ? [] : [`${id} ${target}`]));
  t.deepEqual(targets, ['wire-receive-1 0.6', 'wire-transmit-1 0.5', 'super-receive-1 0.5']);
});

test('both endpoints may be the same, which shows the noise', (t) => {
  t.deepEqual(parse('--endpoints kernel,kernel').endpoints, ['kernel', 'kernel']);
});

for (const line of [
  '--runs 0',
  '--runs 2.5',
  '--seconds -1',
  '--seconds x',
  '--only',
  '--only ,',
  '--endpoint-order sometimes',
  '--endpoints kernel',
  '--endpoints kernel,vtep,kernel',
  '--endpoints kernel,openvswitch',
  '--fast',
  'wire-receive-1',
]) {
  test(`refuses ${line}`, (t) => {
    t.throws(() => parse(line));
  });
}
