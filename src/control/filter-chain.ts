/** What a block of filters consists of: chains, their prefs, the filters and masks of a pref. */
import type { CommandError, FilterParent, FilterSpec, FilterState } from '../iproute/commands.js';
import type { Filter } from './filter.js';
import { FreeNumbers } from './free-numbers.js';
import { Numbered } from './numbered.js';
import { filterRefused } from './refusal.js';

export interface Pref {
  readonly pref: number;
  readonly protocol: number;
  readonly handles: FreeNumbers;
  /** By handle. */
  readonly filters: Numbered<Filter>;
  readonly masks: Map<string, MaskUse>;
}

/** A mask in use in a pref. */
export interface MaskUse {
  readonly mask: string;
  /** Ascending in order of creation, in which the masks of a pref are tried. */
  rank: number;
  filters: number;
  /** Of a mask of port ranges: those in use, by name. */
  readonly ranges: Map<string, RangeUse>;
}

/** Port ranges in use under a mask. */
export interface RangeUse {
  readonly name: string;
  /** As that of a mask: in this order the ranges of a mask are tried. */
  rank: number;
  filters: number;
}

export interface Chain {
  readonly number: number;
  /** Ascending in order of creation, in which they are shown. */
  rank: number;
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
  /** Takes `unmake` back, before it came in force. */
  remake(filter: Filter): void;
  /** What stands at this place is about to change. */
  touch(place: FilterPlace): void;
}

/** Where a filter stands in its block. */
export type FilterPlace = Pick<FilterSpec, 'dev' | 'parent' | 'chain' | 'pref' | 'handle'>;

/** A chain as it is to be made again. */
export interface SavedChain {
  readonly chain: number;
  readonly parent: FilterParent;
  /** Made by `tc chain add`, before its filters. */
  readonly isExplicit: boolean;
  readonly filters: Iterable<FilterState>;
}

/** Prefs given out when none is asked for begin at 0xC000 and go down (tcf_auto_prio). */
const AUTO_PREF = 0xc000;
const AUTO_PREF_FLOOR = 0x8000;
/** TC_ACT_EXT_VAL_MASK: what a `goto chain` can name. */
const CHAIN_LAST = 0x0fffffff;

export function emptyChain(number: number, rank: number, isExplicit: boolean): Chain {
  return { number, rank, byPref: new Map(), order: [], isExplicit };
}

export function emptyPref(pref: number, protocol: number): Pref {
  return { pref, protocol, handles: new FreeNumbers(1), filters: new Numbered(), masks: new Map() };
}

export function checkChain(chain: number): void {
  if (chain > CHAIN_LAST) throw filterRefused('Specified chain index exceeds upper limit');
}

/** Puts a pref into its chain. */
export function addPref({ byPref, order }: Chain, entry: Pref): void {
  byPref.set(entry.pref, entry);
  order.splice(placeOf(order, entry.pref), 0, entry.pref);
}

/** Takes a pref out of its chain. */
export function deletePref({ byPref, order }: Chain, entry: Pref): void {
  byPref.delete(entry.pref);
  order.splice(placeOf(order, entry.pref), 1);
}

/** The pref below the lowest of those that could have been given out (tcf_auto_prio). */
export function autoPref(chain: Chain | undefined): number {
  const lowest = chain?.order[placeOf(chain.order, AUTO_PREF_FLOOR)];
  if (lowest === AUTO_PREF_FLOOR) throw filterRefused('Lowest ID from auto-alloc range already in use');
  return lowest === undefined ? AUTO_PREF : lowest - 1;
}

/** By rank: what an undo put back stands behind all others in its Map, and keeps its rank. */
export function byRank<T extends { readonly rank: number }>(items: Iterable<T>): T[] {
  return [...items].sort((a, b) => a.rank - b.rank);
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

export function needsCreate(): CommandError {
  return filterRefused('Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter');
}

export function protocolMismatch(): CommandError {
  return filterRefused('Protocol mismatch for filter with specified priority');
}
