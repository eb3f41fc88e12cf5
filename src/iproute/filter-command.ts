/** The commands that make qdiscs, chains and filters: the way back from state to the grammar. */

import { actionWords } from './action-command.js';
import { formatIp } from './address.js';
import { formatClassId } from './class-id.js';
import type { ChainSelector, FilterState, FlowerKey, QdiscState } from './commands.js';
import { etherTypeName } from './ether-type.js';
import { flowerKey } from './flower-keys.js';
import { flowerValues } from './flower-values.js';
import { formatHex } from './numbers.js';

function keyWords(key: FlowerKey): string[] {
  const row = flowerKey(key.name);
  if (row === undefined || row.kind === 'ether-type') {
    return [];
  }
  if (row.kind === 'ip-address' && key.mask.every((byte) => byte === 0)) {
    return [key.name, `${formatIp(key.value)}/0`];
  }
  const formatted = flowerValues[row.kind].format(key);
  if (formatted.type === 'string' && row.kind === 'ip-proto' && formatted.text.startsWith('icmp')) {
    // By name, tc takes each with its own protocol only.
    return [key.name, formatHex(key.value)];
  }
  if (formatted.type === 'string') {
    return [key.name, formatted.text];
  }
  // tc takes an inner port 0 only with a mask.
  const { value, mask = row.kind === 'port' && formatted.value === 0 ? 0xffff : undefined } = formatted;
  return [key.name, mask === undefined ? `${value}` : `${value}/0x${mask.toString(16)}`];
}

/**
 * The words, after `tc`, of the command that adds the filter as it is, what the daemon chose included. Parsing them
 * gives the filter back.
 */
export function filterCommand(filter: FilterState): string[] {
  const { dev, parent, protocol, pref, chain, handle, keys, skipHw, classid, actions } = filter;
  return [
    ...['filter', 'add', 'dev', dev, ...(parent === 'ffff:' ? ['parent', parent] : [parent])],
    ...[
      'protocol',
      etherTypeName(protocol) ?? `${protocol}`,
      'pref',
      `${pref}`,
      'chain',
      `${chain}`,
      'handle',
      `${handle}`,
      'flower',
    ],
    ...(skipHw ? ['skip_hw'] : []),
    ...keys.flatMap(keyWords),
    ...(classid === undefined ? [] : ['classid', formatClassId(classid)]),
    ...actions.flatMap(({ spec }) => actionWords(spec)),
  ];
}

/** The words, after `tc`, of the command that adds a chain without filters. */
export function chainCommand({ dev, parent, chain = 0 }: ChainSelector): string[] {
  return ['chain', 'add', 'dev', dev, ...(parent === 'ffff:' ? ['parent', parent] : [parent]), 'chain', `${chain}`];
}

/** The words, after `tc`, of the command that adds the qdisc that filters and chains hang on. */
export function qdiscCommand({ dev, qdisc }: Pick<QdiscState, 'dev' | 'qdisc'>): string[] {
  return ['qdisc', 'add', 'dev', dev, qdisc];
}
