import type { FilterSelector, OutputOptions } from '../iproute/commands.js';
import { formatEtherType } from '../iproute/ether-type.js';

/** The words behind `tc` that show the filters, or the chains, of a device that is the host's. */
export function hostShowWords(
  object: 'filter' | 'chain',
  { dev, parent, protocol, pref, chain }: Pick<FilterSelector, 'dev' | 'parent' | 'protocol' | 'pref' | 'chain'>,
  output: OutputOptions,
): string[] {
  return [
    ...[...optionWords(output), object, 'show', 'dev', dev],
    ...(parent === 'ffff:' ? ['parent', parent] : [parent]),
    ...(protocol === undefined ? [] : ['protocol', formatEtherType(protocol).replace(/^\[(\d+)\]$/, '$1')]),
    ...(pref === undefined ? [] : ['pref', `${pref}`]),
    ...(chain === undefined ? [] : ['chain', `${chain}`]),
  ];
}

/** The options before the object, as the system's tc takes them. */
export function optionWords({ statistics, details, json, pretty }: OutputOptions): string[] {
  const chosen = { '-s': statistics, '-d': details, '-j': json, '-p': pretty };
  return Object.entries(chosen).flatMap(([option, on]) => (on ? [option] : []));
}
