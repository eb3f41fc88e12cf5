/**
 * Where the rules stand that workers know by their numbers. A number is soon given to another filter; for a while it is
 * remembered whose it was until when, so that what a frame met is not said to be what stands there now.
 */
import type { Filter } from './filter.js';

export interface RulePlace {
  readonly dev: string;
  /** `ingress` or `egress`. */
  readonly hook: string;
  readonly chain: number;
  readonly pref: number;
  readonly handle: number;
}

interface Former {
  readonly rule: number;
  readonly place: RulePlace;
  /** Milliseconds since the epoch: until when workers had it. */
  readonly until: number;
}

/** Filters that are remembered when they are gone. */
const FORMER = 1024;

export class RulePlaces {
  private readonly filters: (Filter | undefined)[] = [];
  private readonly former: Former[] = [];
  private next = 0;
  /** The filter that was made last. */
  last: Filter | undefined;

  add(filter: Filter): void {
    this.filters[filter.rule] = filter;
    this.last = filter;
  }

  /** No worker uses it any more. */
  remove(filter: Filter): void {
    if (this.filters[filter.rule] !== filter) return;
    this.filters[filter.rule] = undefined;
    this.former[this.next] = { rule: filter.rule, place: placeOf(filter), until: Date.now() };
    this.next = (this.next + 1) % FORMER;
  }

  /** Where the rule of this number stood at a time (milliseconds since the epoch). */
  at(rule: number, time: number): RulePlace | undefined {
    if (rule < 0) return undefined;
    let found: Former | undefined;
    for (const one of this.former) {
      if (one.rule === rule && one.until >= time && (!found || one.until < found.until)) found = one;
    }
    if (found) return found.place;
    const filter = this.filters[rule];
    return filter && placeOf(filter);
  }
}

function placeOf({ dev, parent, chain, pref, handle }: Filter): RulePlace {
  return { dev, hook: parent === 'egress' ? 'egress' : 'ingress', chain, pref, handle };
}
