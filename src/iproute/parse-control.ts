/** Control words: where a packet goes on after an action (parse_action_control of iproute2). */
import type { Control } from './commands.js';
import { parseUnsigned } from './numbers.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

/** Chains and jump counts have 28 bits in an action's verdict (TC_ACT_EXT_VAL_MASK). */
const MAX_EXTENDED_VALUE = 0x0fffffff;

/** In iproute2's order of precedence; `shot` and `ok` are other names. */
export const controlWords = [
  'continue',
  'drop',
  'shot',
  'pass',
  'ok',
  'reclassify',
  'pipe',
  'goto',
  'jump',
  'trap',
] as const;

/** Whether a word begins a control (and so an action of the kind gact). */
export function isControlWord(word: string): boolean {
  return findKeyword(word, controlWords) !== undefined;
}

/** Reads a control, or gives undefined and stays where it is when there is none. Exits with 255, as gact's usage does. */
export function parseControl(reader: WordReader): Control | undefined {
  const name = findKeyword(reader.word, controlWords);
  if (name === undefined) {
    return undefined;
  }
  let control: Control;
  if (name === 'goto') {
    reader.advance();
    if (!reader.abbreviates('chain')) {
      throw refusal('"chain index" expected', 255);
    }
    const chain = reader.argument(parseExtended, () => refusal('Illegal "chain index"', 255));
    control = { type: 'goto', chain };
  } else if (name === 'jump') {
    const count = reader.argument(parseExtended, (word) => refusal(`Invalid "jump count" (${word})`, 255));
    control = { type: 'jump', count };
  } else {
    control = { type: name === 'shot' ? 'drop' : name === 'ok' ? 'pass' : name };
  }
  reader.skip();
  return control;
}

function parseExtended(word: string): number | undefined {
  return parseUnsigned(word, 10, MAX_EXTENDED_VALUE);
}

/** `index N`, when it is there; `owner` begins the refusal, as each action of iproute2 has it. */
export function parseIndex(reader: WordReader, owner: string): number | undefined {
  if (!reader.abbreviates('index')) {
    return undefined;
  }
  const index = reader.argument(
    (word) => parseUnsigned(word, 10, 0xffffffff),
    () => refusal(`${owner}Illegal "index"`),
  );
  reader.skip();
  // The kernel chooses for 0, as for none.
  return index === 0 ? undefined : index;
}
