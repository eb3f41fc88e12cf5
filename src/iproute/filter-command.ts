/** The commands that make qdiscs, chains and filters: the way back from state to the grammar. */

import { actionWords } from './action-command.js';
import { formatIp } from './address.js';
import { formatClassId } from './class-id.js';
import type { ChainSelector, FilterState, FlowerKey, QdiscState } from './commands.js';
import { etherTypeName } from './ether-type.js';
import { flowerKey } from './flower-keys.js';
import { wordOf } from './flower-value.js';
import { flowerValues } from './flower-values.js';
import { formatHex, fromBytes } from './numbers.js';

function keyWords(key: FlowerKey): string[] {
  const row = flowerKey(key.name);
  if (row === undefined || row.kind === 'ether-type') {
    return [];
  }
  const word = row.typed || (row.printed ?? row.name);
  if (row.kind === 'ip-address' && key.mask.every((byte) => byte === 0)) {
    return [word, `${formatIp(key.value)}/0`];
  }
  const formatted = flowerValues[row.kind].format(key);
  if (formatted.type === 'string' && row.kind === 'ip-proto' && formatted.text.startsWith('icmp')) {
    // By name, tc takes each with its own protocol only.
    return [word, formatHex(key.value)];
  }
  if (row.kind === 'vlan-ethtype') {
    const etherType = fromBytes(key.value);
    return [word, etherTypeName(etherType) ?? `${etherType}`];
  }
  if (formatted.type === 'flags' && formatted.flags.length === 0) {
    return [];
  }
  if (row.kind === 'port' && formatted.type === 'number' && formatted.value === 0) {
    // tc takes an inner port 0 only with a mask.
    return [word, `0/0x${(formatted.mask ?? 0xffff).toString(16)}`];
  }
  return [word, wordOf(formatted)];
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
