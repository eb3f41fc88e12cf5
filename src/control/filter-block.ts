/**
 * The filters of one hook, as the control thread keeps them: chains, prefs, filters, with the checks and the messages
 * of net/sched/cls_api.c and cls_flower.c. The classifier's table is kept in step, so that publishing is only a
 * question of handing over its snapshot.
 */
import { type ClassifierTable, DuplicateRule } from '../classifier/classifier.js';
import { KEY_WORDS } from '../classifier/flow-key.js';
import type { FilterSelector, FilterSpec } from '../iproute/commands.js';
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
}

/** What a block needs from the daemon to make and unmake filters. */
export interface FilterMaker {
  /** Binds actions, writes the program. Throws CommandError before anything is changed. */
  make(spec: FilterSpec): Filter;
  unmake(filter: Filter): void;
  /** ifindex of a device, for `indev`; throws CommandError. */
  ifindex(name: string): number;
}

/** Prefs given out when none is asked for begin at 0xC000 and go down (tcf_auto_prio). */
const AUTO_PREF = 0xc000;
const AUTO_PREF_FLOOR = 0x8000;

export class FilterBlock {
  private readonly table: ClassifierTable;
  private readonly maker: FilterMaker;
  /** In order of creation, as `show` lists them; the prefs of each ascending. */
  private readonly chains = new Map<number, Pref[]>();

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

  /** `tc filter add|replace|change`: returns the filter in force, or throws CommandError with nothing changed. */
  edit(mode: 'add' | 'replace' | 'change', wanted: FilterSpec): Filter {
    const create = mode !== 'change';
    if (wanted.pref === 0 && !create) throw filterRefused('Invalid filter command with priority of zero');
    const chain = this.chains.get(wanted.chain) ?? [];
    const pref = wanted.pref === 0 ? this.autoPref(chain) : wanted.pref;
    const existingPref = chain.find((entry) => entry.pref === pref);
    if (existingPref && wanted.protocol !== 0 && existingPref.protocol !== wanted.protocol) {
      throw filterRefused('Protocol mismatch for filter with specified priority');
    }
    const old = wanted.handle === 0 ? undefined : existingPref?.filters.get(wanted.handle);
    if (!old && !create) {
      throw filterRefused('Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter');
    }
    if (old && mode === 'add') throw filterRefused('Filter already exists');
    return old && existingPref
      ? this.replace(existingPref, old, { ...wanted, pref })
      : this.insert(chain, existingPref, { ...wanted, pref });
  }

  private insert(chain: Pref[], existing: Pref | undefined, wanted: FilterSpec): Filter {
    const { pref, protocol } = wanted;
    const entry = existing ?? { pref, protocol, handles: new FreeNumbers(1), filters: new Map<number, Filter>() };
    let handle = wanted.handle;
    if (handle === 0) handle = entry.handles.next();
    else entry.handles.claim(handle);
    const spec = { ...wanted, handle };
    let made: Filter | undefined;
    try {
      made = this.maker.make(spec);
      this.table.insert(this.rule(made));
    } catch (error) {
      entry.handles.release(handle);
      if (made) this.maker.unmake(made);
      if (error instanceof DuplicateRule) throw filterAnswers('File exists');
      throw error;
    }
    entry.filters.set(handle, made);
    if (!existing) {
      const at = chain.findIndex((other) => other.pref > pref);
      chain.splice(at < 0 ? chain.length : at, 0, entry);
      this.chains.set(wanted.chain, chain);
    }
    return made;
  }

  private replace(entry: Pref, old: Filter, wanted: FilterSpec): Filter {
    const made = this.maker.make(wanted);
    try {
      const before = this.rule(old);
      const after = { ...this.rule(made), id: made.rule };
      if (!sameWords(before.mask, after.mask)) throw filterAnswers('Invalid argument');
      if (sameMasked(before.key, after.key, after.mask)) {
        this.table.remove(old.rule);
        this.table.insert(after);
      } else {
        // First the new one, as the kernel does: the mask they share keeps its place.
        this.table.insert(after);
        this.table.remove(old.rule);
      }
    } catch (error) {
      this.maker.unmake(made);
      if (error instanceof DuplicateRule) throw filterAnswers('File exists');
      throw error;
    }
    entry.filters.set(wanted.handle, made);
    this.maker.unmake(old);
    return made;
  }

  /** `tc filter del`: without a pref the whole chain. */
  remove(selector: FilterSelector): void {
    const chainNumber = selector.chain ?? 0;
    const chain = this.chains.get(chainNumber);
    if (!selector.pref) {
      if (selector.protocol !== undefined || selector.handle || selector.kind !== undefined) {
        throw filterRefused('Cannot flush filters with protocol, handle or kind set');
      }
      for (const entry of chain ?? []) this.removeAll(entry);
      this.chains.delete(chainNumber);
      return;
    }
    const entry = this.entry(selector);
    if (!selector.handle) {
      this.removeAll(entry);
    } else {
      const filter = this.filter(entry, selector.handle);
      this.removeOne(entry, filter);
    }
    if (entry.filters.size > 0 || !chain) return;
    chain.splice(chain.indexOf(entry), 1);
    if (chain.length === 0) this.chains.delete(chainNumber);
  }

  /** `tc filter get`. */
  get(selector: FilterSelector): Filter {
    if (!selector.pref) throw filterRefused('Invalid filter command with priority of zero');
    return this.filter(this.entry(selector), selector.handle ?? 0);
  }

  /** What `show` lists, in its order. */
  list(selector: FilterSelector): Filter[] {
    const found: Filter[] = [];
    for (const [chainNumber, chain] of this.chains) {
      if (selector.chain !== undefined && selector.chain !== chainNumber) continue;
      for (const entry of chain) {
        if (selector.pref && selector.pref !== entry.pref) continue;
        if (selector.protocol !== undefined && selector.protocol !== entry.protocol) continue;
        const handles = [...entry.filters.keys()].sort((a, b) => a - b);
        for (const handle of handles) {
          if (selector.handle && selector.handle !== handle) continue;
          const filter = entry.filters.get(handle);
          if (filter) found.push(filter);
        }
      }
    }
    return found;
  }

  /** Removes every filter of every chain. */
  clear(): void {
    for (const chain of this.chains.values()) for (const entry of chain) this.removeAll(entry);
    this.chains.clear();
  }

  private entry(selector: FilterSelector): Pref {
    const chain = this.chains.get(selector.chain ?? 0);
    if (!chain) throw filterRefused('Cannot find specified filter chain');
    const entry = chain.find((other) => other.pref === selector.pref);
    if (!entry) throw filterRefused('Filter with specified priority/protocol not found');
    if (selector.protocol !== undefined && selector.protocol !== entry.protocol) {
      throw filterRefused('Protocol mismatch for filter with specified priority');
    }
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
    entry.filters.delete(filter.spec.handle);
    entry.handles.release(filter.spec.handle);
    this.maker.unmake(filter);
  }

  private autoPref(chain: readonly Pref[]): number {
    const lowest = chain.find((entry) => entry.pref >= AUTO_PREF_FLOOR);
    return lowest ? lowest.pref - 1 : AUTO_PREF;
  }

  private rule(filter: Filter): {
    id: number;
    chain: number;
    pref: number;
    protocol: number;
    key: Int32Array;
    mask: Int32Array;
  } {
    const key = new Int32Array(KEY_WORDS);
    const mask = new Int32Array(KEY_WORDS);
    encodeKeys(filter.spec.keys, this.maker, key, mask);
    const { chain, pref, protocol } = filter.spec;
    return { id: filter.rule, chain, pref, protocol, key, mask };
  }
}

function sameWords(a: Int32Array, b: Int32Array): boolean {
  return a.every((word, i) => word === b[i]);
}

function sameMasked(a: Int32Array, b: Int32Array, mask: Int32Array): boolean {
  return mask.every((bits, i) => (((a[i] ?? 0) ^ (b[i] ?? 0)) & bits) === 0);
}
