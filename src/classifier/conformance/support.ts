/** What the cases of the conformance suite are written with. */
import assert from 'node:assert/strict';
import type { ClassifierSnapshot, ClassifierTable, DuplicateRule, Lookup, Rule } from '../classifier.js';
import { KEY_WORDS, KeyWord } from '../flow-key.js';
import { createLookup } from '../open-lookup.js';

/** How the snapshots of a table under test are opened, where not as they are. */
const openers = new WeakMap<ClassifierSnapshot, (lookup: Lookup) => Lookup>();

/** A table whose look-ups are what `wrap` makes of them. */
export function wrapLookups(table: ClassifierTable, wrap: (lookup: Lookup) => Lookup): ClassifierTable {
  return {
    get size() {
      return table.size;
    },
    insert: (rule) => table.insert(rule),
    remove: (id) => table.remove(id),
    replace: (id, rule) => table.replace(id, rule),
    publish: () => {
      const snapshot = table.publish();
      openers.set(snapshot, wrap);
      return snapshot;
    },
  };
}

export function open(snapshot: ClassifierSnapshot): Lookup {
  const lookup = createLookup(snapshot);
  return openers.get(snapshot)?.(lookup) ?? lookup;
}

export interface ConformanceCase {
  readonly title: string;
  run(create: () => ClassifierTable): void;
}

export const IPV4 = 0x0800;
export const IPV6 = 0x86dd;

/** Words by their index in the flow key. */
export type Words = Readonly<Record<number, number>>;

/** Rules of one word each are enough to tell masks and keys apart. */
export const PORT = KeyWord.DST_PORT;
export const VNI = KeyWord.ENC_KEY_ID;

export function keyOf(words: Words): Int32Array {
  const key = new Int32Array(KEY_WORDS);
  for (const [index, value] of Object.entries(words)) key[Number(index)] = value;
  return key;
}

/** A rule for `words` in full, unless a mask says less. */
export function rule(
  id: number,
  words: Words,
  given: Partial<Omit<Rule, 'id' | 'key' | 'mask'>> & { mask?: Words } = {},
): Rule {
  const full = Object.fromEntries(Object.keys(words).map((index) => [index, -1]));
  const { chain = 0, pref = 1, protocol = IPV4, mask = full } = given;
  return { id, chain, pref, protocol, key: keyOf(words), mask: keyOf(mask) };
}

export function tableOf(create: () => ClassifierTable, ...rules: readonly Rule[]): ClassifierTable {
  const table = create();
  for (const each of rules) table.insert(each);
  return table;
}

/** What a frame with these words finds, with the key at an odd place among others. */
export function find(
  snapshot: ClassifierSnapshot,
  words: Words,
  { chain = 0, protocol = IPV4, position = 0 }: { chain?: number; protocol?: number; position?: number } = {},
): number {
  const keys = new Int32Array(KEY_WORDS * 3).fill(0xa5a5a5a5 | 0);
  keys.set(keyOf(words), KEY_WORDS + 5);
  return open(snapshot).find(keys, KEY_WORDS + 5, chain, protocol, position);
}

/** The ids that a frame meets when every rule says `continue`. */
export function walk(snapshot: ClassifierSnapshot, words: Words): number[] {
  const lookup = open(snapshot);
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
export function refuses(
  table: ClassifierTable,
  edit: () => void,
  error: RegExp | typeof DuplicateRule,
  words: Words,
): void {
  const { size } = table;
  const before = walk(table.publish(), words);
  assert.throws(edit, error);
  assert.equal(table.size, size);
  assert.deepEqual(walk(table.publish(), words), before);
}
