import test from 'ava';
import { Counters, WorkCounter } from '../../memory/counters.js';
import type { Lookup, Rule } from '../classifier.js';
import { KEY_WORDS, KeyWord } from '../flow-key.js';
import { createLookup } from '../open-lookup.js';
import { TupleSpaceTable } from '../tuple-space/tuple-space-table.js';
import { FlowCache } from './flow-cache.js';

const IPV4 = 0x0800;

function words(set: Record<number, number>): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  for (const [index, value] of Object.entries(set)) key[Number(index)] = value;
  return key;
}

function rule(id: number, set: Record<number, number>, pref = 1, chain = 0): Rule {
  const mask = words(Object.fromEntries(Object.keys(set).map((index) => [index, -1])));
  return { id, chain, pref, protocol: IPV4, key: words(set), mask };
}

/** Rules of two masks, so that the table is used: a destination, or a port. */
function twoMasks(rules = 64): TupleSpaceTable {
  const table = new TupleSpaceTable();
  for (let id = 0; id < rules; id++) table.insert(rule(id, { [KeyWord.DST_IP]: id }));
  table.insert(rule(rules, { [KeyWord.DST_PORT]: 7 }, 2));
  return table;
}

function setUp(table: TupleSpaceTable, entries?: number): { cache: FlowCache; counters: Counters; lookup: Lookup } {
  const counters = new Counters();
  const cache = new FlowCache(counters, entries);
  return { cache, counters, lookup: cache.before(createLookup(table.publish()), 0) };
}

const hits = (counters: Counters): number => counters.workValue(WorkCounter.CACHE_HITS);
const misses = (counters: Counters): number => counters.workValue(WorkCounter.CACHE_MISSES);

test('the second frame of a flow hits, whatever differs in words that no rule consults', (t) => {
  const { counters, lookup } = setUp(twoMasks());
  t.is(lookup.find(words({ [KeyWord.DST_IP]: 5 }), 0, 0, IPV4, 0), 5);
  t.is(lookup.probes, 1);
  t.is(lookup.find(words({ [KeyWord.DST_IP]: 5, [KeyWord.SRC_IP]: 99 }), 0, 0, IPV4, 0), 5);
  t.is(lookup.probes, 0);
  t.is(lookup.nextPosition, 2);
  t.deepEqual([hits(counters), misses(counters)], [1, 1]);
});

test('a frame that differs in a word that a rule consults misses, and so does one of another chain or position', (t) => {
  const { counters, lookup } = setUp(twoMasks());
  const frame = words({ [KeyWord.DST_IP]: 5, [KeyWord.DST_PORT]: 7 });
  t.is(lookup.find(frame, 0, 0, IPV4, 0), 5);
  t.is(lookup.find(frame, 0, 0, IPV4, 2), 64);
  t.is(lookup.find(frame, 0, 1, IPV4, 0), -1);
  t.is(lookup.find(frame, 0, 0, 0x0806, 0), -1);
  t.is(lookup.find(words({ [KeyWord.DST_IP]: 5, [KeyWord.DST_PORT]: 8 }), 0, 0, IPV4, 0), 5);
  t.is(hits(counters), 0);
  t.is(lookup.find(frame, 0, 0, IPV4, 2), 64);
  t.is(hits(counters), 1);
});

test('frames that nothing matches are remembered too', (t) => {
  const { counters, lookup } = setUp(twoMasks());
  for (let i = 0; i < 3; i++) t.is(lookup.find(words({ [KeyWord.DST_IP]: 1000 }), 0, 0, IPV4, 0), -1);
  t.is(hits(counters), 2);
});

test('two flows in turn hit the table, three of one table only in trains', (t) => {
  const { counters, lookup } = setUp(twoMasks());
  for (let i = 0; i < 10; i++) lookup.find(words({ [KeyWord.DST_IP]: i % 2 }), 0, 0, IPV4, 0);
  t.is(misses(counters), 2);
  const one = new TupleSpaceTable();
  one.insert(rule(1, { [KeyWord.DST_IP]: 1 }));
  const plain = setUp(one);
  for (const ip of [1, 1, 1, 2, 2, 1]) plain.lookup.find(words({ [KeyWord.DST_IP]: ip }), 0, 0, IPV4, 0);
  t.is(misses(plain.counters), 3);
  t.is(hits(plain.counters), 3);
});

test('new rules void what is remembered of the hook, and nothing of another', (t) => {
  const table = twoMasks();
  const { cache, counters, lookup } = setUp(table);
  const frame = words({ [KeyWord.DST_IP]: 5 });
  const other = cache.before(createLookup(table.publish()), 1);
  t.is(lookup.find(frame, 0, 0, IPV4, 0), 5);
  t.is(other.find(frame, 0, 0, IPV4, 0), 5);
  table.remove(5);
  const renewed = cache.before(createLookup(table.publish()), 0);
  t.is(renewed.find(frame, 0, 0, IPV4, 0), -1);
  t.is(other.find(frame, 0, 0, IPV4, 0), 5);
  t.is(hits(counters), 1);
});

test('a hook that has gone leaves its room to the flows of others', (t) => {
  const table = twoMasks();
  const { cache, counters, lookup } = setUp(table, 256);
  const other = cache.before(createLookup(table.publish()), 1);
  const frame = words({});
  const find = (through: Lookup, flow: number): void => {
    frame[KeyWord.DST_IP] = flow;
    through.find(frame, 0, 0, IPV4, 0);
  };
  for (let round = 0; round < 100; round++) for (let flow = 0; flow < 2000; flow++) find(lookup, flow);
  cache.forget(0);
  // Nobody has to be lucky: each of a few flows stays when it comes first.
  for (let flow = 0; flow < 32; flow++) find(other, flow);
  const before = misses(counters);
  for (let flow = 0; flow < 32; flow++) find(other, flow);
  t.true(misses(counters) - before <= 2, `${misses(counters) - before} of 32 missed`);
  for (const hook of [-1, 2048]) t.throws(() => cache.forget(hook), { instanceOf: RangeError });
});

test('generations that begin anew find nothing of before', (t) => {
  const table = twoMasks();
  const cache = new FlowCache(new Counters(), 64, 3);
  const frame = words({ [KeyWord.DST_IP]: 5 });
  for (let i = 0; i < 20; i++) {
    const lookup = cache.before(createLookup(table.publish()), 4);
    const wanted = i % 2 === 0 ? 5 : -1;
    t.is(lookup.find(frame, 0, 0, IPV4, 0), wanted, `generation ${i}`);
    t.is(lookup.find(frame, 0, 0, IPV4, 0), wanted);
    if (i % 2 === 0) table.remove(5);
    else table.insert(rule(5, { [KeyWord.DST_IP]: 5 }));
  }
});

test('busy flows survive a scan of a million flows', (t) => {
  const BUSY = 512;
  const { counters, lookup } = setUp(twoMasks());
  const frame = words({});
  const frameOf = (flow: number): Int32Array => {
    frame[KeyWord.DST_IP] = flow;
    return frame;
  };
  for (let round = 0; round < 100; round++)
    for (let flow = 0; flow < BUSY; flow++) lookup.find(frameOf(flow), 0, 0, IPV4, 0);
  const before = misses(counters);
  let scanned = 0;
  let busy = 0;
  while (scanned < 1_000_000) {
    lookup.find(frameOf(10_000 + scanned++), 0, 0, IPV4, 0);
    // Nine of ten frames are the scan's.
    if (scanned % 9 === 0) lookup.find(frameOf(busy++ % BUSY), 0, 0, IPV4, 0);
  }
  const lost = misses(counters) - before - scanned;
  t.true(lost < busy / 100, `${lost} of ${busy} look-ups of busy flows missed`);
});

test('busy flows find their way in when a scan has filled the cache', (t) => {
  const BUSY = 512;
  const { counters, lookup } = setUp(twoMasks());
  const frame = words({});
  const find = (flow: number): void => {
    frame[KeyWord.DST_IP] = flow;
    lookup.find(frame, 0, 0, IPV4, 0);
  };
  for (let flow = 0; flow < 100_000; flow++) find(10_000 + flow);
  for (let round = 0; round < 100; round++) for (let flow = 0; flow < BUSY; flow++) find(flow);
  const before = misses(counters);
  for (let flow = 0; flow < BUSY; flow++) find(flow);
  t.true(misses(counters) - before < BUSY / 100);
});

test('flows that have gone make room for others', (t) => {
  const { counters, lookup } = setUp(twoMasks(), 256);
  const frame = words({});
  const find = (flow: number): void => {
    frame[KeyWord.DST_IP] = flow;
    lookup.find(frame, 0, 0, IPV4, 0);
  };
  for (const first of [0, 5_000, 10_000]) {
    for (let round = 0; round < 300; round++) for (let flow = 0; flow < 128; flow++) find(first + flow);
    const before = misses(counters);
    for (let flow = 0; flow < 128; flow++) find(first + flow);
    t.true(misses(counters) - before < 16, `${misses(counters) - before} of 128 missed`);
  }
});

test('a cache has a power of two of entries, and hooks within bounds', (t) => {
  const counters = new Counters();
  for (const entries of [0, 2, 100]) t.throws(() => new FlowCache(counters, entries), { instanceOf: RangeError });
  const { lookup, cache } = setUp(twoMasks());
  for (const hook of [-1, 2048]) t.throws(() => cache.before(lookup, hook), { instanceOf: RangeError });
});
