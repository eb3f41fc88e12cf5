// The filter of known values: what it saves, and that it never hides a rule, against the linear classifier.
import test from 'ava';
import type { ClassifierTable, Rule } from '../classifier.js';
import { randomFrom } from '../conformance/random-edits.js';
import { KEY_WORDS, KeyWord } from '../flow-key.js';
import { LinearTable } from '../linear/linear-table.js';
import { createLookup } from '../open-lookup.js';
import type { TupleSpaceSnapshot } from './layout.js';
import { FEW_TUPLES } from './presence.js';
import { TupleSpaceTable } from './tuple-space-table.js';

const IPV4 = 0x0800;
const WORDS = [KeyWord.DST_IP, KeyWord.SRC_IP, KeyWord.ENC_DST_IP];

/** A rule on a prefix of one word, 1 … 32 bits. */
function prefix(id: number, word: number, bits: number, value: number): Rule {
  const key = new Int32Array(KEY_WORDS);
  const mask = new Int32Array(KEY_WORDS);
  mask[word] = -1 << (32 - bits);
  key[word] = value & mask[word];
  return { id, chain: 0, pref: 1 + id, protocol: IPV4, key, mask };
}

function frameOf(words: Readonly<Record<number, number>>): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  for (const [word, value] of Object.entries(words)) key[Number(word)] = value;
  return key;
}

function find(table: ClassifierTable, frame: Int32Array): { readonly id: number; readonly probes: number } {
  const lookup = createLookup(table.publish());
  return { id: lookup.find(frame, 0, 0, IPV4, 0), probes: lookup.probes };
}

test('of many tuples those are passed over that look at values that no rule has', (t) => {
  const table = new TupleSpaceTable();
  // Each prefix in another half of the addresses than the frame's.
  for (let bits = 1; bits < 32; bits++) table.insert(prefix(bits, KeyWord.DST_IP, bits, 0x80000000 | (bits * 997)));
  table.insert(prefix(32, KeyWord.DST_IP, 32, 0x0a000001));
  const { id, probes } = find(table, frameOf({ [KeyWord.DST_IP]: 0x0a000001 }));
  t.is(id, 32);
  t.true(probes < 12, `${probes} of 32 tuples probed`);
});

test('a chain of few tuples asks for nothing, and begins and ends to ask as they come and go', (t) => {
  const table = new TupleSpaceTable();
  const last = prefix(40, KeyWord.DST_IP, 32, 0x0a000001);
  const frame = frameOf({ [KeyWord.DST_IP]: 0x0a000001 });
  for (let bits = 1; bits < FEW_TUPLES; bits++) table.insert(prefix(bits, KeyWord.DST_IP, bits, 0x80000000));
  table.insert(last);
  t.deepEqual(find(table, frame), { id: 40, probes: FEW_TUPLES });
  t.is(table.publish().presence.byteLength, 0);
  table.insert(prefix(FEW_TUPLES, KeyWord.DST_IP, FEW_TUPLES, 0x80000000));
  t.true(find(table, frame).probes < FEW_TUPLES);
  t.is(find(table, frame).id, 40);
  table.remove(FEW_TUPLES);
  t.deepEqual(find(table, frame), { id: 40, probes: FEW_TUPLES });
});

test('more parts of the key than there are bits for are found as the linear classifier finds them', (t) => {
  const random = randomFrom(31);
  const tables = [new TupleSpaceTable(), new LinearTable()] as const;
  const rules: Rule[] = [];
  for (let id = 0; id < 2000; id++) {
    const word = WORDS[random(3)] ?? 0;
    const rule = prefix(id, word, 1 + random(32), random(2 ** 32) & 0x0f0f0f0f);
    rules.push(rule);
    for (const table of tables) table.insert(rule);
  }
  for (let round = 0; round < 40; round++) {
    for (let edits = 0; edits < 100; edits++) {
      const id = random(rules.length);
      for (const table of tables) table.remove(id);
      const rule = prefix(id, WORDS[random(3)] ?? 0, 1 + random(32), random(2 ** 32) & 0x0f0f0f0f);
      for (const table of tables) table.insert(rule);
      rules[id] = rule;
    }
    const [found, wanted] = tables.map((table) => createLookup(table.publish()));
    for (let n = 0; n < 100; n++) {
      const frame = frameOf(Object.fromEntries(WORDS.map((word) => [word, random(2 ** 32) & 0x0f0f0f0f])));
      frame.set([rules[random(rules.length)]?.key[KeyWord.SRC_IP] ?? 0], KeyWord.SRC_IP);
      t.is(found?.find(frame, 0, 0, IPV4, 0), wanted?.find(frame, 0, 0, IPV4, 0));
    }
  }
});

test('values that come and go for ever renew the filter seldom, and every rule is found when it has come', (t) => {
  const table = new TupleSpaceTable();
  for (let bits = 1; bits < 32; bits++) table.insert(prefix(bits, KeyWord.SRC_IP, bits, -1));
  const seen = new Set<SharedArrayBuffer>();
  let before: TupleSpaceSnapshot | undefined;
  for (let i = 0; i < 20_000; i++) {
    const value = (i % 5000) * 65537;
    table.insert(prefix(1000, KeyWord.DST_IP, 32, value));
    const after = table.publish();
    const frame = frameOf({ [KeyWord.DST_IP]: value });
    t.is(createLookup(after).find(frame, 0, 0, IPV4, 0), 1000);
    if (before !== undefined) t.is(createLookup(before).find(frame, 0, 0, IPV4, 0), -1);
    seen.add(after.presence);
    table.remove(1000);
    before = table.publish();
  }
  t.true(seen.size < 400, `${seen.size} filters`);
});
