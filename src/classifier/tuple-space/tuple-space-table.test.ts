import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import test from 'ava';
import type { Rule } from '../classifier.js';
import { KEY_WORDS, KeyWord } from '../flow-key.js';
import { createLookup } from '../open-lookup.js';
import type { TupleSpaceSnapshot } from './layout.js';
import { TupleSpaceTable } from './tuple-space-table.js';

const IPV4 = 0x0800;

/** A rule on one word; with the word covered in full, unless `bits` says otherwise. */
function rule(id: number, value: number, { pref = 1, word = KeyWord.DST_IP as number, bits = -1 } = {}): Rule {
  const key = new Int32Array(KEY_WORDS);
  const mask = new Int32Array(KEY_WORDS);
  key[word] = value;
  mask[word] = bits;
  return { id, chain: 0, pref, protocol: IPV4, key, mask };
}

function frame(value: number): Int32Array {
  return rule(0, value).key;
}

function filled(count: number): TupleSpaceTable {
  const table = new TupleSpaceTable();
  for (let id = 0; id < count; id++) table.insert(rule(id, id));
  return table;
}

/** Id and probes of one look-up. */
function find(snapshot: TupleSpaceSnapshot, key: Int32Array): { id: number; probes: number } {
  const lookup = createLookup(snapshot);
  return { id: lookup.find(key, 0, 0, IPV4, 0), probes: lookup.probes };
}

test('publishing an unchanged table gives the same snapshot', (t) => {
  const table = filled(3);
  const snapshot = table.publish();
  t.is(table.publish(), snapshot);
  table.replace(1, rule(1, 1));
  t.false(table.remove(99));
  t.is(table.publish(), snapshot);
  table.remove(1);
  t.not(table.publish(), snapshot);
});

test('one edit of 20,000 rules shares the words with the snapshot before it', (t) => {
  const table = filled(20_000);
  const before = table.publish();
  table.insert(rule(20_000, 20_000));
  const after = table.publish();
  t.is(after.words, before.words);
  t.is(find(before, frame(20_000)).id, -1);
  t.is(find(after, frame(20_000)).id, 20_000);
});

test('a posted snapshot shares its memory', (t) => {
  const snapshot = filled(100).publish();
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(snapshot);
  const received = receiveMessageOnPort(port2)?.message as TupleSpaceSnapshot;
  port1.close();
  const here = new Int32Array(snapshot.words);
  const there = new Int32Array(received.words);
  here[0] = 0x5a5a;
  t.is(there[0], 0x5a5a);
  here[0] = 0;
});

test('rules of one mask take one probe, however many prefs they have', (t) => {
  const table = new TupleSpaceTable();
  for (let id = 0; id < 1000; id++) table.insert(rule(id, id, { pref: 1000 - id }));
  t.deepEqual(find(table.publish(), frame(500)), { id: 500, probes: 1 });
  t.deepEqual(find(table.publish(), frame(5000)), { id: -1, probes: 1 });
});

test('a hit ends the look-up before the tuples that come behind it', (t) => {
  const table = new TupleSpaceTable();
  for (let id = 0; id < 8; id++) table.insert(rule(id, 0xff << id, { pref: 10 + id, bits: 0xff << id }));
  t.deepEqual(find(table.publish(), frame(0xff)), { id: 0, probes: 1 });
  t.deepEqual(find(table.publish(), frame(0xff << 3)), { id: 3, probes: 4 });
});

test('within a pref the masks behind the hit are not probed', (t) => {
  const table = new TupleSpaceTable();
  for (let id = 0; id < 8; id++) table.insert(rule(id, 0xff << id, { bits: 0xff << id }));
  t.deepEqual(find(table.publish(), frame(0xff)), { id: 0, probes: 1 });
  t.deepEqual(find(table.publish(), frame(0xff << 3)), { id: 3, probes: 4 });
});

test('a look-up goes on behind a hit while an earlier pref is possible', (t) => {
  const table = new TupleSpaceTable();
  table.insert(rule(1, 0x100, { pref: 1 }));
  table.insert(rule(2, 7, { pref: 20 }));
  table.insert(rule(3, 7, { pref: 10, bits: 0xff }));
  t.deepEqual(find(table.publish(), frame(7)), { id: 3, probes: 2 });
  table.remove(1);
  t.deepEqual(find(table.publish(), frame(7)), { id: 3, probes: 1 }, 'the tuple of pref 10 is the first now');
});

test('a rule that comes and goes for ever does not make the words grow', (t) => {
  const table = filled(1000);
  let most = 0;
  for (let i = 0; i < 20_000; i++) {
    table.remove(i % 7);
    table.insert(rule(i % 7, i % 7, { pref: 1 + (i % 3) }));
    most = Math.max(most, table.publish().words.byteLength);
  }
  t.true(most <= 1000 * 80 * 4, `${most} bytes`);
  t.is(find(table.publish(), frame(999)).id, 999);
});

test('keys that come and go for ever renew the words seldom', (t) => {
  const table = filled(1000);
  const seen = new Set<SharedArrayBuffer>();
  for (let i = 0; i < 20_000; i++) {
    table.insert(rule(1000 + i, 1000 + i));
    if (i > 0) table.remove(999 + i);
    seen.add(table.publish().words);
  }
  t.true(seen.size < 100, `${seen.size} times`);
  t.is(find(table.publish(), frame(20_999)).id, 20_999);
});

test('chains that come and go for ever do not make the words grow', (t) => {
  const table = new TupleSpaceTable();
  let most = 0;
  for (let chain = 0; chain < 20_000; chain++) {
    table.insert({ ...rule(chain, 7), chain });
    if (chain >= 10) table.remove(chain - 10);
    most = Math.max(most, table.publish().words.byteLength);
  }
  t.true(most <= 128 * 1024, `${most} bytes`);
  t.is(createLookup(table.publish()).find(frame(7), 0, 19_999, IPV4, 0), 19_999);
  t.is(createLookup(table.publish()).find(frame(7), 0, 19_989, IPV4, 0), -1);
});

test('chains that are gone leave the chain table', (t) => {
  const table = filled(20_000);
  for (let chain = 1; chain < 2000; chain++) {
    table.insert({ ...rule(20_000, 7), chain });
    table.publish();
    table.remove(20_000);
    t.true(table.publish().chainSlots <= 64);
  }
});

test('a rule can be replaced wherever the words happen to end', (t) => {
  const table = new TupleSpaceTable();
  for (let id = 0; id < 100; id++) table.insert(rule(id, id >> 3, { pref: 1 + (id & 7) }));
  for (let i = 0; i < 20_000; i++) {
    const id = i % 100;
    table.replace(id, rule(id, (id >> 3) + ((i * 7) % 11) * 100, { pref: 1 + (id & 7) }));
    if (i % 3 === 0) table.publish();
  }
  t.is(table.size, 100);
  for (let id = 0; id < 100; id++) t.true(table.remove(id));
  t.true(createLookup(table.publish()).empty);
});

test('after most rules are gone their words go too', (t) => {
  const table = filled(50_000);
  const full = table.publish();
  for (let id = 1; id < 50_000; id++) table.remove(id);
  const last = table.publish();
  t.true(last.words.byteLength < 64 * 1024, `${last.words.byteLength} bytes`);
  t.is(find(last, frame(0)).id, 0);
  t.is(find(full, frame(49_999)).id, 49_999);
});

test('ids may be far apart', (t) => {
  const table = new TupleSpaceTable();
  const ids = [0, 4095, 4096, 0x7fffffff];
  for (const id of ids) table.insert(rule(id, id));
  t.is(table.size, 4);
  for (const id of ids) t.is(find(table.publish(), frame(id)).id, id);
  for (const id of ids) t.true(table.remove(id));
  t.is(table.size, 0);
});
