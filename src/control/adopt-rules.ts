/**
 * Makes rules what other rules are, which nobody runs, by as few edits as that takes: a filter that both have, with the
 * same actions, is not touched, and keeps its counters, its age and its place in the datapath. All of it is journaled.
 */
import type { FilterSpec } from '../iproute/commands.js';
import type { ActionInstance } from './action-table.js';
import type { DesiredState } from './desired-state.js';
import type { Filter } from './filter.js';
import type { FilterBlock } from './filter-block.js';
import { isSameAction } from './filter-content.js';
import type { Rules } from './rules.js';

/** What makes the filters of one hook what those of another are. */
interface Difference {
  readonly dev: string;
  readonly wanted: FilterBlock;
  readonly hook: string;
  readonly removed: readonly Filter[];
  /** In the order of the file. */
  readonly missing: readonly FilterSpec[];
}

/** What `compareRules` finds. */
export interface Differences {
  readonly desired: DesiredState;
  readonly hooks: readonly Difference[];
}

/** Looks for what `adoptRules` has to edit; changes nothing. In steps, between which nobody may edit the rules. */
export function* compareRules(rules: Rules, desired: DesiredState): Generator<void, Differences> {
  const wanted = desired.rules;
  const hooks: Difference[] = [];
  for (const { device, kind } of wanted.qdiscsInOrder()) {
    const dev = desired.devices.nameOf(device);
    // A device that is still to be made has an index there that means nothing here.
    const here = rules.kindAt(device) === kind ? rules.blocks(device) : undefined;
    for (const [hook, block] of wanted.blocks(device)) {
      hooks.push(yield* compareHook(here?.get(hook), block, { dev, hook, desired }));
    }
  }
  return { desired, hooks };
}

/**
 * Edits `rules`, within a transaction, until they are as those that they were compared with. In steps; throws
 * CommandError where one is refused.
 */
export function* adoptRules(rules: Rules, { desired, hooks }: Differences): Generator<void> {
  const wanted = desired.rules;
  for (const { device, kind } of rules.qdiscsInOrder()) {
    if (wanted.kindAt(device) !== kind) rules.forgetDevice(device);
  }
  for (const { device, kind } of wanted.qdiscsInOrder()) {
    const dev = desired.devices.nameOf(device);
    // A device that is still to be made has another index here than there.
    if (rules.kindAt(rules.indexOf(dev)) === undefined) rules.addQdisc(dev, kind);
  }
  for (const difference of hooks) yield* removeOthers(rules, difference);
  adoptOwnActions(rules, desired);
  for (const { missing } of hooks) {
    // Those that have their handle first: the others take what is left.
    for (const isNumbered of [true, false]) {
      for (const spec of missing) {
        if ((spec.handle !== 0) === isNumbered) rules.edit('add', spec);
        yield;
      }
    }
  }
  for (const { dev, hook, wanted: block } of hooks) {
    const here = rules.indexOf(dev);
    if (rules.blocks(here).get(hook)?.arrangeAs(block)) rules.changed(here);
  }
  rules.orderQdiscs(wanted.qdiscsInOrder().map(({ device }) => rules.indexOf(desired.devices.nameOf(device))));
}

function* removeOthers(rules: Rules, { dev, hook, removed }: Difference): Generator<void> {
  const here = rules.indexOf(dev);
  const present = rules.blocks(here).get(hook);
  if (!present) return;
  for (const { parent, chain, pref, handle } of removed) {
    const selector = { dev, parent, chain, pref, handle };
    rules.told.removing(dev, present, selector, () => present.remove(selector));
    rules.changed(here);
    yield;
  }
}

/** The filters that are not wanted as they are, and those that are then missing. */
function* compareHook(
  present: FilterBlock | undefined,
  wanted: FilterBlock,
  { dev, hook, desired }: { readonly dev: string; readonly hook: string; readonly desired: DesiredState },
): Generator<void, Difference> {
  const { typed, devices } = desired;
  const isTyped = ({ kind, index }: ActionInstance): boolean => typed.hasAction(kind, index);
  /** An action that the file gives to one filter is not one that several share. */
  const isActionKept = (now: ActionInstance, then: ActionInstance): boolean =>
    isSameAction(now, then) && (isTyped(then) ? now.index === then.index : !isTyped(now) && now.bind === 1);
  const doesSame = (now: Filter, then: Filter): boolean =>
    now.actions.length === then.actions.length &&
    then.actions.every((action, n) => {
      const other = now.actions[n];
      return other !== undefined && isActionKept(other, action);
    });
  /** A pref has a key once. */
  const placeOf = (filter: Filter): string => {
    const { chain, pref, handle, content } = filter;
    return `${chain} ${pref} ${typed.hasHandles(dev, chain, pref) ? handle : ''} ${content}`;
  };
  // Most often nearly all of them stand where they stood; the others are looked for by what they are.
  const kept = new Set<Filter>();
  const moved: Filter[] = [];
  for (const filter of wanted.each()) {
    yield;
    const { chain, pref, handle } = filter;
    const other = present?.at(chain, pref, handle);
    if (other?.hasContentOf(filter) && doesSame(other, filter)) kept.add(other);
    else moved.push(filter);
  }
  const others = new Map<string, Filter>();
  for (const filter of present?.each() ?? []) {
    yield;
    if (!kept.has(filter)) others.set(placeOf(filter), filter);
  }
  const missing: FilterSpec[] = [];
  for (const filter of moved) {
    yield;
    const place = placeOf(filter);
    const other = others.get(place);
    if (other && doesSame(other, filter)) {
      others.delete(place);
      continue;
    }
    const { chain, pref } = filter;
    // What does something else from now on keeps its handle.
    const handle = typed.hasHandles(dev, chain, pref) ? filter.handle : (other?.handle ?? 0);
    const actions = filter.actions.map((action) => {
      const { index: number, ...spec } = action.spec;
      const named = spec.kind === 'mirred' ? { ...spec, dev: devices.nameOf(action.target) } : spec;
      return isTyped(action) ? { ...named, index: number } : named;
    });
    missing.push({ ...filter.spec, dev, handle, actions });
  }
  return { dev, hook, wanted, removed: [...others.values()], missing };
}

function adoptOwnActions(rules: Rules, { rules: wanted, devices }: DesiredState): void {
  const own = wanted.actions.ownActions();
  const names = new Set(own.map(({ spec }) => `${spec.kind} ${spec.index}`));
  for (const action of rules.actions.ownActions()) {
    if (!names.has(`${action.spec.kind} ${action.spec.index}`)) rules.actions.disown(action);
  }
  for (const { spec, target } of own) {
    rules.actions.have(spec.kind === 'mirred' ? { ...spec, dev: devices.nameOf(target) } : spec);
  }
}
