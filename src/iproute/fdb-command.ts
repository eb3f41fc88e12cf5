/** The commands that make entries of a forwarding table and of a VNI filter: the way back from state to the grammar. */
import { formatIp, formatMac, isIpMulticast } from './address.js';
import type { FdbDeletion, FdbEntry, VniRange } from './fdb-types.js';

function given(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [name, `${value}`];
}

/**
 * The words, after `bridge`, of the command that adds the entry. Parsing them gives the entry back. `append`, where
 * the same MAC has a destination already. What was learned comes back by itself, and is better left out of a file.
 */
export function fdbCommand(entry: FdbEntry, mode: 'add' | 'append' = 'add'): string[] {
  const { state, router, externLearn, sticky } = entry;
  return [
    ...['fdb', mode, ...targetWords(entry)],
    ...['self', state === 'stale' ? 'dynamic' : state],
    ...(router === true ? ['router'] : []),
    ...(externLearn === true ? ['extern_learn'] : []),
    ...(sticky === true ? ['sticky'] : []),
  ];
}

/** The words, after `bridge`, of the command that takes one destination of an entry away. */
export function fdbDeletion(entry: FdbDeletion): string[] {
  return ['fdb', 'del', ...targetWords(entry), 'self'];
}

function targetWords({ dev, mac, dst, port, vni, srcVni, via }: FdbDeletion): string[] {
  return [
    ...[formatMac(mac), 'dev', dev],
    ...given('dst', dst && formatIp(dst)),
    ...given('port', port),
    ...given('vni', vni),
    ...given('src_vni', srcVni),
    ...given('via', via),
  ];
}

/** The words, after `bridge`, of the command that adds VNIs with one remote to the filter of a device. */
export function vniCommand(dev: string, ranges: readonly VniRange[], remote?: Uint8Array): string[] {
  const list = ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
  return [
    ...['vni', 'add', 'vni', list, 'dev', dev],
    ...(remote === undefined ? [] : [isIpMulticast(remote) ? 'group' : 'remote', formatIp(remote)]),
  ];
}
