/**
 * What every classifier must do, as cases with titles: a new implementation is proved by running them all. Free of
 * any test framework; a case throws an AssertionError.
 */
import assert from 'node:assert/strict';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { type ClassifierSnapshot, type ClassifierTable, DuplicateRule, type Rule } from './classifier.js';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from './flow-key.js';
import { createLookup } from './open-lookup.js';

export interface ConformanceCase {
  readonly title: string;
  run(create: () => ClassifierTable): void;
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/** Words by their index in the flow key. */
type Words = Readonly<Record<number, number>>;

/** Rules of one word each are enough to tell masks and keys apart. */
const PORT = KeyWord.DST_PORT;
const VNI = KeyWord.ENC_KEY_ID;

function keyOf(words: Words): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  for (const [index, value] of Object.entries(words)) key[Number(index)] = value;
  return key;
}

/** A rule for `words` in full, unless a mask says less. */
function rule(
  id: number,
  words: Words,
  given: Partial<Omit<Rule, 'id' | 'key' | 'mask'>> & { mask?: Words } = {},
): Rule {
  const full = Object.fromEntries(Object.keys(words).map((index) => [index, -1]));
  const { chain = 0, pref = 1, protocol = IPV4, mask = full } = given;
  return { id, chain, pref, protocol, key: keyOf(words), mask: keyOf(mask) };
}

function tableOf(create: () => ClassifierTable, ...rules: readonly Rule[]): ClassifierTable {
  const table = create();
  for (const each of rules) table.insert(each);
  return table;
}

/** What a frame with these words finds, with the key at an odd place among others. */
function find(
  snapshot: ClassifierSnapshot,
  words: Words,
  { chain = 0, protocol = IPV4, position = 0 }: { chain?: number; protocol?: number; position?: number } = {},
): number {
  const keys = new Int32Array(KEY_WORDS * 3).fill(0xa5a5a5a5 | 0);
  keys.set(keyOf(words), KEY_WORDS + 5);
  return createLookup(snapshot).find(keys, KEY_WORDS + 5, chain, protocol, position);
}

/** The ids that a frame meets when every rule says `continue`. */
function walk(snapshot: ClassifierSnapshot, words: Words): number[] {
  const lookup = createLookup(snapshot);
  const key = keyOf(words);
  const ids: number[] = [];
  let id = lookup.find(key, 0, 0, IPV4, 0);
  while (id >= 0) {
    ids.push(id);
    id = lookup.find(key, 0, 0, IPV4, lookup.nextPosition);
  }
  assert.equal(lookup.find(key, 0, 0, IPV4, lookup.nextPosition), -1, 'behind the end there is nothing');
  return ids;
}

/** That `edit` throws, and leaves the table as it was for the frame with `words`. */
function refuses(table: ClassifierTable, edit: () => void, error: RegExp | typeof DuplicateRule, words: Words): void {
  const { size } = table;
  const before = walk(table.publish(), words);
  assert.throws(edit, error);
  assert.equal(table.size, size);
  assert.deepEqual(walk(table.publish(), words), before);
}

export const conformanceCases: readonly ConformanceCase[] = [
  {
    title: 'an empty table finds nothing and says that it is empty',
    run(create) {
      const snapshot = create().publish();
      assert.equal(createLookup(snapshot).empty, true);
      assert.equal(find(snapshot, { [PORT]: 4789 }), -1);
      assert.equal(find(snapshot, {}, { chain: 7 }), -1);
    },
  },
  {
    title: 'a rule is found by its key and by no other',
    run(create) {
      const snapshot = tableOf(create, rule(3, { [PORT]: 4789, [VNI]: 4 })).publish();
      assert.equal(createLookup(snapshot).empty, false);
      assert.equal(find(snapshot, { [PORT]: 4789, [VNI]: 4 }), 3);
      assert.equal(find(snapshot, { [PORT]: 4789, [VNI]: 5 }), -1);
      assert.equal(find(snapshot, { [PORT]: 4788, [VNI]: 4 }), -1);
    },
  },
  {
    title: 'words outside the mask do not matter, in the frame or in the rule',
    run(create) {
      const snapshot = tableOf(
        create,
        rule(3, { [KeyWord.DST_IP]: 0x0a010203, [VNI]: 9 }, { mask: { [KeyWord.DST_IP]: 0xffffff00 | 0 } }),
      ).publish();
      assert.equal(find(snapshot, { [KeyWord.DST_IP]: 0x0a0102fe, [PORT]: 1 }), 3);
      assert.equal(find(snapshot, { [KeyWord.DST_IP]: 0x0a0103fe }), -1);
    },
  },
  {
    title: 'every word of the key can be matched, the top bit too',
    run(create) {
      for (let index = 0; index < KEY_WORDS; index++) {
        const snapshot = tableOf(create, rule(1, { [index]: 0x80000000 | 0 })).publish();
        assert.equal(find(snapshot, { [index]: 0x80000000 | 0 }), 1, `word ${index}`);
        assert.equal(find(snapshot, { [index]: 0 }), -1, `word ${index}`);
      }
    },
  },
  {
    title: 'a rule without any mask takes every frame of its protocol',
    run(create) {
      const snapshot = tableOf(create, rule(8, {})).publish();
      assert.equal(find(snapshot, { [PORT]: 1 }), 8);
      assert.equal(find(snapshot, {}), 8);
      assert.equal(find(snapshot, {}, { protocol: IPV6 }), -1);
    },
  },
  {
    title: 'a filter of another protocol is passed over, one of protocol all is not',
    run(create) {
      const snapshot = tableOf(
        create,
        rule(1, { [PORT]: 80 }, { pref: 1, protocol: IPV6 }),
        rule(2, { [PORT]: 80 }, { pref: 2, protocol: IPV4 }),
        rule(3, { [PORT]: 80 }, { pref: 3, protocol: PROTOCOL_ALL }),
      ).publish();
      assert.equal(find(snapshot, { [PORT]: 80 }, { protocol: IPV6 }), 1);
      assert.equal(find(snapshot, { [PORT]: 80 }, { protocol: IPV4 }), 2);
      assert.equal(find(snapshot, { [PORT]: 80 }, { protocol: 0x0806 }), 3);
    },
  },
  {
    title: 'the lowest pref wins, in whatever order the rules came',
    run(create) {
      const rules = [5, 2, 65535, 9].map((pref) => rule(pref, { [PORT]: 80 }, { pref }));
      assert.deepEqual(walk(tableOf(create, ...rules).publish(), { [PORT]: 80 }), [2, 5, 9, 65535]);
      assert.deepEqual(walk(tableOf(create, ...rules.reverse()).publish(), { [PORT]: 80 }), [2, 5, 9, 65535]);
    },
  },
  {
    title: 'a lower pref wins over a more specific mask of a higher one',
    run(create) {
      const snapshot = tableOf(
        create,
        rule(1, { [PORT]: 80, [VNI]: 4 }, { pref: 20 }),
        rule(2, { [VNI]: 4 }, { pref: 10 }),
      ).publish();
      assert.deepEqual(walk(snapshot, { [PORT]: 80, [VNI]: 4 }), [2, 1]);
    },
  },
  {
    title: 'within a pref the mask created first wins, not the longest',
    run(create) {
      const wide = rule(1, { [VNI]: 4 });
      const narrow = rule(2, { [VNI]: 4, [PORT]: 80 });
      assert.equal(find(tableOf(create, wide, narrow).publish(), { [VNI]: 4, [PORT]: 80 }), 1);
      assert.equal(find(tableOf(create, narrow, wide).publish(), { [VNI]: 4, [PORT]: 80 }), 2);
    },
  },
  {
    title: 'the order of masks is that of each pref, not of the chain',
    run(create) {
      const snapshot = tableOf(
        create,
        rule(1, { [PORT]: 1 }, { pref: 5 }),
        rule(2, { [VNI]: 4 }, { pref: 7 }),
        rule(3, { [PORT]: 80 }, { pref: 7 }),
      ).publish();
      assert.equal(find(snapshot, { [PORT]: 80, [VNI]: 4 }), 2);
    },
  },
  {
    title: 'a mask keeps its place while one rule of it is left',
    run(create) {
      const table = tableOf(create, rule(1, { [VNI]: 4 }), rule(2, { [PORT]: 80 }), rule(3, { [VNI]: 5 }));
      table.remove(1);
      table.insert(rule(4, { [VNI]: 4 }));
      assert.equal(find(table.publish(), { [PORT]: 80, [VNI]: 4 }), 4);
    },
  },
  {
    title: 'a mask that lost its last rule comes back at the end',
    run(create) {
      const table = tableOf(create, rule(1, { [VNI]: 4 }), rule(2, { [PORT]: 80 }));
      assert.equal(find(table.publish(), { [PORT]: 80, [VNI]: 4 }), 1);
      table.remove(1);
      table.insert(rule(1, { [VNI]: 4 }));
      assert.equal(find(table.publish(), { [PORT]: 80, [VNI]: 4 }), 2);
    },
  },
  {
    title: 'a mask comes back at the end of its pref though another pref kept it',
    run(create) {
      const table = tableOf(
        create,
        rule(1, { [VNI]: 4 }, { pref: 5 }),
        rule(2, { [PORT]: 80 }, { pref: 5 }),
        rule(3, { [VNI]: 6 }, { pref: 9 }),
      );
      table.remove(1);
      table.insert(rule(1, { [VNI]: 4 }, { pref: 5 }));
      assert.equal(find(table.publish(), { [PORT]: 80, [VNI]: 4 }), 2);
    },
  },
  {
    title: 'the same key in the same pref is refused and named',
    run(create) {
      const table = tableOf(create, rule(7, { [PORT]: 80 }));
      const duplicate = rule(8, { [PORT]: 80, [VNI]: 3 }, { mask: { [PORT]: -1 } });
      refuses(table, () => table.insert(duplicate), DuplicateRule, { [PORT]: 80 });
      assert.throws(
        () => table.insert(duplicate),
        (error) => error instanceof DuplicateRule && error.existing === 7,
      );
    },
  },
  {
    title: 'the same key in another pref, chain or mask is no duplicate',
    run(create) {
      const table = tableOf(
        create,
        rule(1, { [PORT]: 80 }),
        rule(2, { [PORT]: 80 }, { pref: 2 }),
        rule(3, { [PORT]: 80 }, { chain: 1 }),
        rule(4, { [PORT]: 80 }, { mask: { [PORT]: 0xff } }),
      );
      assert.equal(table.size, 4);
      assert.deepEqual(walk(table.publish(), { [PORT]: 80 }), [1, 2]);
    },
  },
  {
    title: 'an id that is taken, a second protocol in a pref and numbers out of range are refused',
    run(create) {
      const table = tableOf(create, rule(1, { [PORT]: 80 }));
      const frame = { [PORT]: 80 };
      refuses(table, () => table.insert(rule(1, { [PORT]: 81 })), /rule 1 is there already/, frame);
      refuses(table, () => table.insert(rule(2, { [PORT]: 81 }, { protocol: IPV6 })), /pref 1 is of protocol/, frame);
      refuses(table, () => table.insert(rule(2, {}, { pref: 0 })), /pref 0/, frame);
      refuses(table, () => table.insert(rule(2, {}, { pref: 65536 })), /pref 65536/, frame);
      refuses(table, () => table.insert(rule(-1, {})), /id -1/, frame);
      refuses(table, () => table.insert(rule(2, {}, { chain: 2 ** 32 })), /chain/, frame);
      refuses(table, () => table.insert({ ...rule(2, {}), key: new Int32Array(4) }), /56 words/, frame);
    },
  },
  {
    title: 'a pref that lost its last rule may take another protocol',
    run(create) {
      const table = tableOf(create, rule(1, { [PORT]: 80 }));
      table.remove(1);
      table.insert(rule(1, { [PORT]: 80 }, { protocol: IPV6 }));
      assert.equal(find(table.publish(), { [PORT]: 80 }, { protocol: IPV6 }), 1);
      assert.equal(find(table.publish(), { [PORT]: 80 }), -1);
    },
  },
  {
    title: 'a removed rule is gone, its neighbours stay, and it cannot be removed twice',
    run(create) {
      const table = tableOf(
        create,
        rule(1, { [PORT]: 80 }),
        rule(2, { [PORT]: 81 }),
        rule(3, { [PORT]: 80 }, { pref: 2 }),
      );
      assert.equal(table.remove(1), true);
      assert.equal(table.remove(1), false);
      assert.equal(table.remove(99), false);
      assert.equal(table.size, 2);
      assert.equal(find(table.publish(), { [PORT]: 80 }), 3);
      assert.equal(find(table.publish(), { [PORT]: 81 }), 2);
      table.remove(2);
      table.remove(3);
      assert.equal(table.size, 0);
      assert.equal(createLookup(table.publish()).empty, true);
      assert.equal(find(table.publish(), { [PORT]: 80 }), -1);
    },
  },
  {
    title: 'replace moves a rule to its new key',
    run(create) {
      const table = tableOf(create, rule(1, { [PORT]: 80 }), rule(2, { [PORT]: 81 }));
      table.replace(rule(1, { [PORT]: 82 }));
      assert.equal(table.size, 2);
      assert.equal(find(table.publish(), { [PORT]: 80 }), -1);
      assert.equal(find(table.publish(), { [PORT]: 82 }), 1);
      assert.equal(table.remove(1), true);
      assert.equal(find(table.publish(), { [PORT]: 82 }), -1);
      assert.equal(find(table.publish(), { [PORT]: 81 }), 2);
    },
  },
  {
    title: 'replace by the same key changes nothing',
    run(create) {
      const table = tableOf(create, rule(1, { [VNI]: 4 }), rule(2, { [PORT]: 80 }));
      table.replace(rule(1, { [VNI]: 4 }));
      assert.deepEqual([table.size, find(table.publish(), { [PORT]: 80, [VNI]: 4 })], [2, 1]);
    },
  },
  {
    title: 'a mask whose only rule is replaced by one of the same mask keeps its place',
    run(create) {
      const table = tableOf(create, rule(1, { [VNI]: 3 }), rule(2, { [PORT]: 80 }));
      table.replace(rule(1, { [VNI]: 4 }));
      assert.equal(find(table.publish(), { [PORT]: 80, [VNI]: 4 }), 1);
    },
  },
  {
    title: 'replace by another mask gives the place up',
    run(create) {
      const table = tableOf(create, rule(1, { [VNI]: 4 }), rule(2, { [PORT]: 80 }));
      table.replace(rule(1, { [VNI]: 4, [PORT]: 80 }));
      assert.equal(find(table.publish(), { [PORT]: 80, [VNI]: 4 }), 2);
      assert.equal(find(table.publish(), { [VNI]: 4 }), -1);
    },
  },
  {
    title: 'replace refuses a key that another rule has, an unknown id and another place',
    run(create) {
      const table = tableOf(create, rule(1, { [PORT]: 80 }), rule(2, { [PORT]: 81 }));
      const frame = { [PORT]: 81 };
      refuses(table, () => table.replace(rule(1, { [PORT]: 81 })), DuplicateRule, frame);
      refuses(table, () => table.replace(rule(3, { [PORT]: 82 })), /no rule 3/, frame);
      refuses(table, () => table.replace(rule(2, { [PORT]: 82 }, { pref: 2 })), /another chain or pref/, frame);
      refuses(table, () => table.replace(rule(2, { [PORT]: 82 }, { chain: 1 })), /another chain or pref/, frame);
    },
  },
  {
    title: 'chains do not see each other, up to the last number',
    run(create) {
      const chains = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
      const snapshot = tableOf(create, ...chains.map((chain, id) => rule(id, { [PORT]: 80 }, { chain }))).publish();
      for (const [id, chain] of chains.entries()) assert.equal(find(snapshot, { [PORT]: 80 }, { chain }), id);
      assert.equal(find(snapshot, { [PORT]: 80 }, { chain: 2 }), -1);
    },
  },
  {
    title: 'hundreds of chains come and go',
    run(create) {
      const table = create();
      const words = { [PORT]: 80 };
      for (let chain = 0; chain < 300; chain++) table.insert(rule(chain, words, { chain }));
      const full = table.publish();
      for (let chain = 0; chain < 300; chain += 2) table.remove(chain);
      const half = table.publish();
      for (let chain = 0; chain < 300; chain++) {
        assert.equal(find(full, words, { chain }), chain);
        assert.equal(find(half, words, { chain }), chain % 2 === 0 ? -1 : chain);
      }
    },
  },
  {
    title: 'continue goes on at the next pref, not at the next mask',
    run(create) {
      const snapshot = tableOf(
        create,
        rule(1, { [VNI]: 4 }, { pref: 3 }),
        rule(2, { [PORT]: 80 }, { pref: 3 }),
        rule(3, { [PORT]: 80, [VNI]: 4 }, { pref: 4 }),
        rule(4, { [PORT]: 80 }, { pref: 9 }),
      ).publish();
      assert.deepEqual(walk(snapshot, { [PORT]: 80, [VNI]: 4 }), [1, 3, 4]);
      assert.deepEqual(walk(snapshot, { [PORT]: 80 }), [2, 4]);
      assert.deepEqual(walk(snapshot, { [VNI]: 9 }), []);
    },
  },
  {
    title: 'continue finds its way through many prefs of one key',
    run(create) {
      const prefs = Array.from({ length: 40 }, (_, i) => 1 + ((i * 27) % 40) * 3);
      const snapshot = tableOf(create, ...prefs.map((pref) => rule(pref, { [PORT]: 80 }, { pref }))).publish();
      assert.deepEqual(
        walk(snapshot, { [PORT]: 80 }),
        prefs.toSorted((a, b) => a - b),
      );
    },
  },
  {
    title: 'look-ups count what they looked at',
    run(create) {
      const lookup = createLookup(tableOf(create, rule(1, { [PORT]: 80 })).publish());
      lookup.find(keyOf({ [PORT]: 80 }), 0, 0, IPV4, 0);
      assert.equal(lookup.probes, 1);
      lookup.find(keyOf({ [PORT]: 80 }), 0, 0, IPV6, 0);
      assert.equal(lookup.probes, 0);
    },
  },
  {
    title: 'a snapshot does not see later edits, however many',
    run(create) {
      const table = tableOf(create, rule(0, { [PORT]: 0 }), rule(1, { [VNI]: 4 }));
      const before = table.publish();
      const open = createLookup(before);
      for (let port = 1; port < 500; port++) {
        table.insert(rule(port + 1, { [PORT]: port }));
        table.remove(port);
        if (port % 50 === 0) table.publish();
      }
      assert.equal(find(before, { [PORT]: 0 }), 0);
      assert.equal(find(before, { [VNI]: 4, [PORT]: 7 }), 1);
      assert.equal(find(before, { [PORT]: 499 }), -1);
      assert.equal(open.find(keyOf({ [VNI]: 4, [PORT]: 499 }), 0, 0, IPV4, 0), 1);
      assert.equal(find(table.publish(), { [VNI]: 4, [PORT]: 7 }), -1);
      assert.equal(find(table.publish(), { [PORT]: 499 }), 500);
    },
  },
  {
    title: 'the rule arrays remain the property of the caller',
    run(create) {
      const words = keyOf({ [PORT]: 80 });
      const mask = keyOf({ [PORT]: -1 });
      const table = tableOf(create, { ...rule(1, {}), key: words, mask });
      words.fill(7);
      mask.fill(7);
      assert.equal(find(table.publish(), { [PORT]: 80 }), 1);
    },
  },
  {
    title: 'a snapshot passes through a message port',
    run(create) {
      const table = tableOf(create, rule(1, { [PORT]: 80 }), rule(2, { [VNI]: 5 }, { chain: 3 }));
      const { port1, port2 } = new MessageChannel();
      port1.postMessage(table.publish());
      const received = receiveMessageOnPort(port2)?.message as ClassifierSnapshot;
      port1.close();
      table.remove(1);
      table.publish();
      assert.equal(find(received, { [PORT]: 80 }), 1);
      assert.equal(find(received, { [VNI]: 5 }, { chain: 3 }), 2);
      assert.equal(find(received, { [VNI]: 5 }), -1);
    },
  },
];
