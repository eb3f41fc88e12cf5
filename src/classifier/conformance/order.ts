/** Which of several rules is met first, and which after `continue`. */
import assert from 'node:assert/strict';
import { type ConformanceCase, find, PORT, rule, tableOf, VNI, walk } from './support.js';

export const orderCases: readonly ConformanceCase[] = [
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
];
