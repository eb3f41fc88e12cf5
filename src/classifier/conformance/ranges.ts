/** Ranges of ports: what is in one, and which of several is tried first. */
import assert from 'node:assert/strict';
import type { Rule } from '../classifier.js';
import { KEY_WORDS, KeyWord } from '../flow-key.js';
import {
  type ConformanceCase,
  find,
  IPV4,
  keyOf,
  open,
  PORT,
  rule,
  tableOf,
  VNI,
  type Words,
  walk,
} from './support.js';

const SRC_PORT = KeyWord.SRC_PORT;

/** A rule with a range of destination ports, and `words` in full. */
function ranged(id: number, first: number, last: number, words: Words = {}, given: Partial<Rule> = {}): Rule {
  return rule(id, { [KeyWord.DST_PORT_RANGE]: (first << 16) | last, ...words }, given as { pref?: number });
}

export const rangeCases: readonly ConformanceCase[] = [
  {
    title: 'a range holds its first port, its last and those between, and no other',
    run(create) {
      const snapshot = tableOf(create, ranged(1, 1000, 2000), ranged(2, 60000, 65535)).publish();
      for (const port of [1000, 1001, 1999, 2000]) assert.equal(find(snapshot, { [PORT]: port }), 1, `port ${port}`);
      for (const port of [60000, 65535]) assert.equal(find(snapshot, { [PORT]: port }), 2, `port ${port}`);
      for (const port of [0, 999, 2001, 59999]) assert.equal(find(snapshot, { [PORT]: port }), -1, `port ${port}`);
    },
  },
  {
    title: 'both ports may have a range, beside other words',
    run(create) {
      const both = rule(1, {
        [KeyWord.DST_PORT_RANGE]: (10 << 16) | 20,
        [KeyWord.SRC_PORT_RANGE]: (30 << 16) | 40,
        [VNI]: 7,
      });
      const snapshot = tableOf(create, both).publish();
      assert.equal(find(snapshot, { [PORT]: 15, [SRC_PORT]: 35, [VNI]: 7 }), 1);
      assert.equal(find(snapshot, { [PORT]: 15, [SRC_PORT]: 35, [VNI]: 8 }), -1);
      assert.equal(find(snapshot, { [PORT]: 15, [SRC_PORT]: 15, [VNI]: 7 }), -1);
      assert.equal(find(snapshot, { [PORT]: 35, [SRC_PORT]: 35, [VNI]: 7 }), -1);
    },
  },
  {
    title: 'of ranges that overlap, the one that was used first in the pref is tried first',
    run(create) {
      const narrow = ranged(1, 1000, 2000);
      const wide = ranged(2, 1, 65535);
      assert.equal(find(tableOf(create, narrow, wide).publish(), { [PORT]: 1500 }), 1);
      assert.equal(find(tableOf(create, wide, narrow).publish(), { [PORT]: 1500 }), 2);
      const other = [ranged(3, 1, 65535, {}, { pref: 5 }), ranged(4, 1000, 2000, {}, { pref: 5 })];
      assert.deepEqual(walk(tableOf(create, narrow, wide, ...other).publish(), { [PORT]: 1500 }), [1, 3]);
    },
  },
  {
    title: 'a range keeps its place while one rule of it is left, and comes back at the end',
    run(create) {
      const table = tableOf(create, ranged(1, 10, 20, { [VNI]: 1 }), ranged(2, 15, 30, { [VNI]: 2 }));
      table.insert(ranged(3, 10, 20, { [VNI]: 2 }));
      assert.equal(find(table.publish(), { [PORT]: 17, [VNI]: 2 }), 3);
      table.remove(1);
      assert.equal(find(table.publish(), { [PORT]: 17, [VNI]: 2 }), 3);
      table.remove(3);
      table.insert(ranged(3, 10, 20, { [VNI]: 2 }));
      assert.equal(find(table.publish(), { [PORT]: 17, [VNI]: 2 }), 2);
    },
  },
  {
    title: 'ranges have the place of their mask, whichever of them made it',
    run(create) {
      const snapshot = tableOf(create, ranged(1, 10, 20), rule(2, { [PORT]: 50 }), ranged(3, 40, 60)).publish();
      assert.equal(find(snapshot, { [PORT]: 50 }), 3);
    },
  },
  {
    title: 'the same range with the same key is a duplicate, another range is not',
    run(create) {
      const table = tableOf(create, ranged(1, 10, 20), ranged(2, 10, 21), ranged(3, 11, 20));
      assert.throws(() => table.insert(ranged(4, 10, 20)), { name: 'DuplicateRule' });
      table.replace(1, ranged(1, 100, 200));
      assert.equal(find(table.publish(), { [PORT]: 150 }), 1);
      assert.equal(find(table.publish(), { [PORT]: 10 }), 2);
    },
  },
  {
    title: 'a range that is none, or that a mask cuts, is refused',
    run(create) {
      const table = create();
      assert.throws(() => table.insert(ranged(1, 20, 10)), /no range of ports/);
      assert.throws(() => table.insert(ranged(1, 0, 10)), /no range of ports/);
      const word = KeyWord.SRC_PORT_RANGE;
      const cut = rule(1, { [word]: (10 << 16) | 20 }, { mask: { [word]: 0xffff } });
      assert.throws(() => table.insert(cut), /no range of ports/);
      assert.equal(table.size, 0);
    },
  },
  {
    title: 'look-ups tell which bits of which words they depend on, by chain and protocol',
    run(create) {
      const snapshot = tableOf(
        create,
        rule(1, { [VNI]: 4 }, { mask: { [VNI]: 0xff00 } }),
        rule(2, { [VNI]: 4, [KeyWord.IP_TTL]: 3 }, { pref: 9, mask: { [VNI]: 0x0f, [KeyWord.IP_TTL]: 0xff } }),
        ranged(3, 10, 20, {}, { pref: 10 }),
        rule(4, { [KeyWord.ARP_OP]: 1 }, { pref: 11, protocol: 0x0806 }),
        rule(5, { [KeyWord.IP_TOS]: 1 }, { chain: 3 }),
      ).publish();
      const bitsOf = (chain: number, protocol: number): Int32Array => {
        const { indices, bits } = open(snapshot).consulted(chain, protocol);
        const all = new Int32Array(KEY_WORDS);
        for (const [n, index] of indices.entries()) all[index] = bits[n];
        return all;
      };
      assert.deepEqual(bitsOf(0, IPV4), keyOf({ [VNI]: 0xff0f, [KeyWord.IP_TTL]: 0xff, [PORT]: 0xffff }));
      assert.deepEqual(bitsOf(0, 0x0806), keyOf({ [KeyWord.ARP_OP]: -1 }));
      assert.deepEqual(bitsOf(3, IPV4), keyOf({ [KeyWord.IP_TOS]: -1 }));
      assert.deepEqual(bitsOf(4, IPV4), keyOf({}));
    },
  },
];
