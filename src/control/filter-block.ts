/**
 * The filters of one hook, as the control thread keeps them: chains, prefs, filters, with the checks and the messages
 * of net/sched/cls_api.c and cls_flower.c. The classifier's table is kept in step, so that publishing is only a
 * question of handing over its snapshot.
 */
import { type ClassifierTable, DuplicateRule } from '../classifier/classifier.js';
import type { FilterParent, FilterSelector, FilterSpec } from '../iproute/commands.js';
import type { Filter } from './filter.js';
import {
  addPref,
  autoPref,
  byRank,
  type Chain,
  checkChain,
  deletePref,
  emptyChain,
  emptyPref,
  type FilterMaker,
  needsCreate,
  type Pref,
  protocolMismatch,
} from './filter-chain.js';
import { FilterChains } from './filter-chains.js';
import { FilterTable } from './filter-table.js';
import type { Journal } from './journal.js';
import { filterAnswers, filterRefused } from './refusal.js';

export class FilterBlock extends FilterChains {
  private readonly table: FilterTable;
  private readonly maker: FilterMaker;
  private readonly journal: Journal;
  private ranks = 0;
  /** How the last edit named the hook: the kernel shows every filter of the block under it (tcf_block's classid). */
  private parent: FilterParent;

  constructor(table: ClassifierTable, maker: FilterMaker, journal: Journal, parent: FilterParent = 'ingress') {
    super();
    this.table = new FilterTable(table);
    this.maker = maker;
    this.journal = journal;
    this.parent = parent;
  }

  publish(): ReturnType<ClassifierTable['publish']> {
    return this.table.publish();
  }

  /** `tc filter add|replace|change`: returns the filter in force, or throws CommandError with no filter changed. */
  edit(mode: 'add' | 'replace' | 'change', wanted: FilterSpec): Filter {
    const create = mode !== 'change';
    if (wanted.pref === 0 && !create) throw filterRefused('Invalid filter command with priority of zero');
    this.nameParent(wanted.parent);
    checkChain(wanted.chain);
    const chain = this.chains.get(wanted.chain);
    const pref = wanted.pref === 0 ? autoPref(chain) : wanted.pref;
    const entry = chain?.byPref.get(pref);
    if (!entry) {
      if (wanted.protocol === 0) throw filterRefused('Filter kind and protocol must be specified');
      if (!create) throw needsCreate();
      return this.insert(chain, undefined, wanted, pref, wanted.protocol);
    }
    if (wanted.protocol !== 0 && entry.protocol !== wanted.protocol) throw protocolMismatch();
    const old = wanted.handle === 0 ? undefined : entry.filters.get(wanted.handle);
    if (!old && !create) throw needsCreate();
    if (!old) return this.insert(chain, entry, wanted, pref, entry.protocol);
    if (mode === 'add') throw filterRefused('Filter already exists');
    return this.replace(entry, old, placed(wanted, pref, entry.protocol, wanted.handle));
  }

  private insert(
    chain: Chain | undefined,
    existing: Pref | undefined,
    wanted: FilterSpec,
    pref: number,
    protocol: number,
  ): Filter {
    const entry = existing ?? emptyPref(pref, protocol);
    let handle = wanted.handle;
    if (handle === 0) handle = entry.handles.next();
    else entry.handles.claim(handle);
    const spec = placed(wanted, pref, protocol, handle);
    this.maker.touch(spec);
    let made: Filter;
    try {
      made = this.make(spec, (filter) => this.table.insert(entry, filter, spec.keys));
    } catch (error) {
      entry.handles.release(handle);
      throw error;
    }
    entry.filters.set(handle, made);
    const to = chain ?? emptyChain(wanted.chain, this.ranks++, false);
    if (!chain) this.chains.set(to.number, to);
    if (!existing) addPref(to, entry);
    this.journal.note(() => {
      if (!existing) deletePref(to, entry);
      if (!chain) this.chains.delete(to.number);
      this.takeOut(entry, made);
      this.maker.discard(made);
    });
    return made;
  }

  private replace(entry: Pref, old: Filter, wanted: FilterSpec): Filter {
    const { handle } = wanted;
    this.maker.touch(wanted);
    let putBack = (): void => undefined;
    const made = this.make(wanted, (filter) => {
      putBack = this.table.replace(entry, old, filter, wanted.keys);
    });
    entry.filters.set(handle, made);
    this.maker.unmake(old);
    this.journal.note(() => {
      this.maker.remake(old);
      entry.filters.set(handle, old);
      putBack();
      this.maker.discard(made);
    });
    return made;
  }

  /** Makes a filter that `put` puts into the table; where that is refused, nothing of it is left. */
  private make(spec: FilterSpec, put: (filter: Filter) => void): Filter {
    const made = this.maker.make(spec);
    try {
      put(made);
    } catch (error) {
      this.maker.discard(made);
      if (error instanceof DuplicateRule) throw filterAnswers('File exists');
      throw error;
    }
    return made;
  }

  /** `tc filter del`: without a pref the whole chain. */
  remove(selector: FilterSelector): void {
    const chainNumber = selector.chain ?? 0;
    checkChain(chainNumber);
    const chain = this.chains.get(chainNumber);
    if (!selector.pref) {
      if (chain) this.empty(chainNumber, chain);
      return;
    }
    const entry = this.entry(selector);
    if (selector.handle) this.removeOne(entry, this.filter(entry, selector.handle));
    else this.removeAll(entry);
    if (entry.filters.size > 0 || !chain) return;
    deletePref(chain, entry);
    const isOver = chain.order.length === 0 && !chain.isExplicit;
    if (isOver) this.chains.delete(chainNumber);
    this.journal.note(() => {
      if (isOver) this.chains.set(chainNumber, chain);
      addPref(chain, entry);
    });
  }

  /** `tc chain add`: a chain without filters. */
  addChain(number: number): void {
    checkChain(number);
    if (this.chains.has(number)) throw filterRefused('Filter chain already exists');
    this.chains.set(number, emptyChain(number, this.ranks++, true));
    this.journal.note(() => this.chains.delete(number));
  }

  /** `tc chain del`: the chain and every filter of it. */
  removeChain(number: number): void {
    const chain = this.chain(number);
    const { isExplicit } = chain;
    chain.isExplicit = false;
    this.journal.note(() => {
      chain.isExplicit = isExplicit;
    });
    this.empty(number, chain);
  }

  /** The filters of a chain in an order that, when they are added again, tries their masks in the order of now. */
  *inMaskOrder(number: number): Generator<Filter> {
    const { order, byPref } = this.chain(number);
    for (const pref of order) {
      const entry = byPref.get(pref);
      if (!entry) continue;
      yield* this.table.byMask(entry);
    }
  }

  /** Removes every filter of a chain; the chain as well, unless it was made by itself. */
  private empty(number: number, chain: Chain): void {
    const prefs = [...chain.byPref.values()];
    for (const entry of prefs) this.removeAll(entry);
    const order = chain.order.splice(0);
    chain.byPref.clear();
    const isOver = !chain.isExplicit;
    if (isOver) this.chains.delete(number);
    this.journal.note(() => {
      if (isOver) this.chains.set(number, chain);
      for (const entry of prefs) chain.byPref.set(entry.pref, entry);
      chain.order.push(...order);
    });
  }

  /** How `show` names the hook of every filter. */
  get shownParent(): FilterParent {
    return this.parent;
  }

  /** Removes every filter of every chain. */
  clear(): void {
    const chains = [...this.chains];
    for (const [, chain] of chains) for (const entry of chain.byPref.values()) this.removeAll(entry);
    this.chains.clear();
    this.journal.note(() => {
      for (const [number, chain] of chains) this.chains.set(number, chain);
    });
  }

  /** After a roll-back: has the table try the masks of every pref in their order again. */
  settle(): void {
    this.table.settle();
  }

  /** Every filter, in the order of `inMaskOrder`. */
  *each(): Generator<Filter> {
    for (const number of this.chainNumbers) yield* this.inMaskOrder(number);
  }

  /**
   * Chains, the order of the masks of every pref, and the hook's name as in another block, that has the same filters.
   * Whether a pref tries its masks in another order now.
   */
  arrangeAs({ chains, parent }: FilterBlock): boolean {
    for (const number of this.chainNumbers) if (!chains.has(number)) this.removeChain(number);
    let hasReordered = false;
    for (const { number, isExplicit, byPref } of byRank(chains.values())) {
      if (!this.chains.has(number)) this.addChain(number);
      const chain = this.chain(number);
      const before = { isExplicit: chain.isExplicit, rank: chain.rank };
      Object.assign(chain, { isExplicit, rank: this.ranks++ });
      this.journal.note(() => Object.assign(chain, before));
      for (const [pref, other] of byPref) {
        const entry = chain.byPref.get(pref);
        const undo = entry && this.table.order(entry, other);
        if (!undo) continue;
        this.journal.note(undo);
        hasReordered = true;
      }
    }
    this.nameParent(parent);
    return hasReordered;
  }

  private nameParent(parent: FilterParent): void {
    const before = this.parent;
    if (before === parent) return;
    this.parent = parent;
    this.journal.note(() => {
      this.parent = before;
    });
  }

  private removeAll(entry: Pref): void {
    for (const filter of [...entry.filters.values()]) this.removeOne(entry, filter);
  }

  private removeOne(entry: Pref, filter: Filter): void {
    this.maker.touch(filter);
    const putBack = this.takeOut(entry, filter);
    this.maker.unmake(filter);
    this.journal.note(() => {
      this.maker.remake(filter);
      putBack();
    });
  }

  /** Gives what takes it back. */
  private takeOut(entry: Pref, filter: Filter): () => void {
    const { handle } = filter;
    const putBack = this.table.remove(entry, filter);
    entry.filters.delete(handle);
    entry.handles.release(handle);
    return () => {
      entry.handles.claim(handle);
      entry.filters.set(handle, filter);
      putBack();
    };
  }
}

/** What was asked for, with what was left open. Written out: copies by spreading are slow and large. */
function placed(wanted: FilterSpec, pref: number, protocol: number, handle: number): FilterSpec {
  const { dev, parent, chain, keys, skipHw, classid, actions } = wanted;
  const spec = { dev, parent, protocol, pref, chain, handle, keys, skipHw, actions };
  return classid === undefined ? spec : { ...spec, classid };
}
