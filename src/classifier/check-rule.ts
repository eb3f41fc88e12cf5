/** What every classifier table asks of a rule. */
import type { Rule } from './classifier.js';
import { KEY_WORDS, KeyWord } from './flow-key.js';

const CHAIN_LAST = 0xffffffff;
const PREF_LAST = 0xffff;
const PROTOCOL_LAST = 0xffff;
const ID_LAST = 0x7fffffff;

/** The position behind every pref. */
export const POSITION_END = PREF_LAST + 1;

/** Throws a RangeError where a number is out of its range or a key is not KEY_WORDS words long. */
export function checkRule(rule: Rule): void {
  within('id', rule.id, 0, ID_LAST);
  within('chain', rule.chain, 0, CHAIN_LAST);
  within('pref', rule.pref, 1, PREF_LAST);
  within('protocol', rule.protocol, 0, PROTOCOL_LAST);
  if (rule.key.length !== KEY_WORDS || rule.mask.length !== KEY_WORDS)
    throw new RangeError(`rule ${rule.id}: key and mask have ${KEY_WORDS} words`);
  checkRange(rule, KeyWord.DST_PORT_RANGE);
  checkRange(rule, KeyWord.SRC_PORT_RANGE);
}

/** A range of ports is matched as a whole or not at all, and holds a port; port 0 is no frame's. */
function checkRange({ id, key, mask }: Rule, word: number): void {
  if (mask[word] === 0) return;
  const first = key[word] >>> 16;
  if (mask[word] !== -1 || first === 0 || (key[word] & 0xffff) < first)
    throw new RangeError(`rule ${id}: no range of ports in word ${word}`);
}

/** Whether a range, as it stands in a rule's key, holds a port. */
export function inRange(range: number, port: number): boolean {
  return port >= range >>> 16 && port <= (range & 0xffff);
}

function within(what: string, value: number, first: number, last: number): void {
  if (!Number.isInteger(value) || value < first || value > last)
    throw new RangeError(`rule: ${what} ${value} is not within ${first} … ${last}`);
}

/** The refusals that are the same whatever the structure. */
export function idTaken(id: number): RangeError {
  return new RangeError(`rule ${id} is there already`);
}

export function idUnknown(id: number): RangeError {
  return new RangeError(`there is no rule ${id}`);
}

export function protocolMismatch(rule: Rule, protocol: number): RangeError {
  return new RangeError(`chain ${rule.chain} pref ${rule.pref} is of protocol ${protocol}, not ${rule.protocol}`);
}

export function placeMismatch(id: number): RangeError {
  return new RangeError(`rule ${id} stands in another chain or pref`);
}
