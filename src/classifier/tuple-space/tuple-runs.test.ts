// Hundreds of tuples in order: what an edit costs, and that the order stays right, against the linear classifier.
import assert from 'node:assert/strict';
import test from 'ava';
import type { ClassifierTable, Rule } from '../classifier.js';
import { randomFrom } from '../conformance/random-edits.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../flow-key.js';
import { LinearTable } from '../linear/linear-table.js';
import { createLookup } from '../open-lookup.js';
import { TupleSpaceTable } from './tuple-space-table.js';

const IPV4 = 0x0800;

/** A rule on a prefix of each address: one of 33 × 33 masks. */
function prefixes(id: number, pref: number, mask: readonly [number, number], value: number, protocol = IPV4): Rule {
  const rule = { id, chain: 0, pref, protocol, key: new Int32Array(KEY_WORDS), mask: new Int32Array(KEY_WORDS) };
  for (const [i, word] of [KeyWord.SRC_IP, KeyWord.DST_IP].entries()) {
    const bits = mask[i] ?? 0;
    rule.mask[word] = bits === 0 ? 0 : -1 << (32 - bits);
    rule.key[word] = value & (rule.mask[word] ?? 0);
  }
  return rule;
}

/** As many masks as `count`, a rule each, in prefs 10, 20, 30 and so on. */
function manyMasks(count: number): TupleSpaceTable {
  const table = new TupleSpaceTable();
  for (let id = 0; id < count; id++)
    table.insert(prefixes(id, 10 + id * 10, [1 + (id % 32), 1 + Math.floor(id / 32)], -1));
  return table;
}

test('a tuple that moves among hundreds does not make the words grow by all of them', (t) => {
  const MASKS = 800;
  const table = manyMasks(MASKS);
  const seen = new Set<SharedArrayBuffer>();
  const frame = new Int32Array(KEY_WORDS);
  for (let i = 0; i < 1000; i++) {
    const id = (i * 7) % MASKS;
    table.insert(prefixes(MASKS, 1, [1 + (id % 32), 1 + Math.floor(id / 32)], 0));
    seen.add(table.publish().words);
    assert.equal(createLookup(table.publish()).find(frame, 0, 0, IPV4, 0), MASKS);
    table.remove(MASKS);
    assert.equal(createLookup(table.publish()).find(frame, 0, 0, IPV4, 0), -1);
  }
  t.true(seen.size < 20, `${seen.size} times other words`);
});

test('masks that come and go among hundreds do not make the words grow by all of them', (t) => {
  const MASKS = 800;
  const table = manyMasks(MASKS);
  const seen = new Set<SharedArrayBuffer>();
  for (let i = 0; i < 1000; i++) {
    table.insert(prefixes(MASKS, 4005, [32, 32], i));
    seen.add(table.publish().words);
    table.remove(MASKS);
    table.publish();
  }
  t.true(seen.size < 20, `${seen.size} times other words`);
});

for (const [title, prefs, masks] of [
  ['each in prefs of its own', 2000, 400],
  ['in few prefs', 6, 400],
  ['that come and go', 300, 40],
] as const) {
  test(`hundreds of masks are tried in the order of the linear classifier: ${title}`, (t) => {
    const random = randomFrom(77);
    const tables: readonly ClassifierTable[] = [new TupleSpaceTable(), new LinearTable()];
    const there: number[] = [];
    const prefProtocol = (pref: number): number => (pref % 5 === 0 ? PROTOCOL_ALL : IPV4);
    let nextId = 0;
    let hits = 0;
    const insert = (): void => {
      const pref = 1 + random(prefs);
      const mask = [random(6) === 0 ? 0 : random(Math.ceil(masks / 20)), random(20)] as const;
      // Few values, so that most rules match, many at a time.
      const rule = prefixes(nextId, pref, mask, random(3) * 0x55555555, prefProtocol(pref));
      const done = tables.map((table) => {
        try {
          table.insert(rule);
          return true;
        } catch {
          return false;
        }
      });
      assert.equal(done[0], done[1]);
      if (done[0]) there.push(nextId++);
    };
    for (let n = 0; n < 700; n++) insert();
    for (let round = 0; round < 120; round++) {
      for (let n = random(6); n > 0; n--) insert();
      // In turns it grows, and shrinks to almost nothing.
      for (let n = random(6) + (round % 50 > 30 ? 80 : 0); n > 0 && there.length > 3; n--) {
        const [id] = there.splice(random(there.length), 1);
        for (const table of tables) assert.ok(table.remove(id ?? 0));
      }
      if (round % 50 === 49) for (let n = 0; n < 300; n++) insert();
      const [found, wanted] = tables.map((table) => createLookup(table.publish()));
      for (let n = 0; n < 25; n++) {
        const frame = new Int32Array(KEY_WORDS);
        frame[KeyWord.SRC_IP] = random(3) * 0x55555555;
        frame[KeyWord.DST_IP] = random(3) * 0x55555555;
        let position = 0;
        for (let more = true; more; ) {
          const id = wanted?.find(frame, 0, 0, IPV4, position);
          assert.equal(found?.find(frame, 0, 0, IPV4, position), id);
          assert.equal(found?.nextPosition, wanted?.nextPosition);
          position = wanted?.nextPosition ?? 0;
          more = id !== -1 && n % 8 === 0;
          if (id !== -1) hits++;
        }
      }
    }
    t.true(hits > 1500, `${hits} hits`);
  });
}
