import type { FilterSpec } from '../iproute/commands.js';
import type { ActionInstance } from './action-table.js';
import type { Filter, FilterMaker } from './filter-chain.js';
import { FreeNumbers } from './free-numbers.js';
import type { ProgramWriter } from './programs.js';
import { filterRefused } from './refusal.js';
import type { SharedActions } from './shared-actions.js';

/** Filters with what they hold: their actions, a rule's number and a program, given back when no worker uses them. */
export class BoundFilters implements Omit<FilterMaker, 'touch'> {
  private readonly actions: SharedActions;
  private readonly programs: ProgramWriter;
  private readonly ifindexOf: (name: string) => number;
  private readonly retire: (release: () => void) => void;
  private readonly ruleIds = new FreeNumbers(0);

  /** `retire` is given what has to wait until the workers have taken over the next commit. */
  constructor(
    actions: SharedActions,
    programs: ProgramWriter,
    ifindexOf: (name: string) => number,
    retire: (release: () => void) => void,
  ) {
    this.actions = actions;
    this.programs = programs;
    this.ifindexOf = ifindexOf;
    this.retire = retire;
  }

  make(spec: FilterSpec): Filter {
    // Everything that can be refused comes first, so that nothing is half-applied.
    let indev = 0;
    for (const { name, value } of spec.keys) {
      if (name === 'indev') indev = this.ifindexOf(new TextDecoder().decode(value));
    }
    if (spec.parent !== 'egress') checkIngress(spec);
    const binds = this.actions.prepare(spec.actions);
    const actions = binds.map((bind) => bind());
    const rule = this.ruleIds.next();
    return { spec: withoutActions(spec), rule, actions, program: this.programs.write(rule, actions), indev };
  }

  discard(filter: Filter): void {
    this.release(filter, this.unbind(filter));
  }

  unmake(filter: Filter): void {
    const ended = this.unbind(filter);
    this.retire(() => this.release(filter, ended));
  }

  remake(filter: Filter): void {
    for (const action of filter.actions) this.actions.rebind(action);
  }

  /** Takes a filter's bindings back; returns the actions that this was the end of. */
  private unbind(filter: Filter): ActionInstance[] {
    return filter.actions.filter((action) => this.actions.unbind(action));
  }

  /** Gives back what no worker uses any more. */
  private release(filter: Filter, ended: readonly ActionInstance[]): void {
    this.programs.release(filter.program);
    this.ruleIds.release(filter.rule);
    for (const action of ended) this.actions.release(action);
  }
}

/** What the kernel refuses where frames come in (tcf_skbedit_init). */
function checkIngress({ actions }: FilterSpec): void {
  if (!actions.some((spec) => spec.kind === 'skbedit' && spec.queueMapping !== undefined)) return;
  throw filterRefused('act_skbedit: "queue_mapping" option on receive side is hardware only, use skip_sw');
}

/** Written out: what is left of an object by leaving out a part has a hidden class of its own, for each filter. */
function withoutActions(spec: FilterSpec): Omit<FilterSpec, 'actions'> {
  const { dev, parent, protocol, pref, chain, handle, keys, skipHw, classid } = spec;
  const rest = { dev, parent, protocol, pref, chain, handle, keys, skipHw };
  return classid === undefined ? rest : { ...rest, classid };
}
