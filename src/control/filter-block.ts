/**
 * The filters of one hook, as the control thread keeps them: chains, prefs, filters, with the checks and the messages
 * of net/sched/cls_api.c and cls_flower.c. The classifier's table is kept in step, so that publishing is only a
 * question of handing over its snapshot.
 */
import { type ClassifierTable, DuplicateRule, type Rule } from '../classifier/classifier.js';
import { KEY_WORDS } from '../classifier/flow-key.js';
import type { CommandError, FilterParent, FilterSelector, FilterSpec } from '../iproute/commands.js';
import type { ActionInstance } from './action-table.js';
import { encodeKeys } from './encode-keys.js';
import { FreeNumbers } from './free-numbers.js';
import type { ProgramBlock } from './programs.js';
import { filterAnswers, filterRefused } from './refusal.js';

/** A filter in force. */
export interface Filter {
  readonly spec: Omit<FilterSpec, 'actions'>;
  readonly rule: number;
  readonly actions: readonly ActionInstance[];
  readonly program: ProgramBlock;
}

interface Pref {
  readonly pref: number;
  readonly protocol: number;
  readonly handles: FreeNumbers;
  readonly filters: Map<number, Filter>;
  /** Masks in use, in order of creation: the order in which they are tried. */
  readonly masks: Map<string, MaskUse>;
}

interface MaskUse {
  readonly mask: string;
  filters: number;
}

interface Chain {
  readonly byPref: Map<number, Pref>;
  /** Every pref, ascending. */
  readonly order: number[];
  /** Made by itself: it is there without filters too. */
  isExplicit: boolean;
}

/** What a block needs from the daemon to make and unmake filters. */
export interface FilterMaker {
  /** Binds actions, writes the program. Throws CommandError before anything is changed. */
  make(spec: FilterSpec): Filter;
  /** Takes back a filter that was never in force. */
  discard(filter: Filter): void;
  /** Takes back a filter that workers may still run. */
  unmake(filter: Filter): void;
  /** ifindex of a device, for `indev`; throws CommandError. */
  ifindex(name: string): number;
}

/** Prefs given out when none is asked for begin at 0xC000 and go down (tcf_auto_prio). */
const AUTO_PREF = 0xc000;
const AUTO_PREF_FLOOR = 0x8000;
/** TC_ACT_EXT_VAL_MASK: what a `goto chain` can name. */
const CHAIN_LAST = 0x0fffffff;

export class FilterBlock {
  private readonly table: ClassifierTable;
  private readonly maker: FilterMaker;
  /** In order of creation, as `show` lists them. */
  private readonly chains = new Map<number, Chain>();
  private readonly maskOf = new Map<Filter, MaskUse>();
  /** How the last edit named the hook: the kernel shows every filter of the block under it (tcf_block's classid). */
  private parent: FilterParent = 'ingress';

  constructor(table: ClassifierTable, maker: FilterMaker) {
    this.table = table;
    this.maker = maker;
  }

  publish(): ReturnType<ClassifierTable['publish']> {
    return this.table.publish();
  }

  get size(): number {
    return this.table.size;
  }

  /** `tc filter add|replace|change`: returns the filter in force, or throws CommandError with no filter changed. */
  edit(mode: 'add' | 'replace' | 'change', wanted: FilterSpec): Filter {
    const create = mode !== 'change';
    if (wanted.pref === 0 && !create) throw filterRefused('Invalid filter command with priority of zero');
    this.parent = wanted.parent;
    checkChain(wanted.chain);
    const chain = this.chains.get(wanted.chain);
    const pref = wanted.pref === 0 ? autoPref(chain) : wanted.pref;
    const entry = chain?.byPref.get(pref);
    if (!entry) {
      if (wanted.protocol === 0) throw filterRefused('Filter kind and protocol must be specified');
      if (!create) throw needsCreate();
      return this.insert(chain, undefined, { ...wanted, pref });
    }
    if (wanted.protocol !== 0 && entry.protocol !== wanted.protocol) throw protocolMismatch();
    const spec = { ...wanted, pref, protocol: entry.protocol };
    const old = wanted.handle === 0 ? undefined : entry.filters.get(wanted.handle);
    if (!old && !create) throw needsCreate();
    if (!old) return this.insert(chain, entry, spec);
    if (mode === 'add') throw filterRefused('Filter already exists');
    return this.replace(entry, old, spec);
  }

  private insert(chain: Chain | undefined, existing: Pref | undefined, wanted: FilterSpec): Filter {
    const { pref, protocol } = wanted;
    const entry: Pref = existing ?? {
      pref,
      protocol,
      handles: new FreeNumbers(1),
      filters: new Map(),
      masks: new Map(),
    };
    let handle = wanted.handle;
    if (handle === 0) handle = entry.handles.next();
    else entry.handles.claim(handle);
    let made: Filter;
    try {
      made = this.putInForce({ ...wanted, handle }, (rule) => this.table.insert(rule), entry);
    } catch (error) {
      entry.handles.release(handle);
      throw error;
    }
    entry.filters.set(handle, made);
    if (!existing) {
      const to = chain ?? emptyChain(false);
      to.byPref.set(pref, entry);
      to.order.splice(placeOf(to.order, pref), 0, pref);
      this.chains.set(wanted.chain, to);
    }
    return made;
  }

  private replace(entry: Pref, old: Filter, wanted: FilterSpec): Filter {
    const before = this.rule(old);
    const made = this.putInForce(
      wanted,
      (rule) => {
        if (!sameWords(before.mask, rule.mask)) throw filterAnswers('Invalid argument');
        this.table.replace(old.rule, rule);
      },
      entry,
    );
    this.leaveMask(entry, old);
    entry.filters.set(wanted.handle, made);
    this.maker.unmake(old);
    return made;
  }

  /** Makes a filter and puts its rule into the table; where that is refused, nothing of it is left. */
  private putInForce(spec: FilterSpec, put: (rule: Rule) => void, entry: Pref): Filter {
    const made = this.maker.make(spec);
    try {
      const rule = this.rule(made);
      put(rule);
      this.takeMask(entry, made, rule.mask.join());
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
    chain.byPref.delete(entry.pref);
    chain.order.splice(placeOf(chain.order, entry.pref), 1);
    if (chain.order.length === 0 && !chain.isExplicit) this.chains.delete(chainNumber);
  }

  /** `tc chain add`: a chain without filters. */
  addChain(number: number): void {
    checkChain(number);
    if (this.chains.has(number)) throw filterRefused('Filter chain already exists');
    this.chains.set(number, emptyChain(true));
  }

  /** `tc chain del`: the chain and every filter of it. */
  removeChain(number: number): void {
    const chain = this.chain(number);
    chain.isExplicit = false;
    this.empty(number, chain);
  }

  hasChain(number: number): boolean {
    return this.chains.has(number);
  }

  /** The numbers of the chains, in order of creation. */
  get chainNumbers(): number[] {
    return [...this.chains.keys()];
  }

  /** Of those, the ones that `tc chain add` made. */
  get explicitChains(): number[] {
    return this.chainNumbers.filter((number) => this.chains.get(number)?.isExplicit);
  }

  /** The filters of a chain in an order that, when they are added again, tries their masks in the order of now. */
  *inMaskOrder(number: number): Generator<Filter> {
    const { order, byPref } = this.chain(number);
    for (const pref of order) {
      const entry = byPref.get(pref);
      if (!entry) continue;
      const byHandle = [...entry.filters].sort(([a], [b]) => a - b).map(([, filter]) => filter);
      const byMask = new Map([...entry.masks.values()].map((use) => [use, [] as Filter[]]));
      for (const filter of byHandle) {
        const use = this.maskOf.get(filter);
        if (use) byMask.get(use)?.push(filter);
      }
      for (const filters of byMask.values()) yield* filters;
    }
  }

  /** Throws CommandError where there is no such chain. */
  checkHasChain(number: number): void {
    this.chain(number);
  }

  private chain(number: number): Chain {
    checkChain(number);
    const chain = this.chains.get(number);
    if (!chain) throw filterRefused('Cannot find specified filter chain');
    return chain;
  }

  /** Removes every filter of a chain; the chain as well, unless it was made by itself. */
  private empty(number: number, chain: Chain): void {
    for (const entry of chain.byPref.values()) this.removeAll(entry);
    chain.byPref.clear();
    chain.order.length = 0;
    if (!chain.isExplicit) this.chains.delete(number);
  }

  /** `tc filter get`. */
  get(selector: FilterSelector): Filter {
    if (!selector.pref) throw filterRefused('Invalid filter command with priority of zero');
    return this.filter(this.entry(selector), selector.handle ?? 0);
  }

  /** What `show` lists, in its order. */
  list(selector: FilterSelector): Filter[] {
    const found: Filter[] = [];
    for (const [number, chain] of this.chains) {
      if (selector.chain !== undefined && selector.chain !== number) continue;
      for (const pref of selector.pref ? [selector.pref] : chain.order) {
        const entry = chain.byPref.get(pref);
        if (!entry || (selector.protocol !== undefined && selector.protocol !== entry.protocol)) continue;
        for (const handle of [...entry.filters.keys()].sort((a, b) => a - b)) {
          const filter = entry.filters.get(handle);
          if (filter && (!selector.handle || selector.handle === handle)) found.push(filter);
        }
      }
    }
    return found;
  }

  /** Whether this very filter is in force, not one in its place. */
  has(filter: Filter): boolean {
    const { chain, pref, handle } = filter.spec;
    return this.chains.get(chain)?.byPref.get(pref)?.filters.get(handle) === filter;
  }

  /** How `show` names the hook of every filter. */
  get shownParent(): FilterParent {
    return this.parent;
  }

  /** Removes every filter of every chain. */
  clear(): void {
    for (const chain of this.chains.values()) for (const entry of chain.byPref.values()) this.removeAll(entry);
    this.chains.clear();
  }

  private entry(selector: FilterSelector): Pref {
    const chain = this.chain(selector.chain ?? 0);
    const entry = chain.byPref.get(selector.pref ?? 0);
    if (!entry) throw filterRefused('Filter with specified priority/protocol not found');
    if (selector.protocol !== undefined && selector.protocol !== entry.protocol) throw protocolMismatch();
    if (selector.kind !== undefined && selector.kind !== 'flower') {
      throw filterRefused('Specified filter kind does not match existing one');
    }
    return entry;
  }

  private filter(entry: Pref, handle: number): Filter {
    const filter = entry.filters.get(handle);
    if (!filter) throw filterRefused('Specified filter handle not found');
    return filter;
  }

  private removeAll(entry: Pref): void {
    for (const filter of [...entry.filters.values()]) this.removeOne(entry, filter);
  }

  private removeOne(entry: Pref, filter: Filter): void {
    this.table.remove(filter.rule);
    this.leaveMask(entry, filter);
    entry.filters.delete(filter.spec.handle);
    entry.handles.release(filter.spec.handle);
    this.maker.unmake(filter);
  }

  private takeMask({ masks }: Pref, filter: Filter, mask: string): void {
    let use = masks.get(mask);
    if (!use) {
      use = { mask, filters: 0 };
      masks.set(mask, use);
    }
    use.filters++;
    this.maskOf.set(filter, use);
  }

  private leaveMask({ masks }: Pref, filter: Filter): void {
    const use = this.maskOf.get(filter);
    this.maskOf.delete(filter);
    if (use && --use.filters === 0) masks.delete(use.mask);
  }

  private rule(filter: Filter): Rule {
    const key = keyWords();
    const mask = keyWords();
    encodeKeys(filter.spec.keys, this.maker, key, mask);
    const { chain, pref, protocol } = filter.spec;
    return { id: filter.rule, chain, pref, protocol, key, mask };
  }
}

/** Zeroed words of a key, cut from larger pieces: memory of its own for each would cost more than the rest of it. */
function keyWords(): Int32Array {
  if (freeWords.length < KEY_WORDS) freeWords = new Int32Array(KEY_WORDS * 512);
  const words = freeWords.subarray(0, KEY_WORDS);
  freeWords = freeWords.subarray(KEY_WORDS);
  return words;
}

let freeWords = new Int32Array(0);

function emptyChain(isExplicit: boolean): Chain {
  return { byPref: new Map(), order: [], isExplicit };
}

function checkChain(chain: number): void {
  if (chain > CHAIN_LAST) throw filterRefused('Specified chain index exceeds upper limit');
}

/** The pref below the lowest of those that could have been given out (tcf_auto_prio). */
function autoPref(chain: Chain | undefined): number {
  const lowest = chain?.order[placeOf(chain.order, AUTO_PREF_FLOOR)];
  if (lowest === AUTO_PREF_FLOOR) throw filterRefused('Lowest ID from auto-alloc range already in use');
  return lowest === undefined ? AUTO_PREF : lowest - 1;
}

/** Index of the first number that is not below `number`. */
function placeOf(ascending: readonly number[], number: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

function needsCreate(): CommandError {
  return filterRefused('Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter');
}

function protocolMismatch(): CommandError {
  return filterRefused('Protocol mismatch for filter with specified priority');
}

function sameWords(a: Int32Array, b: Int32Array): boolean {
  return a.every((word, i) => word === b[i]);
}
