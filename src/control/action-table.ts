import type { ActionSpec, ActionState } from '../iproute/commands.js';
import { ActionCounter, type ActionCounters } from '../memory/counters.js';
import { FreeNumbers } from './free-numbers.js';

/** An action as an object of its own: filters bind to it, and its statistics are shared by all that do. */
export interface ActionInstance {
  readonly spec: ActionSpec & { readonly index: number };
  /** Row of the action counters. */
  readonly row: number;
  /** Device index that mirred sends to; -1 for other kinds. */
  readonly target: number;
  /** Milliseconds since the epoch. */
  readonly installed: number;
  ref: number;
  bind: number;
}

/** All actions of a daemon, by kind and index, as in a network namespace. */
export class ActionTable {
  private readonly kinds = new Map<string, { indices: FreeNumbers; actions: Map<number, ActionInstance> }>();
  private readonly rows = new FreeNumbers(0);
  private readonly counters: ActionCounters;
  private readonly ensureRows: (rows: number) => void;

  /** `ensureRows` makes the counters reach to a number of rows. */
  constructor(counters: ActionCounters, ensureRows: (rows: number) => void) {
    this.counters = counters;
    this.ensureRows = ensureRows;
  }

  /**
   * Binds a filter to an action: to the existing one where the spec names the index of one, else to a new one under
   * that index or the lowest free one.
   */
  bind(spec: ActionSpec, target: number): ActionInstance {
    let kind = this.kinds.get(spec.kind);
    if (!kind) {
      kind = { indices: new FreeNumbers(1), actions: new Map() };
      this.kinds.set(spec.kind, kind);
    }
    // Index 0 asks for any, as none does (tcf_idr_check_alloc).
    const existing = spec.index ? kind.actions.get(spec.index) : undefined;
    if (existing) {
      existing.ref++;
      existing.bind++;
      return existing;
    }
    const index = spec.index || kind.indices.next();
    if (spec.index) kind.indices.claim(spec.index);
    const row = this.rows.next();
    this.ensureRows(row + 1);
    this.counters.clear(row);
    const action = { spec: { ...spec, index }, row, target, installed: Date.now(), ref: 1, bind: 1 };
    kind.actions.set(index, action);
    return action;
  }

  /**
   * Takes a filter's binding back. An action that nobody is bound to any more is gone from the table at once: then
   * the answer is true, and its counter row is to be released when no worker counts there any more.
   */
  unbind(action: ActionInstance): boolean {
    action.ref--;
    action.bind--;
    if (action.ref > 0) return false;
    const kind = this.kinds.get(action.spec.kind);
    kind?.actions.delete(action.spec.index);
    kind?.indices.release(action.spec.index);
    return true;
  }

  releaseRow(row: number): void {
    this.rows.release(row);
  }

  /** The action with its statistics, for printing; `deviceName` names what mirred sends to now. */
  state(action: ActionInstance, deviceName: (device: number) => string): ActionState {
    const value = (counter: number): number => this.counters.value(action.row, counter);
    const now = Date.now();
    const ago = (then: number): number => Math.max(0, Math.floor((now - then) / 1000));
    const first = value(ActionCounter.FIRST_USED);
    const spec = action.spec.kind === 'mirred' ? { ...action.spec, dev: deviceName(action.target) } : action.spec;
    return {
      spec,
      ref: action.ref,
      bind: action.bind,
      statistics: {
        packets: value(ActionCounter.PACKETS),
        bytes: value(ActionCounter.BYTES),
        drops: value(ActionCounter.DROPS),
        overlimits: value(ActionCounter.OVERLIMITS),
        requeues: value(ActionCounter.REQUEUES),
        installed: ago(action.installed),
        lastUsed: ago(value(ActionCounter.LAST_USED) || action.installed),
        ...(first > 0 ? { firstUsed: ago(first) } : {}),
      },
    };
  }
}
