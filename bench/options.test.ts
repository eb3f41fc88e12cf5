import test from 'ava';
import { ENDPOINT_KINDS, isInstalled } from './endpoints/endpoint.js';
import { type Options, parseOptions, turn } from './options.js';
import { ROWS } from './rows.js';

function parse(line = ''): Options {
  const options = parseOptions(line === '' ? [] : line.split(' '));
  if (options === 'help') throw new Error('help');
  return options;
}

test('without a word everything is measured, with every endpoint that is installed', (t) => {
  t.deepEqual(parse(), {
    rows: [...ROWS],
    runs: 5,
    seconds: 3,
    order: 'alternate',
    endpoints: ENDPOINT_KINDS.filter(isInstalled),
    baseline: false,
  });
  t.deepEqual(
    parse().endpoints.filter((kind) => kind !== 'ovs'),
    ['kernel', 'vtep', 'vtep-workers', 'vtep-tunnel-gso', 'vtep-workers-gso', 'naive'],
  );
});

test('--quick measures one row of each kind, and runs are fewer and shorter', (t) => {
  const { rows, runs, seconds } = parse('--quick');
  t.deepEqual([runs, seconds], [3, 1]);
  t.deepEqual(
    rows.map(({ id }) => id),
    ['wire-receive-1', 'wire-transmit-1', 'super-receive-1', 'udp-64-receive-1', 'rtt-flood'],
  );
});

test('what is said goes before what --quick means', (t) => {
  const { rows, runs, seconds } = parse('--quick --runs 9 --seconds 2 --rows rtt-paced');
  t.deepEqual([runs, seconds, rows.map(({ id }) => id)], [9, 2, ['rtt-paced']]);
});

test('a baseline is of every row, and of five rounds or more', (t) => {
  t.true(parse('--baseline').baseline);
  t.is(parse('--baseline --runs 7 --endpoints kernel,vtep').runs, 7);
});

test('an endpoint may stand there twice, which shows the noise', (t) => {
  t.deepEqual(parse('--endpoints kernel,kernel').endpoints, ['kernel', 'kernel']);
});

test('every second round runs backwards, unless the order is fixed', (t) => {
  const rounds = (order: 'alternate' | 'fixed') =>
    [0, 1, 2].map((round) => turn(order, round, ['a', 'b', 'c']).join(''));
  t.deepEqual(rounds('alternate'), ['abc', 'cba', 'abc']);
  t.deepEqual(rounds('fixed'), ['abc', 'abc', 'abc']);
});

for (const line of [
  '--runs 0',
  '--runs 2.5',
  '--seconds -1',
  '--seconds x',
  '--rows',
  '--rows ,',
  '--order sometimes',
  '--endpoints kernel',
  '--endpoints kernel,openvswitch',
  '--fast',
  'wire-receive-1',
  '--baseline --quick',
  '--baseline --rows udp',
  '--baseline --runs 4',
  '--baseline --endpoints kernel,ovs',
  '--baseline --endpoints vtep,kernel',
]) {
  test(`refuses ${line}`, (t) => {
    t.throws(() => parse(line));
  });
}
