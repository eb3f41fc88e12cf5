/** What an endpoint holds, as plain data. */
import { isHere } from '../control/device-registry.js';
import type { Devices } from '../control/devices.js';
import { formatMac } from '../iproute/address.js';
import { fdbEntry } from './event-hub.js';
import type { FdbEntry, Filter, FilterAction, FilterKeys, Link, LinkCounters } from './types.js';

export function linksOf({ links }: Devices): Link[] {
  return links.states().map((state): Link => {
    const { name, ifindex, flags, mtu, address = new Uint8Array(6), statistics: s, details } = state;
    const counted = (packets: number, bytes: number, errors: number, dropped: number): LinkCounters => ({
      ...{ packets, bytes, errors, dropped },
    });
    return {
      ...{ name, ifindex, kind: details.kind, up: flags.includes('UP'), mtu, address: formatMac(address) },
      received: counted(s.rxPackets, s.rxBytes, s.rxErrors, s.rxDropped),
      sent: counted(s.txPackets, s.txBytes, s.txErrors, s.txDropped),
    };
  });
}

/** Forwarding entries of a vxlan device; undefined: of all. */
export function fdbOf({ registry, forwarding }: Devices, device: string | undefined): FdbEntry[] {
  return registry
    .list()
    .filter((one) => one.vxlan && isHere(one) && (device === undefined || one.name === device))
    .flatMap((one) => forwarding.list(one))
    .map(fdbEntry);
}

interface FilterJson {
  readonly protocol: string;
  readonly pref: number;
  readonly chain: number;
  readonly options?: {
    readonly handle: number;
    readonly keys?: FilterKeys;
    readonly actions?: readonly FilterAction[];
  };
}

/** `json`: what `tc -s -j filter show` prints. */
export function filtersOf(json: string): Filter[] {
  return (JSON.parse(json) as readonly FilterJson[]).flatMap(({ protocol, pref, chain, options }) =>
    options
      ? [{ protocol, pref, chain, handle: options.handle, keys: options.keys ?? {}, actions: options.actions ?? [] }]
      : [],
  );
}
