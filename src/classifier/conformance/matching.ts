/** What a rule matches: key, mask, protocol, chain. */
import assert from 'node:assert/strict';
import { KEY_WORDS, KeyWord, PROTOCOL_ALL } from '../flow-key.js';
import { type ConformanceCase, find, IPV4, IPV6, keyOf, open, PORT, rule, tableOf, VNI } from './support.js';

export const matchingCases: readonly ConformanceCase[] = [
  {
    title: 'an empty table finds nothing and says that it is empty',
    run(create) {
      const snapshot = create().publish();
      assert.equal(open(snapshot).empty, true);
      assert.equal(find(snapshot, { [PORT]: 4789 }), -1);
      assert.equal(find(snapshot, {}, { chain: 7 }), -1);
    },
  },
  {
    title: 'a rule is found by its key and by no other',
    run(create) {
      const snapshot = tableOf(create, rule(3, { [PORT]: 4789, [VNI]: 4 })).publish();
      assert.equal(open(snapshot).empty, false);
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
        // A frame has no range of ports.
        if (index === KeyWord.DST_PORT_RANGE || index === KeyWord.SRC_PORT_RANGE) continue;
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
    title: 'look-ups count what they looked at',
    run(create) {
      const lookup = open(tableOf(create, rule(1, { [PORT]: 80 })).publish());
      lookup.find(keyOf({ [PORT]: 80 }), 0, 0, IPV4, 0);
      assert.equal(lookup.probes, 1);
      lookup.find(keyOf({ [PORT]: 80 }), 0, 0, IPV6, 0);
      assert.equal(lookup.probes, 0);
    },
  },
];
