/** Control side of one chain: its tuples, and what its prefs are. */
import { finish, mix } from './hash.js';
import { TupleItem, Version } from './layout.js';
import type { Tuple } from './tuple.js';

export interface Pref {
  readonly protocol: number;
  rules: number;
}

export class Chain {
  readonly number: number;
  readonly prefs = new Map<number, Pref>();
  /** By a hash of protocol and mask. */
  private readonly tuples = new Map<number, Tuple[]>();
  tupleCount = 0;

  constructor(number: number) {
    this.number = number;
  }

  tuple(protocol: number, mask: Int32Array): Tuple | undefined {
    return this.tuples.get(hashOf(protocol, mask))?.find((tuple) => tuple.has(protocol, mask));
  }

  add(tuple: Tuple): void {
    const hash = hashOf(tuple.protocol, tuple.mask);
    const bucket = this.tuples.get(hash);
    if (bucket === undefined) this.tuples.set(hash, [tuple]);
    else bucket.push(tuple);
    this.tupleCount++;
  }

  delete(tuple: Tuple): void {
    const hash = hashOf(tuple.protocol, tuple.mask);
    const rest = this.tuples.get(hash)?.filter((other) => other !== tuple) ?? [];
    if (rest.length > 0) this.tuples.set(hash, rest);
    else this.tuples.delete(hash);
    this.tupleCount--;
  }

  /** Writes the list of tuples, in order of their first rules, behind the head of a version. */
  writeTuples(words: Int32Array, list: number): void {
    const sorted = [...this.tuples.values()].flat();
    for (const tuple of sorted) tuple.settle();
    sorted.sort((a, b) => a.minPref - b.minPref || a.minSequence - b.minSequence);
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

function hashOf(protocol: number, mask: Int32Array): number {
  let hash = protocol;
  for (let i = 0; i < mask.length; i++) hash = mix(hash, mask[i]);
  return finish(hash);
}
