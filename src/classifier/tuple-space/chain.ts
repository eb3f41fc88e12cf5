/** Control side of one chain: its tuples, what they consult, and what its prefs are. */
import { ChainConsulted } from './chain-consulted.js';
import { finish, mix } from './hash.js';
import { ChainList, CONSULTED_MOST, chainVersionWords, PARTS_MOST, Version } from './layout.js';
import { MaskGroup } from './mask-group.js';
import { Parts } from './parts.js';
import { FEW_TUPLES } from './presence.js';
import type { SharedWords } from './shared-words.js';
import type { Tuple } from './tuple.js';
import { TupleRuns } from './tuple-runs.js';

export interface Pref {
  readonly protocol: number;
  rules: number;
}

export class Chain {
  readonly number: number;
  readonly prefs = new Map<number, Pref>();
  /** By a hash of protocol and mask. */
  private readonly groups = new Map<number, MaskGroup[]>();
  tupleCount = 0;
  private readonly consulted = new ChainConsulted();
  private readonly parts = new Parts();
  private readonly runs = new TupleRuns();

  constructor(number: number) {
    this.number = number;
  }

  /** The group of a mask: the one that is there, or a new one, which is part of the chain with its first tuple. */
  group(protocol: number, mask: Int32Array): MaskGroup {
    const bucket = this.groups.get(hashOf(protocol, mask));
    return bucket?.find((group) => group.has(protocol, mask)) ?? new MaskGroup(protocol, mask);
  }

  add(tuple: Tuple): void {
    const { group } = tuple;
    if (group.isEmpty) {
      const hash = hashOf(group.protocol, group.mask);
      const bucket = this.groups.get(hash);
      if (bucket === undefined) this.groups.set(hash, [group]);
      else bucket.push(group);
      this.consulted.addMask(group.protocol, group.mask);
    }
    group.add(tuple);
    tuple.takeParts(this.parts);
    this.tupleCount++;
    this.consulted.addTuple(group.protocol);
    this.runs.displace(tuple);
  }

  delete(tuple: Tuple): void {
    const { group } = tuple;
    group.delete(tuple);
    tuple.releaseParts(this.parts);
    this.tupleCount--;
    this.consulted.deleteTuple(group.protocol);
    this.runs.delete(tuple);
    if (!group.isEmpty) return;
    this.consulted.deleteMask(group.protocol, group.mask);
    const hash = hashOf(group.protocol, group.mask);
    const rest = this.groups.get(hash)?.filter((other) => other !== group) ?? [];
    if (rest.length > 0) this.groups.set(hash, rest);
    else this.groups.delete(hash);
  }

  /** The first rule of a tuple is another. */
  displace(tuple: Tuple): void {
    this.runs.displace(tuple);
  }

  /** A tuple has other slots. */
  touch(tuple: Tuple): void {
    this.runs.touch(tuple);
  }

  /** Forgets the words it knew. */
  reset(): void {
    this.consulted.reset();
    this.parts.reset();
    this.runs.reset();
  }

  /** Puts the tuples into order; before `write` and what it takes. */
  settle(): void {
    this.runs.settle();
  }

  /** Most words that `write` takes. */
  get wordsToWrite(): number {
    return CONSULTED_MOST + PARTS_MOST + chainVersionWords(this.runs.count) + this.runs.wordsToWrite;
  }

  /** Writes what is not as it stands there, and a version of the list of runs, whose offset it returns. */
  write(shared: SharedWords): number {
    const { words } = shared;
    const list = shared.alloc(chainVersionWords(this.runs.count));
    words[list + Version.COUNT] = this.runs.count;
    words[list + ChainList.CONSULTED] = this.consulted.write(shared);
    words[list + ChainList.PARTS] = this.tupleCount > FEW_TUPLES ? this.parts.write(shared) : 0;
    this.runs.write(shared, list + ChainList.RUNS);
    return list;
  }
}

function hashOf(protocol: number, mask: Int32Array): number {
  let hash = protocol;
  for (let i = 0; i < mask.length; i++) hash = mix(hash, mask[i]);
  return finish(hash);
}
