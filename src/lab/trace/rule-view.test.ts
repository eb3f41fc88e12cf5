import test from 'ava';
import { type ClassifierTable, DuplicateRule, type Rule } from '../../classifier/classifier.js';
import { randomFrom } from '../../classifier/conformance/random-edits.js';
import { KEY_WORDS, KeyWord } from '../../classifier/flow-key.js';
import { LinearTable } from '../../classifier/linear/linear-table.js';
import { RuleView, viewOf } from './rule-view.js';

const CHAINS = [0, 1];

/** Ids in the order in which they are tried, chain by chain. */
function orderOf(view: RuleView): number[] {
  return CHAINS.flatMap((chain) => [...view.prefs(chain, 0)].flatMap(({ masks }) => masks.flat().map(({ id }) => id)));
}

test('the view of a table has its rules in the order of the linear classifier, whatever edits there were', (t) => {
  const random = randomFrom(42);
  const view = new RuleView(new LinearTable());
  const linear = new LinearTable();
  const range = (): number => ((1 + random(3)) << 16) | (4 + random(3));
  const ruleOf = (id: number, old?: Rule): Rule => {
    const key = new Int32Array(KEY_WORDS);
    const mask = new Int32Array(KEY_WORDS);
    for (const word of [KeyWord.IP_PROTO, KeyWord.ENC_KEY_ID]) {
      mask[word] = random(2) === 0 ? -1 : 0;
      key[word] = random(3);
    }
    if (random(2) === 0) {
      mask[KeyWord.DST_PORT_RANGE] = -1;
      key[KeyWord.DST_PORT_RANGE] = range();
    }
    const place = { chain: old?.chain ?? random(2), pref: old?.pref ?? 1 + random(3) };
    return { id, ...place, protocol: 0x0800, key, mask };
  };
  const both = (edit: (table: ClassifierTable) => void): boolean => {
    const results = [view, linear].map((table) => {
      try {
        edit(table);
        return true;
      } catch (error) {
        if (error instanceof DuplicateRule) return false;
        throw error;
      }
    });
    t.is(results[0], results[1]);
    return results[0] === true;
  };
  const rules = new Map<number, Rule>();
  let next = 0;
  let largest = 0;
  for (let n = 0; n < 4000; n++) {
    const ids = [...rules.keys()];
    const id = ids[random(Math.max(1, ids.length))];
    const choice = id === undefined ? 0 : random(ids.length > 25 ? 7 : 4);
    if (choice < 2 || id === undefined) {
      const rule = ruleOf(next++);
      if (both((table) => table.insert(rule))) rules.set(rule.id, rule);
    } else if (choice === 2) {
      const rule = ruleOf(random(3) === 0 ? id : next++, rules.get(id));
      if (both((table) => table.replace(id, rule))) {
        rules.delete(id);
        rules.set(rule.id, rule);
      }
    } else {
      both((table) => void table.remove(id));
      rules.delete(id);
    }
    largest = Math.max(largest, rules.size);
    t.deepEqual(
      orderOf(view),
      linear.publish().rules.map((rule) => rule.id),
    );
  }
  t.true(largest > 20);
  t.is(viewOf(view.publish()), view);
});
