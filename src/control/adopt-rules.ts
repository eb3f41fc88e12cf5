/**
 * Makes rules what other rules are, which nobody runs, by as few edits as that takes: a filter that both have, with the
 * same actions, is not touched, and keeps its counters, its age and its place in the datapath. All of it is journaled.
 */
import type { FilterSpec } from '../iproute/commands.js';
import type { ActionInstance } from './action-table.js';
import type { DesiredState } from './desired-state.js';
import type { FilterBlock } from './filter-block.js';
import type { Filter } from './filter-chain.js';
import { doingOf, keyOf } from './filter-content.js';
import type { Rules } from './rules.js';

/** Two blocks of one hook. */
interface Pair {
  readonly present: FilterBlock | undefined;
  readonly wanted: FilterBlock;
  readonly dev: string;
}

/** Edits `rules`, within a transaction, until they are as those of `desired`. Throws CommandError where one is refused. */
export function adoptRules(rules: Rules, desired: DesiredState): void {
  const wanted = desired.rules;
  for (const { device, kind } of rules.qdiscsInOrder()) {
    if (wanted.kindAt(device) !== kind) rules.forgetDevice(device);
  }
  const pairs: Pair[] = [];
  for (const { device, kind } of wanted.qdiscsInOrder()) {
    const dev = desired.devices.nameOf(device);
    // A device that is still to be made has another index here than there.
    const here = rules.indexOf(dev);
    if (rules.kindAt(here) === undefined) rules.addQdisc(dev, kind);
    for (const [hook, block] of wanted.blocks(device)) {
      pairs.push({ present: rules.blocks(here).get(hook), wanted: block, dev });
    }
  }
  const additions = pairs.map((pair) => removeOthers(rules, pair, desired));
  adoptOwnActions(rules, desired);
  for (const some of additions) {
    // Those that have their handle first: the others take what is left.
    for (const spec of some.filter(({ handle }) => handle !== 0)) rules.edit('add', spec);
    for (const spec of some.filter(({ handle }) => handle === 0)) rules.edit('add', spec);
  }
  for (const { present, wanted: block, dev } of pairs) {
    if (present?.arrangeAs(block)) rules.changed(rules.indexOf(dev));
  }
  rules.orderQdiscs(wanted.qdiscsInOrder().map(({ device }) => rules.indexOf(desired.devices.nameOf(device))));
}

/** Removes the filters that are not wanted as they are; gives those that are then missing, in the order of the file. */
function removeOthers(rules: Rules, { present, wanted, dev }: Pair, desired: DesiredState): FilterSpec[] {
  const { typed, devices } = desired;
  const isTyped = ({ spec }: ActionInstance): boolean => typed.hasAction(spec.kind, spec.index);
  const index = (action: ActionInstance): string => (isTyped(action) ? `=${action.spec.index}` : '');
  // An action that the file gives to one filter is not one that several share.
  const presentIndex = (action: ActionInstance): string =>
    isTyped(action) || action.bind === 1 ? index(action) : ' shared';
  /** A pref has a key once. */
  const placeOf = (filter: Filter): string => {
    const { chain, pref, handle } = filter.spec;
    return `${chain} ${pref} ${typed.hasHandles(dev, chain, pref) ? handle : ''} ${keyOf(filter)}`;
  };
  const others = new Map<string, Filter>();
  for (const filter of present?.each() ?? []) others.set(placeOf(filter), filter);
  const missing: FilterSpec[] = [];
  for (const filter of wanted.each()) {
    const place = placeOf(filter);
    const other = others.get(place);
    if (other && doingOf(other, presentIndex) === doingOf(filter, index)) {
      others.delete(place);
      continue;
    }
    const { chain, pref } = filter.spec;
    // What does something else from now on keeps its handle.
    const handle = typed.hasHandles(dev, chain, pref) ? filter.spec.handle : (other?.spec.handle ?? 0);
    const actions = filter.actions.map((action) => {
      const { index: number, ...spec } = action.spec;
      const named = spec.kind === 'mirred' ? { ...spec, dev: devices.nameOf(action.target) } : spec;
      return isTyped(action) ? { ...named, index: number } : named;
    });
    missing.push({ ...filter.spec, dev, handle, actions });
  }
  for (const { spec } of others.values()) {
    const { chain, pref, handle } = spec;
    const selector = { dev, parent: spec.parent, chain, pref, handle };
    if (present) rules.told.removing(dev, present, selector, () => present.remove(selector));
    rules.changed(rules.indexOf(dev));
  }
  return missing;
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
