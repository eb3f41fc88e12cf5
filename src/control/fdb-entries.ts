/** What entries of forwarding tables are, beside the table: of whom, of which kind, and what becomes of them. */
import {
  ADDED_BY_USER,
  NTF_EXT_LEARNED,
  NTF_ROUTER,
  NTF_SELF,
  NTF_STICKY,
  NUD_NOARP,
  NUD_PERMANENT,
} from '../devices/fdb-layout.js';
import { type FdbRecord, isSameRemote } from '../devices/fdb-records.js';
import type { VxlanOptions } from '../iproute/commands.js';
import type { FdbEntry, FdbEntryState } from '../iproute/fdb-types.js';
import type { Device } from './device-registry.js';
import { fdbAnswers } from './refusal.js';

/** A vxlan device. */
export interface FdbDevice extends Pick<Device, 'index' | 'name'> {
  readonly vxlan?: VxlanOptions;
}

/** What happened to the table, for whoever watches: `entry` as `bridge fdb show` has it. */
export type FdbChange =
  | { readonly type: 'learned' | 'changed' | 'deleted'; readonly entry: FdbEntryState }
  /** `l2miss`: nobody knows the address. */
  | { readonly type: 'l2-miss'; readonly dev: string; readonly mac: Uint8Array }
  | { readonly type: 'l3-miss'; readonly dev: string; readonly address: Uint8Array }
  /** So many changes were too many at once. */
  | { readonly type: 'lost'; readonly count: number };

export function optionsOf(device: FdbDevice): VxlanOptions {
  if (device.vxlan === undefined) throw fdbAnswers('Operation not supported');
  return device.vxlan;
}

export function isMade({ state, flags }: FdbRecord): boolean {
  return (state & (NUD_PERMANENT | NUD_NOARP)) !== 0 || (flags & ADDED_BY_USER) !== 0;
}

export function isSameRecord(a: FdbRecord, b: FdbRecord): boolean {
  const isSame = a.state === b.state && a.flags === b.flags && a.remotes.length === b.remotes.length;
  return isSame && a.remotes.every((remote, n) => isSameRemote(remote, b.remotes[n] ?? remote));
}

/** The family that the kernel gives a device: that of its addresses, else IPv4. */
export function addressBytes({ remote, local }: VxlanOptions): number {
  return (remote ?? local)?.length ?? 4;
}

export function flagsOf({ router, externLearn, sticky }: FdbEntry): number {
  return (
    NTF_SELF |
    ADDED_BY_USER |
    (router === true ? NTF_ROUTER : 0) |
    (externLearn === true ? NTF_EXT_LEARNED : 0) |
    (sticky === true ? NTF_STICKY : 0)
  );
}

export function isUnicast(mac: Uint8Array): boolean {
  return ((mac[0] ?? 0) & 1) === 0 && mac.some((byte) => byte !== 0);
}

export function isAny(address: Uint8Array): boolean {
  return address.every((byte) => byte === 0);
}
