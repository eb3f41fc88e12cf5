/** Which options of a vxlan device go together, and which can change while it lives: what the kernel refuses of them. */
import { isIpMulticast } from './address.js';
import { CommandError } from './commands.js';
import { DEFAULT_MAX_TAPS, DEFAULT_TAP_IDLE, mirrorConflict } from './mirror-words.js';
import { VXLAN_AGEING, type VxlanChanges, type VxlanOptions, vxlanSwitches } from './vxlan-options.js';

function refuse(message: string): CommandError {
  return new CommandError(`Error: ${message}.`, 2);
}

function isZero(address: Uint8Array): boolean {
  return address.every((byte) => byte === 0);
}

function isLinkLocal(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && ((address[1] ?? 0) & 0xc0) === 0x80;
}

/** The scope of multicast is its second nibble after ff (RFC 4291 §2.7). */
function isLinkLocalScope(address: Uint8Array): boolean {
  return isLinkLocal(address) || (address[0] === 0xff && ((address[1] ?? 0) & 0xf) === 2);
}

function haveBadScopes({ external, remote, local }: VxlanOptions): boolean {
  if (external) {
    return false;
  }
  if (local !== undefined && isLinkLocal(local)) {
    return remote !== undefined && !isZero(remote) && !isLinkLocalScope(remote);
  }
  return remote !== undefined && isLinkLocal(remote);
}

/** Throws CommandError, in the kernel's words, for options that do not go together (vxlan_config_validate). */
export function checkVxlan(options: VxlanOptions): void {
  const { external, remote, local, dev, flowlabel, gpe } = options;
  const conflict = mirrorConflict(options);
  if (conflict !== undefined) {
    throw refuse(conflict);
  }
  if (gpe === true) {
    const other = vxlanSwitches.find((name) => name !== 'gpe' && name !== 'vnifilter' && options[name] === true);
    if (!external || other !== undefined || options.learning === true || options.ttl === 'inherit') {
      throw refuse('VXLAN GPE does not support this combination of attributes');
    }
  }
  if (haveBadScopes(options)) {
    throw refuse('Invalid combination of local and remote address scopes');
  }
  if (dev === undefined && !external && [remote, local].some((one) => one !== undefined && isLinkLocalScope(one))) {
    throw refuse('Local interface required for link-local local/remote addresses');
  }
  if (flowlabel !== undefined && remote?.length !== 16 && local?.length !== 16) {
    throw refuse('Label attribute only applies to IPv6 VXLAN devices');
  }
  if (remote !== undefined && isIpMulticast(remote) && dev === undefined) {
    throw refuse('Local interface required for multicast remote destination');
  }
}

/** Flags that a device keeps from its making, in the order in which the kernel looks, and the kernel's names. */
const fixedFlags: readonly (readonly [option: keyof VxlanChanges, name: string])[] = [
  ['proxy', 'vxlan: cannot change PROXY flag'],
  ['rsc', 'vxlan: cannot change RSC flag'],
  ['l2miss', 'vxlan: cannot change L2MISS flag'],
  ['l3miss', 'vxlan: cannot change L3MISS flag'],
  ['maxaddress', 'Cannot change limit'],
  ['external', 'vxlan: cannot change COLLECT_METADATA flag'],
  ['srcport', 'Cannot change port range'],
  ['dstport', 'Cannot change port'],
  ['udpcsum', 'Cannot change UDP_CSUM flag'],
  ['udp6zerocsumtx', 'vxlan: cannot change UDP_ZERO_CSUM6_TX flag'],
  ['udp6zerocsumrx', 'vxlan: cannot change UDP_ZERO_CSUM6_RX flag'],
  ['remcsumtx', 'vxlan: cannot change REMCSUM_TX flag'],
  ['remcsumrx', 'vxlan: cannot change REMCSUM_RX flag'],
  ['gbp', 'vxlan: cannot change GBP flag'],
  ['gpe', 'vxlan: cannot change GPE flag'],
  ['vnifilter', 'vxlan: cannot change flag'],
  ['reservedBits', 'Cannot change reserved bits'],
  ['underlay', 'vxlan: cannot change underlay'],
  ['tapPrefix', 'vxlan: cannot change tap-prefix'],
  ['tapOffload', 'vxlan: cannot change tap-offload'],
];

/** Both addresses have one family from the making on: that of either, else IPv4. */
function checkFamilies(current: VxlanOptions, { remote, local }: VxlanChanges): void {
  const length = (current.remote ?? current.local)?.length ?? 4;
  if (remote !== undefined && remote.length !== length) {
    throw refuse('New group address family does not match old group');
  }
  if (local !== undefined && local.length !== length) {
    throw refuse('New local address family does not match old');
  }
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * The options of a device after `ip link set … type vxlan` (vxlan_changelink). Throws CommandError, in the kernel's
 * words, where something cannot change, which most cannot even when they would stay as they are.
 */
export function changeVxlan(current: VxlanOptions, changes: VxlanChanges): VxlanOptions {
  const { id, remote, local, dev, ttl, tos, df, flowlabel, ageing, learning, localbypass } = changes;
  const { anyVni, maxTaps, tapIdle } = changes;
  if ((id !== undefined && id !== (current.id ?? 0)) || (anyVni === true && current.anyVni !== true)) {
    throw refuse('Cannot change VNI');
  }
  checkFamilies(current, changes);
  if (ttl === 'inherit') {
    throw refuse('vxlan: cannot change TTL_INHERIT flag');
  }
  for (const [option, message] of fixedFlags) {
    if (changes[option] !== undefined) {
      throw refuse(message);
    }
  }
  const next: Writable<VxlanOptions> = { ...current };
  const put = <Key extends keyof VxlanOptions>(key: Key, value: VxlanOptions[Key], isNeutral: boolean): void => {
    if (isNeutral) {
      delete next[key];
    } else {
      next[key] = value;
    }
  };
  if (remote !== undefined) put('remote', remote, false);
  if (local !== undefined) put('local', local, false);
  if (dev !== undefined) put('dev', dev, false);
  // The flag stays, and goes before any number.
  if (ttl !== undefined && current.ttl !== 'inherit') put('ttl', ttl, ttl === 0);
  if (tos !== undefined) put('tos', tos, tos === 0);
  if (df !== undefined) put('df', df === 'unset' ? undefined : df, df === 'unset');
  if (flowlabel !== undefined) put('flowlabel', flowlabel, flowlabel === 0);
  if (ageing !== undefined) put('ageing', ageing, ageing === VXLAN_AGEING);
  if (learning !== undefined) put('learning', learning, learning !== current.external);
  if (localbypass !== undefined) put('localbypass', localbypass, localbypass);
  if (maxTaps !== undefined) put('maxTaps', maxTaps, maxTaps === DEFAULT_MAX_TAPS);
  if (tapIdle !== undefined) put('tapIdle', tapIdle, tapIdle === DEFAULT_TAP_IDLE);
  checkVxlan(next);
  return next;
}
