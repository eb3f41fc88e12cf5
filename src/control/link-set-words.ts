import { findGenericWord } from '../iproute/link-words.js';
import { abbreviates } from '../iproute/word-reader.js';

/** A line of `ip link set` in two parts. */
export interface LinkSetParts {
  /** The line without `up` and `down`; undefined where nothing but the name is left. */
  readonly rest?: readonly string[];
  /** Whether what `rest` sets can be put back. */
  readonly canUndo: boolean;
}

/** What belongs to the link alone, and can be read and put back. */
const undoable = ['mtu', 'address', 'txqueuelen', 'qlen', 'txqlen', 'alias'];

/** Takes `ip link set …` (the words without `ip`) apart; undefined for a line that begins otherwise. */
export function splitLinkSet(argv: readonly string[]): LinkSetParts | undefined {
  const [object = '', verb = '', ...words] = argv;
  if (!abbreviates(object, 'link') || !(abbreviates(verb, 'set') || verb === 'change')) return undefined;
  const kept: string[] = [];
  let settings = 0;
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
    settings++;
    canUndo &&= undoable.includes(found.name);
    if (found.name === 'alias') {
      kept.push(...words.slice(at + 1));
      break;
    }
    if (found.takesArgument) kept.push(words[++at] ?? '');
  }
  return { ...(settings > 0 && { rest: [object, verb, ...kept] }), canUndo };
}
