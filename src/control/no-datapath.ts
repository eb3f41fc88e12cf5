import { ActionCounters, Counters } from '../memory/counters.js';
import type { RuleDatapath } from './rule-surroundings.js';

/** Stands in for a datapath where rules are only to be looked at: nothing runs them. */
export class NoDatapath implements RuleDatapath {
  readonly counters = new Counters();
  readonly actionCounters = new ActionCounters();

  apply(): Promise<void> {
    return Promise.resolve();
  }

  ensureActionCounters(rows: number): void {
    while (this.actionCounters.capacity < rows) this.actionCounters.grow();
  }
}
