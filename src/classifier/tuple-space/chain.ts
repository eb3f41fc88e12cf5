/** Control side of one chain: its tuples, what they consult, and what its prefs are. */
import { addConsulted, isOfClass, PROTOCOL_CLASSES } from '../consulted.js';
import { KEY_WORDS } from '../flow-key.js';
import { finish, mix } from './hash.js';
import { ChainList, TupleItem, Version } from './layout.js';
import { MaskGroup } from './mask-group.js';
import { Parts } from './parts.js';
import { FEW_TUPLES } from './presence.js';
import type { SharedWords } from './shared-words.js';
import type { Tuple } from './tuple.js';

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
  /** Where it stands in shared words what the tuples consult; 0: nowhere yet. */
  private consultedAt = 0;
  private consulted = new Int32Array(0);
  private isConsultedStale = true;
  private readonly parts = new Parts();

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
    }
    group.add(tuple);
    tuple.takeParts(this.parts);
    this.tupleCount++;
    this.isConsultedStale = true;
  }

  delete(tuple: Tuple): void {
    const { group } = tuple;
    group.delete(tuple);
    tuple.releaseParts(this.parts);
    this.tupleCount--;
    this.isConsultedStale = true;
    if (!group.isEmpty) return;
    const hash = hashOf(group.protocol, group.mask);
    const rest = this.groups.get(hash)?.filter((other) => other !== group) ?? [];
    if (rest.length > 0) this.groups.set(hash, rest);
    else this.groups.delete(hash);
  }

  /** Forgets the words it knew. */
  reset(): void {
    this.consultedAt = 0;
    this.isConsultedStale = true;
    this.parts.reset();
  }

  /**
   * Writes what the tuples consult and look at, if it is not what stands there, then the list of tuples, in order of their first
   * rules, behind the head of a version.
   */
  writeTuples(shared: SharedWords, list: number): void {
    const { words } = shared;
    const sorted = [...this.groups.values()].flatMap((bucket) => bucket.flatMap((group) => [...group.tuples]));
    for (const tuple of sorted) tuple.settle();
    sorted.sort((a, b) => a.minPref - b.minPref || a.minSequence - b.minSequence);
    if (this.isConsultedStale) this.writeConsulted(shared);
    words[list + Version.COUNT] = sorted.length;
    words[list + ChainList.CONSULTED] = this.consultedAt;
    words[list + ChainList.PARTS] = sorted.length > FEW_TUPLES ? this.parts.write(shared) : 0;
    let item = list + ChainList.ITEMS;
    for (const tuple of sorted) {
      words[item + TupleItem.PROTOCOL] = tuple.group.protocol;
      words[item + TupleItem.MIN_PREF] = tuple.minPref;
      words[item + TupleItem.MIN_SEQUENCE] = tuple.minSequence;
      words[item + TupleItem.MASK] = tuple.maskAt;
      words[item + TupleItem.SLOTS] = tuple.slots;
      words[item + TupleItem.SLOT_COUNT] = tuple.slotCount;
      words[item + TupleItem.DST_RANGE] = tuple.dstRange;
      words[item + TupleItem.SRC_RANGE] = tuple.srcRange;
      words[item + TupleItem.NEEDS] = tuple.needs;
      words[item + TupleItem.MORE_NEEDS] = tuple.moreNeeds;
      item += TupleItem.WORDS;
    }
  }

  private writeConsulted(shared: SharedWords): void {
    const groups = [...this.groups.values()].flat();
    const block: number[] = [];
    for (let each = 0; each < PROTOCOL_CLASSES; each++) {
      const met = groups.filter(({ protocol }) => isOfClass(protocol, each));
      const bits = new Int32Array(KEY_WORDS);
      for (const { mask } of met) addConsulted(mask, bits);
      const indices = [...bits.keys()].filter((i) => bits[i] !== 0);
      block.push(
        met.reduce((sum, group) => sum + group.tupleCount, 0),
        indices.length,
      );
      for (const i of indices) block.push(i, bits[i]);
    }
    this.isConsultedStale = false;
    const isSame = this.consultedAt !== 0 && block.length === this.consulted.length;
    if (isSame && block.every((word, i) => word === this.consulted[i])) return;
    if (this.consultedAt !== 0) shared.release(this.consulted.length);
    this.consulted = Int32Array.from(block);
    this.consultedAt = shared.alloc(block.length);
    shared.words.set(this.consulted, this.consultedAt);
  }
}

function hashOf(protocol: number, mask: Int32Array): number {
  let hash = protocol;
  for (let i = 0; i < mask.length; i++) hash = mix(hash, mask[i]);
  return finish(hash);
}
