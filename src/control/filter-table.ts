/**
 * The filters of a block as the classifier's table has them, and the masks of their prefs. A pref tries its masks in
 * the order in which they were created; one that ends and is put back by a roll-back has its old place again.
 */
import type { ClassifierTable, Rule } from '../classifier/classifier.js';
import { KEY_WORDS } from '../classifier/flow-key.js';
import type { FlowerKey } from '../iproute/commands.js';
import { encodeKeys } from './encode-keys.js';
import type { Filter } from './filter.js';
import { byRank, type MaskUse, type Pref } from './filter-chain.js';
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

  /** Throws CommandError for another mask, DuplicateRule for another's key, with nothing changed. */
  replace(entry: Pref, old: Filter, filter: Filter, keys: readonly FlowerKey[] = filter.keys): void {
    const rule = ruleOf(filter, keys);
    if (old.use?.mask !== filter.shape.mask) throw filterAnswers('Invalid argument');
    this.table.replace(old.rule, rule);
    this.takeMask(entry, filter);
    this.leaveMask(entry, old);
  }

  /** Gives what takes it back. */
  remove(entry: Pref, filter: Filter): () => void {
    const { use } = filter;
    this.table.remove(filter.rule);
    this.leaveMask(entry, filter);
    return () => {
      this.table.insert(ruleOf(filter, filter.keys));
      if (use) this.rejoinMask(entry, filter, use);
    };
  }

  /** The filters of a pref in the order of their masks. */
  *byMask(entry: Pref): Generator<Filter> {
    const byMask = new Map(byRank(entry.masks.values()).map((use) => [use, [] as Filter[]]));
    for (const filter of entry.filters.values()) {
      if (filter.use) byMask.get(filter.use)?.push(filter);
    }
    for (const filters of byMask.values()) yield* filters;
  }

  /** Has the masks of a pref tried in this order; gives what takes that back, which `settle` must follow. */
  order(entry: Pref, masks: readonly string[]): (() => void) | undefined {
    const before = byRank(entry.masks.values());
    if (before.every(({ mask }, n) => mask === masks[n])) return undefined;
    const ranks = before.map(({ rank }) => rank);
    for (const mask of masks) {
      const use = entry.masks.get(mask);
      if (use) use.rank = this.ranks++;
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
      use = { mask, rank: this.ranks++, filters: 0 };
      masks.set(mask, use);
    }
    use.filters++;
    filter.use = use;
  }

  private leaveMask({ masks }: Pref, filter: Filter): void {
    const { use } = filter;
    filter.use = undefined;
    if (use && --use.filters === 0) masks.delete(use.mask);
  }

  /** Takes `leaveMask` back. To the table a mask that had ended is the youngest of its pref from now on. */
  private rejoinMask(entry: Pref, filter: Filter, use: MaskUse): void {
    if (use.filters++ === 0) {
      for (const { rank } of entry.masks.values()) if (rank > use.rank) this.disordered.add(entry);
      entry.masks.set(use.mask, use);
    }
    filter.use = use;
  }
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
