import { findGenericWord } from '../iproute/link-words.js';
import { abbreviates } from '../iproute/word-reader.js';

/** A line of `ip link set` in two parts. */
export interface LinkSetParts {
  /** The line without `up` and `down`; undefined where nothing but the name is left. */
  readonly rest?: readonly string[];
  /** Whether what `rest` sets can be put back. */
  readonly canUndo: boolean;
  /** What it sets, where it can: `mtu`, `address`, `txqueuelen`, `alias`. */
  readonly settings: ReadonlyMap<string, string>;
}

/** What belongs to the link alone, and can be read and put back. */
const undoable: ReadonlyMap<string, string> = new Map([
  ['mtu', 'mtu'],
  ['address', 'address'],
  ['txqueuelen', 'txqueuelen'],
  ['qlen', 'txqueuelen'],
  ['txqlen', 'txqueuelen'],
  ['alias', 'alias'],
]);

/** Takes `ip link set …` (the words without `ip`) apart; undefined for a line that begins otherwise. */
export function splitLinkSet(argv: readonly string[]): LinkSetParts | undefined {
  const [object = '', verb = '', ...words] = argv;
  if (!abbreviates(object, 'link') || !(abbreviates(verb, 'set') || verb === 'change')) return undefined;
  const kept: string[] = [];
  const settings = new Map<string, string>();
  let isAny = false;
  let canUndo = true;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const found = findGenericWord(word);
    if (found?.name === 'up' || found?.name === 'down') continue;
    kept.push(word);
    if (!found) {
      if (word === 'dev') kept.push(words[++at] ?? '');
      continue;
    }
    isAny = true;
    const name = undoable.get(found.name);
    canUndo &&= name !== undefined;
    // An alias may be any words, to the end of the line.
    const values =
      found.name === 'alias' ? words.slice(at + 1) : found.takesArgument ? words.slice(at + 1, at + 2) : [];
    kept.push(...values);
    at += values.length;
    if (name !== undefined) settings.set(name, values.join(' '));
  }
  return { ...(isAny && { rest: [object, verb, ...kept] }), canUndo, settings };
}
