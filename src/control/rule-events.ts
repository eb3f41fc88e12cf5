/**
 * Which events an edit of the rules is told as: those that net/sched/cls_api.c and act_api.c send to RTNLGRP_TC. A
 * chain comes with its first filter and goes with its last, unless `tc chain add` made it; filters that go together
 * are told of as their priorities; with a qdisc its chains go, and with a device, without a word of it, its qdisc.
 */
import type {
  ActionKind,
  ActionState,
  FilterParent,
  FilterSelector,
  FilterState,
  QdiscState,
} from '../iproute/commands.js';
import type { EventSink } from './events.js';
import type { Filter } from './filter.js';
import type { FilterBlock } from './filter-block.js';

const verbs = { add: 'added', replace: 'replaced', change: 'changed' } as const;

/** Tells of edits; each method does the edit it is given, with or without somebody listening. */
export class RuleEvents {
  private readonly sink: EventSink;
  private readonly state: (filter: Filter, parent: FilterParent) => FilterState;

  constructor(sink: EventSink, state: (filter: Filter, parent: FilterParent) => FilterState) {
    this.sink = sink;
    this.state = state;
  }

  get isHeard(): boolean {
    return this.sink.isHeard;
  }

  qdisc(qdisc: QdiscState | undefined, deleted: boolean): void {
    if (qdisc) this.sink.note({ type: 'qdisc', qdisc, deleted });
  }

  /** Chains that go with their qdisc. */
  chainsGone(dev: string, block: FilterBlock): void {
    if (!this.isHeard) return;
    for (const chain of block.chainNumbers) this.sink.note({ type: 'chain', dev, chain, deleted: true });
  }

  chain(dev: string, chain: number, deleted: boolean): void {
    this.sink.note({ type: 'chain', dev, chain, deleted });
  }

  /** `hadChain`: before the edit. The parent is the one that this command named. */
  edited(
    mode: 'add' | 'replace' | 'change',
    dev: string,
    filter: Filter,
    parent: FilterParent,
    hadChain: boolean,
  ): void {
    if (!this.isHeard) return;
    const state = { ...this.state(filter, parent), dev };
    if (!hadChain) this.chain(dev, state.chain, false);
    this.sink.note({ type: 'filter', filter: state, event: verbs[mode] });
  }

  /** Removes filters (`remove`, which may throw), and tells which; `isChain`: their chain in any case. */
  removing(dev: string, block: FilterBlock, selector: FilterSelector, remove: () => void, isChain = false): void {
    if (!this.isHeard) {
      remove();
      return;
    }
    const { parent, pref, handle, chain = 0 } = selector;
    const found = block.list({ ...selector, chain });
    const [first] = found;
    const gone = pref && handle && first ? [this.state(first, parent)] : [];
    remove();
    for (const filter of gone) this.sink.note({ type: 'filter', filter: { ...filter, dev }, event: 'deleted' });
    if (!(pref && handle)) {
      let last = 0;
      for (const { pref: number, protocol } of found) {
        if (number === last) continue;
        last = number;
        this.sink.note({ type: 'priority', priority: { dev, parent, protocol, pref: number, chain } });
      }
    }
    if ((isChain || found.length > 0) && !block.hasChain(chain)) this.chain(dev, chain, true);
  }

  /** One command of `tc actions`, or the actions as they are after it. */
  actions(event: 'added' | 'replaced' | 'deleted', actions: readonly ActionState[]): void {
    if (actions.length > 0) this.sink.note({ type: 'actions', event, actions });
  }

  flushed(kind: ActionKind, count: number): void {
    if (count > 0) this.sink.note({ type: 'actions-flush', kind, count });
  }
}
