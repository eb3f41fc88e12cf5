/**
 * The filters of an endpoint, looked through for whoever shows some of them: a look makes nothing of those that are not
 * shown but their sum, and of a hundred thousand holds up nobody (slices.ts).
 */
import type { ActionCounts } from '../memory/counter-sets.js';
import { ActionCounter } from '../memory/counters.js';
import type { OtherFilters, OverviewFilter } from '../observe/overview.js';
import type { Filter } from './filter.js';
import type { FilterBlock } from './filter-block.js';
import type { Slices } from './slices.js';

/** Which filters are told one by one: those that stand first, which stay the same ones, or those with most packets. */
export type FilterChoice = 'first' | 'busiest';

/** The filters of one hook. */
export interface SurveyedHook {
  readonly dev: string;
  readonly parent: 'ingress' | 'egress';
  readonly block: Pick<FilterBlock, 'byPref'>;
}

export interface Survey {
  readonly filters: OverviewFilter[];
  readonly others: OtherFilters;
}

/** What one filter has counted, as it was read: the sum of the others is without it. */
interface Told {
  filter: Filter;
  hook: SurveyedHook;
  /** Its place among all, from 0 on. */
  order: number;
  packets: number;
  bytes: number;
  dropped: number;
}

/** Looks at every filter once; `most` are told one by one. */
export async function surveyFilters(
  hooks: Iterable<SurveyedHook>,
  counters: Pick<ActionCounts, 'value'>,
  choice: FilterChoice,
  most: number,
  slices: Slices,
): Promise<Survey> {
  const told = choice === 'busiest' ? new Busiest(most) : new First(most);
  let order = 0;
  const sum = { packets: 0, bytes: 0, dropped: 0 };
  for (const hook of hooks) {
    for (const filters of hook.block.byPref()) {
      for (const filter of filters) {
        if (slices.isOver) await slices.pause();
        // It may have been removed meanwhile.
        if (filter.use === undefined) continue;
        const { actions } = filter;
        const [first] = actions;
        const packets = first === undefined ? 0 : counters.value(first.row, ActionCounter.PACKETS);
        const bytes = packets === 0 || first === undefined ? 0 : counters.value(first.row, ActionCounter.BYTES);
        let dropped = 0;
        for (const { row } of actions) dropped += counters.value(row, ActionCounter.DROPS);
        sum.packets += packets;
        sum.bytes += bytes;
        sum.dropped += dropped;
        told.offer(filter, hook, order++, packets, bytes, dropped);
      }
    }
  }
  for (const { packets, bytes, dropped } of told.chosen) {
    sum.packets -= packets;
    sum.bytes -= bytes;
    sum.dropped -= dropped;
  }
  told.chosen.sort((a, b) => a.order - b.order);
  return { filters: told.chosen.map(shown), others: { count: order - told.chosen.length, ...sum } };
}

/** The first ones. */
class First {
  readonly chosen: Told[] = [];
  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  offer(filter: Filter, hook: SurveyedHook, order: number, packets: number, bytes: number, dropped: number): void {
    if (this.chosen.length < this.most) this.chosen.push({ filter, hook, order, packets, bytes, dropped });
  }
}

/** Those with most packets; of equal ones the first. A heap: the least of them is at the top. */
class Busiest {
  readonly chosen: Told[] = [];
  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  offer(filter: Filter, hook: SurveyedHook, order: number, packets: number, bytes: number, dropped: number): void {
    const { chosen } = this;
    if (chosen.length < this.most) {
      chosen.push({ filter, hook, order, packets, bytes, dropped });
      this.rise(chosen.length - 1);
      return;
    }
    const [least] = chosen;
    if (least === undefined || packets <= least.packets) return;
    Object.assign(least, { filter, hook, order, packets, bytes, dropped });
    this.sink();
  }

  private rise(from: number): void {
    const { chosen } = this;
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.isLess(at, above)) return;
      swap(chosen, at, above);
      at = above;
    }
  }

  private sink(): void {
    const { chosen } = this;
    for (let at = 0; ; ) {
      let least = at;
      for (const below of [2 * at + 1, 2 * at + 2]) {
        if (below < chosen.length && this.isLess(below, least)) least = below;
      }
      if (least === at) return;
      swap(chosen, at, least);
      at = least;
    }
  }

  /** Whether the one at `a` is to go before the one at `b`: it has fewer packets, or as many and came later. */
  private isLess(a: number, b: number): boolean {
    const { [a]: one, [b]: other } = this.chosen;
    if (!one || !other) return false;
    return one.packets < other.packets || (one.packets === other.packets && one.order > other.order);
  }
}

function swap(chosen: Told[], a: number, b: number): void {
  const { [a]: one, [b]: other } = chosen;
  if (!one || !other) return;
  chosen[a] = other;
  chosen[b] = one;
}

function shown({ filter, hook, packets, bytes, dropped }: Told): OverviewFilter {
  const { chain, pref, handle, actions } = filter;
  const cookie = actions.find((action) => action.content.cookie !== undefined)?.content.cookie;
  return {
    dev: hook.dev,
    parent: hook.parent,
    chain,
    pref,
    handle,
    ...(cookie !== undefined && { cookie: Buffer.from(cookie).toString('hex') }),
    packets,
    bytes,
    dropped,
  };
}
