/** The filters of one hook, as those find them who ask: chains, prefs, handles, and what is not there by name. */
import type { FilterSelector } from '../iproute/commands.js';
import type { Filter } from './filter.js';
import { byRank, type Chain, checkChain, type Pref, protocolMismatch } from './filter-chain.js';
import { filterRefused } from './refusal.js';

export class FilterChains {
  protected readonly chains = new Map<number, Chain>();

  hasChain(number: number): boolean {
    return this.chains.has(number);
  }

  /** The numbers of the chains, in order of creation. */
  get chainNumbers(): number[] {
    return byRank(this.chains.values()).map(({ number }) => number);
  }

  /** Of those, the ones that `tc chain add` made. */
  get explicitChains(): number[] {
    return this.chainNumbers.filter((number) => this.chains.get(number)?.isExplicit);
  }

  /** Throws CommandError where there is no such chain. */
  checkHasChain(number: number): void {
    this.chain(number);
  }

  protected chain(number: number): Chain {
    checkChain(number);
    const chain = this.chains.get(number);
    if (!chain) throw filterRefused('Cannot find specified filter chain');
    return chain;
  }

  /** `tc filter get`. */
  get(selector: FilterSelector): Filter {
    if (!selector.pref) throw filterRefused('Invalid filter command with priority of zero');
    return this.filter(this.entry(selector), selector.handle ?? 0);
  }

  /** What `show` lists, in its order. */
  list(selector: FilterSelector): Filter[] {
    const found: Filter[] = [];
    for (const chain of byRank(this.chains.values())) {
      const { number } = chain;
      if (selector.chain !== undefined && selector.chain !== number) continue;
      for (const pref of selector.pref ? [selector.pref] : chain.order) {
        const entry = chain.byPref.get(pref);
        if (!entry || (selector.protocol !== undefined && selector.protocol !== entry.protocol)) continue;
        // Deleting one asks for it by its handle, among however many.
        if (selector.handle) {
          const filter = entry.filters.get(selector.handle);
          if (filter) found.push(filter);
          continue;
        }
        for (const filter of entry.filters.values()) found.push(filter);
      }
    }
    return found;
  }

  /** What `list` gives of everything, a pref at a time and without an array; what is edited meanwhile may show or not. */
  *byPref(): Generator<Iterable<Filter>> {
    for (const { byPref, order } of byRank(this.chains.values())) {
      for (const pref of [...order]) {
        const entry = byPref.get(pref);
        if (entry) yield entry.filters.values();
      }
    }
  }

  /** Whether this very filter is in force, not one in its place. */
  has(filter: Filter): boolean {
    const { chain, pref, handle } = filter;
    return this.at(chain, pref, handle) === filter;
  }

  at(chain: number, pref: number, handle: number): Filter | undefined {
    return this.chains.get(chain)?.byPref.get(pref)?.filters.get(handle);
  }

  protected entry(selector: FilterSelector): Pref {
    const chain = this.chain(selector.chain ?? 0);
    const entry = chain.byPref.get(selector.pref ?? 0);
    if (!entry) throw filterRefused('Filter with specified priority/protocol not found');
    if (selector.protocol !== undefined && selector.protocol !== entry.protocol) throw protocolMismatch();
    if (selector.kind !== undefined && selector.kind !== 'flower') {
      throw filterRefused('Specified filter kind does not match existing one');
    }
    return entry;
  }

  protected filter(entry: Pref, handle: number): Filter {
    const filter = entry.filters.get(handle);
    if (!filter) throw filterRefused('Specified filter handle not found');
    return filter;
  }
}
