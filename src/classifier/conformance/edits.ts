/** What inserting, replacing and removing do, and what they refuse. */
import assert from 'node:assert/strict';
import { DuplicateRule } from '../classifier.js';
import { type ConformanceCase, find, IPV6, keyOf, open, PORT, refuses, rule, tableOf, VNI, walk } from './support.js';

export const editCases: readonly ConformanceCase[] = [
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
      assert.equal(open(table.publish()).empty, true);
      assert.equal(find(table.publish(), { [PORT]: 80 }), -1);
    },
  },
  {
    title: 'replace moves a rule to its new key',
    run(create) {
      const table = tableOf(create, rule(1, { [PORT]: 80 }), rule(2, { [PORT]: 81 }));
      table.replace(1, rule(1, { [PORT]: 82 }));
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
      table.replace(1, rule(1, { [VNI]: 4 }));
      assert.deepEqual([table.size, find(table.publish(), { [PORT]: 80, [VNI]: 4 })], [2, 1]);
    },
  },
  {
    title: 'a mask whose only rule is replaced by one of the same mask keeps its place',
    run(create) {
      const table = tableOf(create, rule(1, { [VNI]: 3 }), rule(2, { [PORT]: 80 }));
      table.replace(1, rule(1, { [VNI]: 4 }));
      assert.equal(find(table.publish(), { [PORT]: 80, [VNI]: 4 }), 1);
    },
  },
  {
    title: 'replace may give the rule another id, with the same key or a new one',
    run(create) {
      const table = tableOf(create, rule(1, { [VNI]: 4 }), rule(2, { [PORT]: 80 }), rule(3, { [VNI]: 4 }, { pref: 2 }));
      const before = table.publish();
      table.replace(1, rule(7, { [VNI]: 4 }));
      assert.equal(table.size, 3);
      assert.deepEqual(walk(table.publish(), { [PORT]: 80, [VNI]: 4 }), [7, 3]);
      assert.equal(table.remove(1), false);
      table.replace(7, rule(8, { [VNI]: 5 }));
      assert.equal(table.size, 3);
      assert.deepEqual(walk(table.publish(), { [PORT]: 80, [VNI]: 5 }), [8]);
      assert.deepEqual(walk(table.publish(), { [VNI]: 4 }), [3]);
      assert.deepEqual(walk(before, { [PORT]: 80, [VNI]: 4 }), [1, 3]);
      table.insert(rule(7, { [VNI]: 4 }));
      table.insert(rule(1, { [VNI]: 6 }));
      assert.equal(table.remove(8), true);
      assert.equal(table.size, 4);
    },
  },
  {
    title: 'replace refuses an id that a third rule has, and leaves all three as they were',
    run(create) {
      const table = tableOf(create, rule(1, { [PORT]: 80 }), rule(2, { [PORT]: 81 }));
      refuses(table, () => table.replace(1, rule(2, { [PORT]: 82 })), /rule 2 is there already/, { [PORT]: 80 });
      refuses(table, () => table.replace(1, rule(2, { [PORT]: 80 })), /rule 2 is there already/, { [PORT]: 81 });
      refuses(table, () => table.replace(1, rule(3, { [PORT]: 81 })), DuplicateRule, { [PORT]: 80 });
      assert.equal(table.remove(3), false);
    },
  },
  {
    title: 'replace by another mask gives the place up',
    run(create) {
      const table = tableOf(create, rule(1, { [VNI]: 4 }), rule(2, { [PORT]: 80 }));
      table.replace(1, rule(1, { [VNI]: 4, [PORT]: 80 }));
      assert.equal(find(table.publish(), { [PORT]: 80, [VNI]: 4 }), 2);
      assert.equal(find(table.publish(), { [VNI]: 4 }), -1);
    },
  },
  {
    title: 'replace refuses a key that another rule has, an unknown id and another place',
    run(create) {
      const table = tableOf(create, rule(1, { [PORT]: 80 }), rule(2, { [PORT]: 81 }));
      const frame = { [PORT]: 81 };
      refuses(table, () => table.replace(1, rule(1, { [PORT]: 81 })), DuplicateRule, frame);
      refuses(table, () => table.replace(3, rule(3, { [PORT]: 82 })), /no rule 3/, frame);
      refuses(table, () => table.replace(2, rule(2, { [PORT]: 82 }, { pref: 2 })), /another chain or pref/, frame);
      refuses(table, () => table.replace(2, rule(2, { [PORT]: 82 }, { chain: 1 })), /another chain or pref/, frame);
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
];
