/**
 * The filters of a block as the classifier's table has them, and the masks of their prefs. A pref tries its masks in
 * the order in which they were created; one that ends and is put back by a roll-back has its old place again.
 */
import type { ClassifierTable, Rule } from '../classifier/classifier.js';
import { KEY_WORDS, KeyWord } from '../classifier/flow-key.js';
import type { FlowerKey } from '../iproute/commands.js';
import { encodeKeys } from './encode-keys.js';
import type { Filter } from './filter.js';
import { byRank, type MaskUse, type Pref, type RangeUse } from './filter-chain.js';
import { filterAnswers } from './refusal.js';

export class FilterTable {
  private readonly table: ClassifierTable;
  private ranks = 0;
  /** Prefs whose masks the table tries in another order than that of their ranks. */
  private readonly disordered = new Set<Pref>();

  constructor(table: ClassifierTable) {
    this.table = table;
  }

  publish(): ReturnType<ClassifierTable['publish']> {
    return this.table.publish();
  }

  /** `keys`: the filter's, where they are at hand. Throws DuplicateRule with nothing changed. */
  insert(entry: Pref, filter: Filter, keys: readonly FlowerKey[] = filter.keys): void {
    this.table.insert(ruleOf(filter, keys));
    this.takeMask(entry, filter);
  }

  /** Gives what takes it back. Throws CommandError for another mask, DuplicateRule for another's key, with nothing changed. */
  replace(entry: Pref, old: Filter, filter: Filter, keys: readonly FlowerKey[] = filter.keys): () => void {
    const { use } = old;
    const rule = ruleOf(filter, keys);
    if (use?.mask !== filter.shape.mask) throw filterAnswers('Invalid argument');
    this.table.replace(old.rule, rule);
    const range = use.ranges.get(rangeOf(old));
    this.takeMask(entry, filter);
    this.leaveMask(entry, old);
    return () => {
      this.table.replace(filter.rule, ruleOf(old, old.keys));
      this.rejoinMask(entry, old, use, range);
      this.leaveMask(entry, filter);
    };
  }

  /** Gives what takes it back. */
  remove(entry: Pref, filter: Filter): () => void {
    const { use } = filter;
    const range = use?.ranges.get(rangeOf(filter));
    this.table.remove(filter.rule);
    this.leaveMask(entry, filter);
    return () => {
      this.table.insert(ruleOf(filter, filter.keys));
      if (use) this.rejoinMask(entry, filter, use, range);
    };
  }

  /** The filters of a pref in the order of their masks, and of their ranges. */
  *byMask(entry: Pref): Generator<Filter> {
    const groups = new Map<MaskUse | RangeUse, Filter[]>(usesOf(entry).map((use) => [use, []]));
    for (const filter of entry.filters.values()) {
      const { use } = filter;
      if (use) groups.get(use.ranges.get(rangeOf(filter)) ?? use)?.push(filter);
    }
    for (const filters of groups.values()) yield* filters;
  }

  /**
   * Has the masks and ranges of a pref tried in the order of another one's, which has the same; gives what takes that
   * back, which `settle` must follow.
   */
  order(entry: Pref, other: Pref): (() => void) | undefined {
    const before = usesOf(entry);
    const wanted = usesOf(other);
    const isSame = (use: MaskUse | RangeUse, n: number): boolean => {
      const there = wanted[n];
      return there !== undefined && nameOf(use) === nameOf(there);
    };
    if (before.every(isSame)) return undefined;
    const ranks = before.map(({ rank }) => rank);
    for (const { mask, ranges } of byRank(other.masks.values())) {
      const use = entry.masks.get(mask);
      if (!use) continue;
      use.rank = this.ranks++;
      for (const { name } of byRank(ranges.values())) {
        const range = use.ranges.get(name);
        if (range) range.rank = this.ranks++;
      }
    }
    this.disordered.add(entry);
    this.settle();
    return () => {
      for (const [n, use] of before.entries()) use.rank = ranks[n] ?? 0;
      this.disordered.add(entry);
    };
  }

  /** After a roll-back: has the table try the masks of every pref in their order again. */
  settle(): void {
    for (const entry of this.disordered) {
      for (const { rule } of entry.filters.values()) this.table.remove(rule);
      for (const filter of this.byMask(entry)) this.table.insert(ruleOf(filter, filter.keys));
    }
    this.disordered.clear();
  }

  private takeMask({ masks }: Pref, filter: Filter): void {
    const { mask } = filter.shape;
    let use = masks.get(mask);
    if (!use) {
      use = { mask, rank: this.ranks++, filters: 0, ranges: new Map() };
      masks.set(mask, use);
    }
    use.filters++;
    filter.use = use;
    const name = rangeOf(filter);
    if (name === '') return;
    const range = use.ranges.get(name) ?? { name, rank: this.ranks++, filters: 0 };
    range.filters++;
    use.ranges.set(name, range);
  }

  private leaveMask({ masks }: Pref, filter: Filter): void {
    const { use } = filter;
    filter.use = undefined;
    if (!use) return;
    if (--use.filters === 0) masks.delete(use.mask);
    const range = use.ranges.get(rangeOf(filter));
    if (range && --range.filters === 0) use.ranges.delete(range.name);
  }

  /** Takes `leaveMask` back. To the table a mask or range that had ended is the youngest from now on. */
  private rejoinMask(entry: Pref, filter: Filter, use: MaskUse, range: RangeUse | undefined): void {
    if (use.filters++ === 0) {
      for (const { rank } of entry.masks.values()) if (rank > use.rank) this.disordered.add(entry);
      entry.masks.set(use.mask, use);
    }
    filter.use = use;
    if (!range) return;
    if (range.filters++ > 0) return;
    for (const { rank } of use.ranges.values()) if (rank > range.rank) this.disordered.add(entry);
    use.ranges.set(range.name, range);
  }
}

/** Masks and ranges of a pref in the order in which they are tried. */
function usesOf(entry: Pref): (MaskUse | RangeUse)[] {
  return byRank(entry.masks.values()).flatMap((use) =>
    use.ranges.size === 0 ? [use] : [use, ...byRank(use.ranges.values())],
  );
}

function nameOf(use: MaskUse | RangeUse): string {
  return 'mask' in use ? use.mask : `range ${use.name}`;
}

/** The port ranges of a filter by name; empty where its mask has none. */
function rangeOf(filter: Filter): string {
  const { words } = filter.shape;
  const dst = words[KeyWord.DST_PORT_RANGE] ?? 0;
  const src = words[KeyWord.SRC_PORT_RANGE] ?? 0;
  if (dst === 0 && src === 0) return '';
  const { key } = ruleOf(filter, filter.keys);
  return `${(key[KeyWord.DST_PORT_RANGE] ?? 0) & dst} ${(key[KeyWord.SRC_PORT_RANGE] ?? 0) & src}`;
}

/** For the table alone, which keeps neither key nor mask: the words are those of the next rule too. */
function ruleOf({ chain, pref, protocol, rule, indev, shape }: Filter, keys: readonly FlowerKey[]): Rule {
  key.fill(0);
  scratch.fill(0);
  encodeKeys(keys, indev, key, scratch);
  return { id: rule, chain, pref, protocol, key, mask: shape.words };
}

const key = new Int32Array(KEY_WORDS);
/** The mask, which is known. */
const scratch = new Int32Array(KEY_WORDS);
