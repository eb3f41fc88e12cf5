import type { ActionDetail, ActionKind, ActionState } from '../iproute/commands.js';
import { type Clock, SYSTEM_CLOCK } from '../memory/clock.js';
import type { ActionCounts } from '../memory/counter-sets.js';
import { ActionCounter } from '../memory/counters.js';
import { FreeNumbers } from './free-numbers.js';
import { Numbered } from './numbered.js';
import type { ActionBlock } from './programs.js';
import { type ActionContent, sharedContent } from './shared-content.js';

/** What an action is to be; without an index, and with 0, the daemon chooses one. */
export type ActionMaking = ActionDetail & { readonly index?: number; readonly cookie?: Uint8Array };

/**
 * An action as an object of its own: filters bind to it, and its statistics are shared by all that do. There may be
 * millions: those that say the same share what they say, and a filter's only action is a few numbers.
 */
export class ActionInstance {
  readonly index: number;
  /** Row of the action counters, and the action's id in programs. */
  readonly row: number;
  /** Device index that mirred sends to; -1 for other kinds. */
  target: number;
  /** One for each filter that is bound, and one for itself where it was made by itself. */
  ref = 1;
  bind = 0;
  /** The words that workers run: SharedActions'. */
  block: ActionBlock | undefined = undefined;
  /** What it is, but for its index; the same object for many that say the same. */
  content: ActionContent;
  /** Milliseconds since this program began: a small number, where others are an object of their own. */
  private installedAt: number;

  /** `now`: milliseconds of the steady clock. */
  constructor(content: ActionContent, index: number, row: number, target: number, now: number) {
    this.installedAt = now - BEGINNING;
    this.content = content;
    this.index = index;
    this.row = row;
    this.target = target;
  }

  get kind(): ActionKind {
    return this.content.kind;
  }

  /** Made anew each time. */
  get spec(): ActionContent & { readonly index: number } {
    return { ...this.content, index: this.index };
  }

  /** Milliseconds of the steady clock. */
  get installed(): number {
    return BEGINNING + this.installedAt;
  }

  /** It was there before, in an earlier program: since this time of the steady clock. */
  wasInstalled(time: number): void {
    this.installedAt = Math.min(this.installedAt, time - BEGINNING);
  }
}

const BEGINNING = SYSTEM_CLOCK.steady();

interface Kind {
  readonly indices: FreeNumbers;
  readonly actions: Numbered<ActionInstance>;
}

/** All actions of a daemon, by kind and index, as in a network namespace. */
export class ActionTable {
  private readonly kinds = new Map<ActionKind, Kind>();
  private readonly rows = new FreeNumbers(0);
  private readonly counters: ActionCounts;
  private readonly clock: Clock;
  private readonly ensureRows: (rows: number) => void;

  /** `ensureRows` makes the counters reach to a number of rows. */
  /** `clock`: what time it is for the frames that are counted. */
  constructor(counters: ActionCounts, ensureRows: (rows: number) => void, clock: Clock = SYSTEM_CLOCK) {
    this.counters = counters;
    this.clock = clock;
    this.ensureRows = ensureRows;
  }

  find(kind: ActionKind, index: number): ActionInstance | undefined {
    return this.kinds.get(kind)?.actions.get(index);
  }

  /** The actions of a kind, or those of them that are wanted, in the order of their indices. */
  list(kind: ActionKind, isWanted: (action: ActionInstance) => boolean = () => true): ActionInstance[] {
    const wanted: ActionInstance[] = [];
    for (const action of this.kinds.get(kind)?.actions.values() ?? []) if (isWanted(action)) wanted.push(action);
    return wanted;
  }

  /** Makes an action, under an index that is free, with one reference: the caller's. */
  add(spec: ActionMaking, target: number): ActionInstance {
    let kind = this.kinds.get(spec.kind);
    if (!kind) {
      kind = { indices: new FreeNumbers(1), actions: new Numbered() };
      this.kinds.set(spec.kind, kind);
    }
    const index = spec.index || kind.indices.next();
    if (spec.index) kind.indices.claim(spec.index);
    const row = this.rows.next();
    this.ensureRows(row + 1);
    this.counters.clear(row);
    const action = new ActionInstance(sharedContent(spec), index, row, target, this.clock.steady());
    kind.actions.set(index, action);
    return action;
  }

  /**
   * Takes a reference back. An action without any is gone from the table at once: then the answer is true, and its
   * counter row is to be released when no worker counts there any more.
   */
  unref(action: ActionInstance): boolean {
    action.ref--;
    if (action.ref > 0) return false;
    const kind = this.kinds.get(action.kind);
    kind?.actions.delete(action.index);
    kind?.indices.release(action.index);
    return true;
  }

  /** Takes `unref` back, with the row as it was. */
  reref(action: ActionInstance): void {
    if (action.ref++ > 0) return;
    const kind = this.kinds.get(action.kind);
    kind?.actions.set(action.index, action);
    kind?.indices.claim(action.index);
  }

  releaseRow(row: number): void {
    this.rows.release(row);
  }

  /** The action with its statistics, for printing; `deviceName` names what mirred sends to now. */
  state(action: ActionInstance, deviceName: (device: number) => string): ActionState {
    const value = (counter: number): number => this.counters.value(action.row, counter);
    const now = this.clock.steady();
    const ago = (then: number): number => Math.max(0, Math.floor((now - then) / 1000));
    const first = value(ActionCounter.FIRST_USED);
    const { spec: said } = action;
    const spec = said.kind === 'mirred' ? { ...said, dev: deviceName(action.target) } : said;
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
        lastUsed: ago(this.lastUsed(action)),
        ...(first === 0 ? {} : { firstUsed: ago(first) }),
      },
    };
  }

  /** How many there are. */
  get size(): number {
    let size = 0;
    for (const { actions } of this.kinds.values()) size += actions.size;
    return size;
  }

  /** Milliseconds of the steady clock. */
  now(): number {
    return this.clock.steady();
  }

  /** Milliseconds of the steady clock: when a packet met it last, or it was made. */
  lastUsed(action: ActionInstance): number {
    return this.counters.value(action.row, ActionCounter.LAST_USED) || action.installed;
  }
}
