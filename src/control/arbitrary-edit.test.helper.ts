/** Edits of rules such as people make, close enough to one another to meet. */
import fc from 'fast-check';
import { filterState } from '../iproute/arbitrary-filter.test.helper.js';
import { CommandError, type FilterSpec } from '../iproute/commands.js';
import { ALL, type Bench } from './kit.test.helper.js';

const prefs = fc.integer({ min: 1, max: 3 });
const chains = fc.constantFrom(0, 0, 5, 0xfffffff);

/** A filter that vtep can have, close enough to others to share prefs, masks and actions with them. */
export const filter = fc.tuple(filterState, prefs, chains, fc.integer({ min: 0, max: 4 })).map(
  ([state, pref, chain, handle]): FilterSpec => ({
    ...state,
    dev: 'vxlan0',
    parent: 'ingress',
    pref,
    chain,
    handle,
    keys: state.keys.filter(({ name }) => name !== 'indev'),
    actions: state.actions.map(({ spec }, n) => {
      const index = 1 + ((spec.index + n) % 7);
      if (spec.kind === 'mirred') return { ...spec, index, direction: 'egress', dev: index % 2 ? 'tap0' : 'tap1' };
      if (spec.kind !== 'gact') return { ...spec, index };
      const { random: _, ...rest } = spec;
      return { ...rest, index };
    }),
  }),
);

export type Edit = (bench: Bench) => void;

export const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 6,
    arbitrary: filter.map(
      (spec): Edit =>
        ({ rules }) =>
          rules.edit('replace', spec),
    ),
  },
  fc.tuple(prefs, chains, fc.integer({ min: 0, max: 4 })).map(
    ([pref, chain, handle]): Edit =>
      ({ rules }) =>
        rules.remove({ ...ALL, pref, chain, handle, kind: 'flower' }),
  ),
  chains.map(
    (chain): Edit =>
      ({ rules }) =>
        rules.editChain('add', { ...ALL, chain }),
  ),
  chains.map(
    (chain): Edit =>
      ({ rules }) =>
        rules.editChain('del', { ...ALL, chain }),
  ),
  filter.map(
    (spec): Edit =>
      ({ rules }) =>
        rules.actions.add('replace', spec.actions.filter(canStandAlone)),
  ),
);

function canStandAlone(spec: FilterSpec['actions'][number]): boolean {
  return spec.kind !== 'reference' && spec.control.type !== 'goto';
}

/** Whether it was done; refusals are as good as anything else here. */
export function tried(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}
