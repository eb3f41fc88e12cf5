/** The command that makes a device: the way back from its state to the grammar. */
import { formatIp, formatMac, isIpMulticast } from './address.js';
import type { LinkGeneric } from './commands.js';
import { mirrorCommand } from './mirror-words.js';
import { formatHex } from './numbers.js';
import { type VxlanOptions, vxlanSwitches } from './vxlan-options.js';

function given(name: string, value: string | number | undefined): readonly string[] {
  return value === undefined ? [] : [name, `${value}`];
}

/** `name`, `noname` or nothing, as a flag differs from its default. */
function flag(name: string, value: boolean | undefined, byDefault: boolean): readonly string[] {
  return value === undefined || value === byDefault ? [] : [value ? name : `no${name}`];
}

/** The words after `type vxlan`. */
export function vxlanWordsOf(options: VxlanOptions): string[] {
  const { external, id = 0, remote, local, dev, dstport, srcport, ttl, tos, df, reservedBits } = options;
  return [
    ...(options.anyVni === true ? mirrorCommand(options) : external ? ['external'] : ['id', `${id}`]),
    ...(remote === undefined ? [] : [isIpMulticast(remote) ? 'group' : 'remote', formatIp(remote)]),
    ...(local === undefined ? [] : ['local', formatIp(local)]),
    ...given('dev', dev),
    ...['dstport', `${dstport}`],
    ...(srcport === undefined ? [] : ['srcport', ...srcport.map(String)]),
    ...given('ttl', ttl),
    ...given('tos', typeof tos === 'number' ? `0x${tos.toString(16)}` : tos),
    ...given('df', df),
    ...given('flowlabel', options.flowlabel),
    ...given('ageing', options.ageing),
    ...given('maxaddress', options.maxaddress),
    ...flag('learning', options.learning, !external),
    ...flag('localbypass', options.localbypass, true),
    ...flag('udpcsum', options.udpcsum, true),
    ...flag('udp6zerocsumtx', options.udp6zerocsumtx, false),
    ...flag('udp6zerocsumrx', options.udp6zerocsumrx, false),
    ...vxlanSwitches.flatMap((name) => flag(name, options[name], false)),
    ...(reservedBits === undefined ? [] : ['reserved_bits', `0x${formatHex(reservedBits)}`]),
    ...given('underlay', options.underlay),
  ];
}

/** What `linkCommand` makes again. */
export type LinkMaking =
  | { readonly kind: 'tap'; readonly persist: boolean }
  | { readonly kind: 'vxlan'; readonly options: VxlanOptions };

/**
 * The words, after `ip`, of the command that adds the device. Parsing them gives the link and its options back, `up`
 * included: leave it out of `link` to set the device up with a command of its own, once its filters are there.
 */
export function linkCommand(link: LinkGeneric, making: LinkMaking): string[] {
  const { name, mtu, address, txqueuelen, up } = link;
  return [
    ...['link', 'add', 'name', name],
    ...given('mtu', mtu),
    ...(address === undefined ? [] : ['address', formatMac(address)]),
    ...given('txqueuelen', txqueuelen),
    ...(up === undefined ? [] : [up ? 'up' : 'down']),
    ...['type', making.kind === 'tap' ? 'tap' : 'vxlan'],
    ...(making.kind === 'vxlan' ? vxlanWordsOf(making.options) : making.persist ? ['persist'] : []),
  ];
}
