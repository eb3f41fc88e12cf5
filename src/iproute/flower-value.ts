/** What the kinds of values of flower's keys have in common. */
import type { FlowerKey } from './commands.js';
import type { FlowerKeyRow } from './flower-keys.js';
import { fromBytes } from './numbers.js';

/** What of the filter is known when a key is read. */
export interface FlowerContext {
  /** Of the filter, as in FilterSpec. */
  readonly protocol: number;
  /** What the keys read so far say of the frame behind its tags, as tc follows it; at first `protocol`. */
  readonly etherType: number;
  /** As typed; 0: not yet. */
  readonly vlanEtherType: number;
  readonly vlans: number;
  readonly ipProto: number | undefined;
  /** What the key was given before: flags add up. */
  readonly before: MaskedValue | undefined;
}

export interface MaskedValue {
  readonly value: Uint8Array;
  readonly mask: Uint8Array;
}

/** As it is printed and keyed in JSON; `wordOf` makes text of it. */
export type FormattedValue =
  | { readonly type: 'string'; readonly text: string }
  /** Printed bare, with its mask, when it has one, beside it. */
  | { readonly type: 'number'; readonly value: number; readonly mask?: number }
  | { readonly type: 'range'; readonly start: number; readonly end: number }
  | { readonly type: 'flags'; readonly flags: readonly (readonly [name: string, isSet: boolean])[] }
  | { readonly type: 'gbp'; readonly value: number; readonly mask: number };

export interface FlowerValue {
  /** Undefined: not a value of this kind, or not for such a filter (the caller says `Illegal "name"`). */
  readonly parse: (word: string, context: FlowerContext, row: FlowerKeyRow) => MaskedValue | undefined;
  readonly format: (key: FlowerKey) => FormattedValue;
}

/** One mask of each length for all keys without one of their own: a table of many filters is half as large. */
const fullMasks = Array.from({ length: 17 }, (_, length) => new Uint8Array(length).fill(0xff));

/** The value with a mask of ones, which is shared and must not be written to. */
export function exact(value: Uint8Array): MaskedValue {
  return { value, mask: fullMasks[value.length] ?? new Uint8Array(value.length).fill(0xff) };
}

/** Values of one and of two bytes, each made once: there are few EtherTypes, protocols and ports for a million filters. */
const shortValues = new Map<number, Uint8Array>();
const SLAB_BYTES = 65536;
let slab = new Uint8Array(0);

/**
 * The value for a table of many filters: the same bytes, shared with others or cut from a larger piece, as memory of
 * its own for each would cost several times as much. Must not be written to.
 */
export function kept(value: Uint8Array): Uint8Array {
  if (value.length === 1 || value.length === 2) {
    const number = value.length * 0x10000 + fromBytes(value);
    const known = shortValues.get(number);
    if (known !== undefined) {
      return known;
    }
    shortValues.set(number, value);
    return value;
  }
  if (slab.length < value.length) {
    slab = new Uint8Array(SLAB_BYTES);
  }
  const bytes = slab.subarray(0, value.length);
  bytes.set(value);
  slab = slab.subarray(value.length);
  return bytes;
}

export function splitMask(word: string): [value: string, mask: string | undefined] {
  const slash = word.indexOf('/');
  return slash < 0 ? [word, undefined] : [word.slice(0, slash), word.slice(slash + 1)];
}

/** The value as text, as tc prints it and reads it. */
export function wordOf(formatted: FormattedValue): string {
  switch (formatted.type) {
    case 'string':
      return formatted.text;
    case 'number':
      return formatted.mask === undefined
        ? `${formatted.value}`
        : `${formatted.value}/0x${formatted.mask.toString(16)}`;
    case 'range':
      return `${formatted.start}-${formatted.end}`;
    case 'flags':
      return formatted.flags.map(([name, isSet]) => (isSet ? name : `no${name}`)).join('/');
    case 'gbp':
      return `${formatted.value}/${formatted.mask}`;
  }
}
