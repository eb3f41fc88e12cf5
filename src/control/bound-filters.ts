import type { FilterSpec } from '../iproute/commands.js';
import type { ActionInstance } from './action-table.js';
import { Filter } from './filter.js';
import type { FilterMaker } from './filter-chain.js';
import { FreeNumbers } from './free-numbers.js';
import { hasHeapRoom } from './heap-room.js';
import { shapeOf } from './key-shape.js';
import type { ProgramWriter } from './programs.js';
import { filterAnswers, filterRefused } from './refusal.js';
import type { SharedActions } from './shared-actions.js';

/** Filters with what they hold: their actions, a rule's number and a program, given back when no worker uses them. */
export class BoundFilters implements Omit<FilterMaker, 'touch'> {
  private readonly actions: SharedActions;
  private readonly programs: ProgramWriter;
  private readonly ifindexOf: (name: string) => number;
  private readonly retire: (release: () => void) => void;
  private readonly ruleIds = new FreeNumbers(0);
  private readonly hasRoom: () => boolean;
  private made = 0;
  private live = 0;

  /**
   * `retire` is given what has to wait until the workers have taken over the next commit; `hasRoom`: whether there is
   * memory for some thousands of filters more.
   */
  constructor(
    actions: SharedActions,
    programs: ProgramWriter,
    ifindexOf: (name: string) => number,
    retire: (release: () => void) => void,
    hasRoom = hasHeapRoom,
  ) {
    this.actions = actions;
    this.programs = programs;
    this.ifindexOf = ifindexOf;
    this.retire = retire;
    this.hasRoom = hasRoom;
  }

  /** How many there are. */
  get count(): number {
    return this.live;
  }

  make(spec: FilterSpec): Filter {
    // Everything that can be refused comes first, so that nothing is half-applied.
    if (this.made % FILTERS_BETWEEN_CHECKS === 0 && !this.hasRoom()) throw filterAnswers('Cannot allocate memory');
    this.made++;
    let indev = 0;
    for (const { name, value } of spec.keys) {
      if (name === 'indev') indev = this.ifindexOf(new TextDecoder().decode(value));
    }
    if (spec.parent !== 'egress') checkIngress(spec);
    const binds = this.actions.prepare(spec.actions);
    const shape = shapeOf(spec.keys);
    const actions = binds.map((bind) => bind());
    this.live++;
    const rule = this.ruleIds.next();
    this.programs.write(rule, actions);
    return new Filter(spec, indev, shape, { rule, actions });
  }

  discard(filter: Filter): void {
    this.live--;
    this.release(filter, this.unbind(filter));
  }

  unmake(filter: Filter): void {
    this.live--;
    const ended = this.unbind(filter);
    this.retire(() => this.release(filter, ended));
  }

  remake(filter: Filter): void {
    this.live++;
    for (const action of filter.actions) this.actions.rebind(action);
  }

  /** Takes a filter's bindings back; returns the actions that this was the end of. */
  private unbind(filter: Filter): ActionInstance[] {
    return filter.actions.filter((action) => this.actions.unbind(action));
  }

  /** Gives back what no worker uses any more. */
  private release(filter: Filter, ended: readonly ActionInstance[]): void {
    this.programs.release(filter.rule);
    this.ruleIds.release(filter.rule);
    for (const action of ended) this.actions.release(action);
  }
}

const FILTERS_BETWEEN_CHECKS = 1024;

/** What the kernel refuses where frames come in (tcf_skbedit_init). */
function checkIngress({ actions }: FilterSpec): void {
  if (!actions.some((spec) => spec.kind === 'skbedit' && spec.queueMapping !== undefined)) return;
  throw filterRefused('act_skbedit: "queue_mapping" option on receive side is hardware only, use skip_sw');
}
