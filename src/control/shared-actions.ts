/**
 * Actions of their own (`tc actions`) and those that filters make: one table, as in a network namespace. The checks,
 * the counts of references and bindings and the messages are those of net/sched/act_api.c. Where the kernel stops half
 * way through a command of several actions, here nothing of it is done.
 */
import { actionCommand } from '../iproute/action-command.js';
import { actionKinds } from '../iproute/action-kinds.js';
import { isRefusal, type KernelRefusal, withoutDetails } from '../iproute/action-references.js';
import {
  type ActionDetail,
  type ActionKind,
  type ActionSelector,
  type ActionSpec,
  type ActionState,
  CommandError,
} from '../iproute/commands.js';
import { wordsLeft } from '../iproute/parse-actions.js';
import type { ActionList } from '../iproute/print-actions.js';
import { SYSTEM_CLOCK } from '../memory/clock.js';
import { type ActionInstance, type ActionMaking, ActionTable } from './action-table.js';
import { isSameAction } from './filter-content.js';
import type { Journal } from './journal.js';
import type { ProgramWriter } from './programs.js';
import { actionAnswers, filterAnswers, filterRefused, selectionRefused } from './refusal.js';
import type { RuleDatapath, RuleDevices } from './rule-surroundings.js';
import { sharedContent } from './shared-content.js';

/** What to say of a flush; exit code 0 with a warning. */
export const FLUSHED_IN_PART = 'Warning: Unable to flush all TC actions.';

/** What became of one action of `tc actions add` or `replace`. */
export interface AddedAction {
  readonly action: ActionInstance;
  readonly isNew: boolean;
}

export class SharedActions {
  private readonly table: ActionTable;
  private readonly devices: RuleDevices;
  private readonly programs: ProgramWriter;
  private readonly retire: (release: () => void) => void;
  private readonly journal: Journal;

  /** `retire` is given what to do when the next commit is in force, and sees to it that there is one. */
  constructor(
    datapath: Pick<RuleDatapath, 'actionCounters' | 'ensureActionCounters' | 'clock'>,
    devices: RuleDevices,
    programs: ProgramWriter,
    retire: (release: () => void) => void,
    journal: Journal,
  ) {
    this.table = new ActionTable(
      datapath.actionCounters,
      (rows) => datapath.ensureActionCounters(rows),
      datapath.clock,
    );
    this.devices = devices;
    this.programs = programs;
    this.retire = retire;
    this.journal = journal;
  }

  // ---- filters bind ----------------------------------------------------------------------------------------------

  /**
   * Checks the actions of a filter; throws CommandError where one is refused. Each of the functions binds the filter
   * to its action: to the existing one of the index named, whatever else is said of it, or to a new one.
   */
  prepare(specs: readonly ActionSpec[]): (() => ActionInstance)[] {
    return specs.map((spec) => {
      const kind = spec.kind === 'reference' ? spec.of : spec.kind;
      // Index 0 asks for any, as none does (tcf_idr_check_alloc).
      const named = (): ActionInstance | undefined => (spec.index ? this.table.find(kind, spec.index) : undefined);
      const making = spec.kind === 'reference' ? standIn(spec) : spec;
      if (isRefusal(making) && !named()) throw kernelRefused(making);
      const target = spec.kind === 'reference' || isRefusal(making) ? -1 : this.targetOf(making);
      return () => {
        const existing = named();
        const action = existing ?? this.make(isRefusal(making) ? unreachable(making) : making, target);
        if (existing) existing.ref++;
        action.bind++;
        return action;
      };
    });
  }

  /** A cookie said of an action that a filter is bound to becomes the action's (tcf_action_init_1). */
  giveCookies(actions: readonly ActionInstance[], specs: readonly ActionSpec[]): void {
    for (const [n, action] of actions.entries()) {
      const cookie = specs[n]?.cookie;
      if (!cookie) continue;
      const before = action.content;
      action.content = { ...before, cookie };
      this.journal.note(() => {
        action.content = before;
      });
    }
  }

  /** Takes a filter's binding back; true where this was the action's end, and `release` must follow. */
  unbind(action: ActionInstance): boolean {
    action.bind--;
    return this.table.unref(action);
  }

  /** Takes `unbind` back, before `release`. */
  rebind(action: ActionInstance): void {
    action.bind++;
    this.table.reref(action);
  }

  /** Gives back what an ended action had. Only once no worker runs it any more. */
  release(action: ActionInstance): void {
    if (action.block) this.programs.releaseAction(action.block);
    action.block = undefined;
    this.table.releaseRow(action.row);
    if (action.target >= 0) this.devices.drop(action.target);
  }

  // ---- tc actions ------------------------------------------------------------------------------------------------

  /** `tc actions add` and `replace`; a change is in force, for every filter that is bound, with the next commit. */
  add(mode: 'add' | 'replace', specs: readonly ActionSpec[]): AddedAction[] {
    const made = new Set<string>();
    const edits = specs.map((spec) => {
      const making = spec.kind === 'reference' ? standIn(spec) : spec;
      if (isRefusal(making)) throw withActionsCode(kernelRefused(making));
      const { kind, index } = making;
      const existing = index ? this.table.find(kind, index) : undefined;
      if (existing && mode === 'add') throw actionAnswers('File exists');
      // The first of two that ask for one index has it reserved only.
      if (index && !existing && made.has(`${kind} ${index}`)) throw actionAnswers('Resource temporarily unavailable');
      if (index) made.add(`${kind} ${index}`);
      const target = withActionsExit(() => this.targetOf(making));
      return (): AddedAction => {
        if (existing) this.change(existing, making, target);
        return { action: existing ?? this.makeOwn(making, target), isNew: existing === undefined };
      };
    });
    const added: AddedAction[] = [];
    // Indices that were asked for first: the daemon's choice must not take one of them.
    for (const n of [...edits.keys()].sort((a, b) => Number(!specs[a]?.index) - Number(!specs[b]?.index))) {
      const edit = edits[n];
      if (edit) added[n] = edit();
    }
    return added;
  }

  /** `tc actions del`: of an action that no filter is bound to. */
  remove(selectors: readonly ActionSelector[]): void {
    const actions = this.named(selectors);
    if (actions.some(({ bind }) => bind > 0)) throw selectionRefused('Failed to delete TC action');
    for (const action of new Set(actions)) this.end(action);
  }

  /** `tc actions get`. */
  get(selectors: readonly ActionSelector[]): ActionState[] {
    return this.named(selectors).map((action) => this.state(action));
  }

  /** `tc actions ls`: by index; `since` milliseconds: those that were used within them. */
  list(kind: ActionKind, since?: number): ActionState[] {
    const from = since === undefined ? Number.NEGATIVE_INFINITY : SYSTEM_CLOCK.steady() - since;
    return this.table.list(kind, (action) => this.table.lastUsed(action) >= from).map((action) => this.state(action));
  }

  /** As `list`, one after the other: one that has ended by then is left out. */
  each(kind: ActionKind, since?: number): ActionList {
    const from = since === undefined ? Number.NEGATIVE_INFINITY : SYSTEM_CLOCK.steady() - since;
    const actions = this.table.list(kind, (action) => this.table.lastUsed(action) >= from);
    return { total: actions.length, states: this.states(actions) };
  }

  private *states(actions: readonly ActionInstance[]): Generator<ActionState> {
    for (const action of actions) {
      if (this.table.find(action.kind, action.index) === action) yield this.state(action);
    }
  }

  find(kind: ActionKind, index: number): ActionInstance | undefined {
    return this.table.find(kind, index);
  }

  /** Notes the addresses that `tunnel_key set` sends to, in hexadecimal digits. */
  addPeers(found: Set<string>): void {
    for (const { content } of this.table.list('tunnel_key'))
      if (content.kind === 'tunnel_key' && content.mode === 'set')
        found.add(Buffer.from(content.dstIp).toString('hex'));
  }

  /** The actions that were made by themselves, and are there without filters. */
  own(): ActionState[] {
    return this.ownActions().map((action) => this.state(action));
  }

  /** As `own`, themselves. */
  ownActions(): ActionInstance[] {
    return [...actionKinds, 'custom' as const].flatMap((kind) => this.table.list(kind, ({ ref, bind }) => ref > bind));
  }

  /** Leaves an action to the filters that are bound to it. */
  disown(action: ActionInstance): void {
    this.end(action);
  }

  /** Has an action of this index there without filters, as it is said here; what it has counted stays. */
  have(spec: ActionMaking & { readonly index: number }): void {
    const target = withActionsExit(() => this.targetOf(spec));
    const action = this.table.find(spec.kind, spec.index);
    if (!action) {
      this.makeOwn(spec, target);
      return;
    }
    if (action.ref === action.bind) {
      action.ref++;
      this.journal.note(() => action.ref--);
    }
    if (isSameAction({ content: spec, target }, action)) return;
    this.change(action, spec, target);
    action.content = sharedContent(spec);
  }

  /**
   * `tc actions flush`: by index up to the first that a filter is bound to (tcf_del_walker). Throws CommandError where
   * that is the very first; false where some were left.
   */
  flush(kind: ActionKind): boolean {
    const actions = this.table.list(kind);
    const bound = actions.findIndex(({ bind }) => bind > 0);
    if (bound === 0) {
      throw new CommandError('RTNETLINK answers: Operation not permitted\nWe have an error flushing', 1);
    }
    for (const action of bound < 0 ? actions : actions.slice(0, bound)) this.end(action);
    return bound < 0;
  }

  /** What the action `simple` of a counter row has to say now; undefined where it is gone. */
  noteOf(row: number): string | undefined {
    const action = this.table.list('simple').find((each) => each.row === row);
    if (action?.content.kind !== 'simple') return undefined;
    const { packets } = this.state(action).statistics;
    return `simple: ${action.content.data.replaceAll(/\p{Cc}/gu, '?')}_${packets}`;
  }

  /** How many there are, those of filters among them. */
  get size(): number {
    return this.table.size;
  }

  /** The steady clock by which they age, in milliseconds. */
  now(): number {
    return this.table.now();
  }

  /** An action with its statistics. */
  state(action: ActionInstance): ActionState {
    return this.table.state(action, (device) => this.devices.nameOf(device));
  }

  private named(selectors: readonly ActionSelector[]): ActionInstance[] {
    return selectors.map(({ action: kind, index }) => {
      const action = this.table.find(kind, index);
      if (!action) throw selectionRefused('TC action with specified index not found');
      return action;
    });
  }

  /** Where an action sends to, or -1; throws CommandError where there is no such device. */
  private targetOf(spec: ActionDetail): number {
    if (spec.kind === 'custom') this.devices.checkAction?.(spec.name);
    if (spec.kind !== 'mirred') return -1;
    return this.devices.targetOf(spec.dev, spec.direction, wordsLeft(spec));
  }

  private make(spec: ActionMaking, target: number): ActionInstance {
    const action = this.table.add(spec, target);
    if (target >= 0) this.devices.hold(target);
    action.block = this.programs.addAction(action);
    return action;
  }

  private change(action: ActionInstance, spec: ActionMaking, target: number): void {
    const { cookie } = action.content;
    this.touch(action);
    const before = { content: action.content, block: action.block, target: action.target };
    // A cookie stays until another is given.
    action.content = sharedContent({ ...(cookie ? { cookie } : {}), ...spec });
    action.target = target;
    if (target >= 0) this.devices.hold(target);
    const block = this.programs.changeAction(action);
    action.block = block;
    this.retire(() => {
      if (before.block) this.programs.releaseAction(before.block);
      if (before.target >= 0) this.devices.drop(before.target);
    });
    this.journal.note(() => {
      if (before.block) {
        action.block = before.block;
        this.programs.restoreAction(action.row, before.block);
      }
      action.content = before.content;
      action.target = before.target;
      this.programs.releaseAction(block);
      if (target >= 0) this.devices.drop(target);
    });
  }

  /** An action that is there without filters. */
  private makeOwn(spec: ActionMaking, target: number): ActionInstance {
    const action = this.make(spec, target);
    this.touch(action, true);
    this.journal.note(() => {
      this.table.unref(action);
      this.release(action);
    });
    return action;
  }

  private touch({ kind, index }: ActionInstance, isNew = false): void {
    const now = (): string | undefined => {
      const action = this.table.find(kind, index);
      return action && `tc ${actionCommand(this.state(action).spec).join(' ')}`;
    };
    this.journal.changing?.(`${kind} ${index}`, now, isNew);
  }

  /** Takes the last reference: the action's own. */
  private end(action: ActionInstance): void {
    this.touch(action);
    if (this.table.unref(action)) this.retire(() => this.release(action));
    this.journal.note(() => this.table.reref(action));
  }
}

/** What an index alone that no action has makes, or why it makes nothing. */
function standIn(spec: ActionSpec & { readonly kind: 'reference' }): ActionMaking | KernelRefusal {
  const detail = withoutDetails(spec);
  if (isRefusal(detail)) return detail;
  const { index, cookie } = spec;
  return { ...detail, index, ...(cookie ? { cookie } : {}) };
}

function kernelRefused(refusal: KernelRefusal): CommandError {
  return 'sentence' in refusal ? filterRefused(refusal.sentence) : filterAnswers(refusal.answers);
}

/** The action was there when it was looked for, in the same turn. */
function unreachable(refusal: KernelRefusal): never {
  throw kernelRefused(refusal);
}

function withActionsCode({ message }: CommandError): CommandError {
  return new CommandError(message, 255);
}

/** What stops tc while it reads an action ends `tc actions` with 255, where a filter's ends with 1. */
function withActionsExit<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof CommandError && error.exitCode === 1 ? new CommandError(error.message, 255) : error;
  }
}
