/** What every classifier table asks of a rule. */
import type { Rule } from './classifier.js';
import { KEY_WORDS } from './flow-key.js';

const CHAIN_LAST = 0xffffffff;
const PREF_LAST = 0xffff;
const PROTOCOL_LAST = 0xffff;
const ID_LAST = 0x7fffffff;

/** The position behind every pref. */
export const POSITION_END = PREF_LAST + 1;

/** Throws a RangeError where a number is out of its range or a key is not KEY_WORDS words long. */
export function checkRule(rule: Rule): void {
  inRange('id', rule.id, 0, ID_LAST);
  inRange('chain', rule.chain, 0, CHAIN_LAST);
  inRange('pref', rule.pref, 1, PREF_LAST);
  inRange('protocol', rule.protocol, 0, PROTOCOL_LAST);
  if (rule.key.length !== KEY_WORDS || rule.mask.length !== KEY_WORDS)
    throw new RangeError(`rule ${rule.id}: key and mask have ${KEY_WORDS} words`);
}

function inRange(what: string, value: number, first: number, last: number): void {
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
