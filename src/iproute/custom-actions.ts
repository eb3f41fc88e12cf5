/**
 * Names of actions that programs which embed vtep have added to the grammar: `action NAME [CONTROL] [index N]`. They
 * are the process's, as its programs are; in the daemon there are none.
 */
import { actionKinds, foreignActionKinds } from './action-kinds.js';
import type { ActionSpec } from './commands.js';
import { parseUnsigned } from './numbers.js';
import { isControlWord, parseControl } from './parse-control.js';
import { refusal, type WordReader } from './word-reader.js';

/** By name: its number, which it keeps, and how many give it now. */
const names = new Map<string, { readonly number: number; count: number }>();

/** Words that go on behind an action, or begin another. */
const TAKEN = ['action', 'index', 'cookie', 'flowid', 'classid', 'help', 'random', 'hw_stats', 'no_percpu'];

/**
 * Adds a name, and returns the number that stands for it; each call wants a `removeCustomAction`. Throws a RangeError
 * where it means something already.
 */
export function addCustomAction(name: string): number {
  if (!/^[a-z][a-z0-9_-]{1,30}$/.test(name)) {
    throw new RangeError(`"${name}" cannot be the name of an action: 2 to 31 of a-z, 0-9, _ and -, a letter first`);
  }
  const isTaken = [...actionKinds, ...foreignActionKinds, ...TAKEN].includes(name) || isControlWord(name);
  if (isTaken || ['change', 'replace', 'delete', 'get', 'add'].some((word) => word.startsWith(name))) {
    throw new RangeError(`"${name}" cannot be the name of an action: it is a word of tc's`);
  }
  const known = names.get(name) ?? { number: names.size, count: 0 };
  known.count++;
  names.set(name, known);
  return known.number;
}

export function removeCustomAction(name: string): void {
  const known = names.get(name);
  if (known !== undefined) {
    known.count--;
  }
}

export function isCustomAction(word: string): boolean {
  return (names.get(word)?.count ?? 0) > 0;
}

/** Reads from the name to the index. */
export function parseCustomAction(reader: WordReader): ActionSpec {
  const name = reader.word;
  const number = names.get(name)?.number ?? 0;
  reader.skip();
  const control = parseControl(reader) ?? { type: 'pipe' };
  if (!reader.is('index')) {
    return { kind: 'custom', name, number, control };
  }
  const index = reader.argument(
    (word) => parseUnsigned(word, 10, 0xffffffff),
    (word) => refusal(`${name}: Illegal "index" (${word})`),
  );
  reader.skip();
  return { kind: 'custom', name, number, control, ...(index > 0 && { index }) };
}
