import test from 'ava';
import type { EndpointKind } from './endpoints/endpoint.js';
import { omission, ROWS, rowsNamed } from './rows.js';

const ids = (...words: string[]): string[] => rowsNamed(words).map(({ id }) => id);

test('ids are the rows’ own', (t) => {
  t.is(new Set(ROWS.map(({ id }) => id)).size, ROWS.length);
});

test('a word names the rows that begin so, a whole id that row alone', (t) => {
  t.deepEqual(ids('super-receive'), ['super-receive-1', 'super-receive-4']);
  t.deepEqual(ids('udp-64-receive-1'), ['udp-64-receive-1']);
  t.deepEqual(ids('udp-64-receive-1', 'udp-64-receive-1000'), ['udp-64-receive-1', 'udp-64-receive-1000']);
});

test('rows come in the order of the table, each once', (t) => {
  t.deepEqual(ids('rtt', 'wire-receive-1', 'rtt-flood'), ['wire-receive-1', 'rtt-flood', 'rtt-paced']);
});

test('a word that names no row is refused with the ids there are', (t) => {
  t.throws(() => rowsNamed(['udp-65']), { message: /no row “udp-65”; the rows are wire-receive-1, / });
  t.throws(() => rowsNamed(['']), { message: /no row “”/ });
});

test('options of vtep take part where they change something', (t) => {
  const rowsOf = (kind: EndpointKind): string[] =>
    ROWS.filter((row) => omission(row, kind) === undefined).map(({ id }) => id);
  t.deepEqual(rowsOf('vtep-workers-gso'), ['wire-transmit-4', 'super-transmit-4']);
  t.deepEqual(rowsOf('vtep-tunnel-gso'), [
    'wire-transmit-1',
    'wire-transmit-4',
    'super-transmit-1',
    'super-transmit-4',
  ]);
  t.true(rowsOf('vtep-workers').includes('udp-64-receive-1000'));
  t.false(rowsOf('vtep-workers').includes('wire-receive-1'));
});
