/** Control side of one chain: its tuples, and what its prefs are. */
import { TupleItem, Version } from './layout.js';
import type { Tuple } from './tuple.js';

export interface Pref {
  readonly protocol: number;
  rules: number;
}

export class Chain {
  readonly number: number;
  readonly prefs = new Map<number, Pref>();
  private readonly tuples = new Map<string, Tuple>();
  /** The tuple of the last rule: rules come in runs of one mask. */
  private last: Tuple | undefined;

  constructor(number: number) {
    this.number = number;
  }

  get tupleCount(): number {
    return this.tuples.size;
  }

  tuple(protocol: number, mask: Int32Array): Tuple | undefined {
    if (this.last?.has(protocol, mask)) return this.last;
    const tuple = this.tuples.get(nameOf(protocol, mask));
    if (tuple !== undefined) this.last = tuple;
    return tuple;
  }

  add(tuple: Tuple): void {
    this.tuples.set(nameOf(tuple.protocol, tuple.mask), tuple);
    this.last = tuple;
  }

  delete(tuple: Tuple): void {
    this.tuples.delete(nameOf(tuple.protocol, tuple.mask));
    this.last = undefined;
  }

  /** Writes the list of tuples, in order of their first rules, behind the head of a version. */
  writeTuples(words: Int32Array, list: number): void {
    const sorted = [...this.tuples.values()].sort((a, b) => a.minPref - b.minPref || a.minSequence - b.minSequence);
    words[list + Version.COUNT] = sorted.length;
    let item = list + Version.WORDS;
    for (const tuple of sorted) {
      words[item + TupleItem.PROTOCOL] = tuple.protocol;
      words[item + TupleItem.MIN_PREF] = tuple.minPref;
      words[item + TupleItem.MIN_SEQUENCE] = tuple.minSequence;
      words[item + TupleItem.MASK] = tuple.maskAt;
      words[item + TupleItem.SLOTS] = tuple.slots;
      words[item + TupleItem.SLOT_COUNT] = tuple.slotCount;
      item += TupleItem.WORDS;
    }
  }
}

function nameOf(protocol: number, mask: Int32Array): string {
  let name = `${protocol}`;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) name += ` ${i}:${mask[i]}`;
  return name;
}
