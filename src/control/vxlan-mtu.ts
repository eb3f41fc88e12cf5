import type { RouteAnswer } from '../io/rtnetlink/client.js';
import type { Link } from '../io/rtnetlink/link.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { SystemError } from '../native/errno.js';
import type { LinkSource } from './device-registry.js';
import { noSuchDevice } from './refusal.js';

/** Bytes that VXLAN adds: outer IP, UDP, VXLAN and inner Ethernet headers. */
const VXLAN_OVERHEAD_IPV4 = 50;
const VXLAN_OVERHEAD_IPV6 = 70;
/** What VXLAN-GPE leaves out before an IP packet. */
const INNER_ETHERNET = 14;
/** ETH_MIN_MTU */
const MIN_MTU = 68;
/** ETH_DATA_LEN: what a vxlan device has where nothing is known of its underlay. */
const DEFAULT_MTU = 1500;

/** What is asked of the kernel. */
export interface UnderlaySource extends LinkSource {
  /** Throws a SystemError where there is no route. */
  route(destination: Uint8Array): RouteAnswer;
  /** Index of the interface that has an address of this host. */
  deviceOf(address: Uint8Array): number | undefined;
}

/** What a vxlan device's underlay leaves of an MTU. */
export interface UnderlayMtu {
  /** The device below, and the bytes that it carries (or the route through it). */
  readonly lower: string;
  readonly lowerIndex: number;
  readonly lowerMtu: number;
  /** What is left for inner packets; without `dev` no more than a device has by itself. */
  readonly mtu: number;
  /** Whether a device may have no more (`dev` is given). */
  readonly isLimit: boolean;
}

/**
 * The underlay of a vxlan device: its `dev`, else what the route to `remote` leads through, else what has the address
 * `local`. Undefined where none is known. Throws CommandError where there is no `dev` of that name.
 */
export function underlayMtu(source: UnderlaySource, options: VxlanOptions): UnderlayMtu | undefined {
  const { dev, remote, local } = options;
  const outer = (remote ?? local)?.length === 16 ? VXLAN_OVERHEAD_IPV6 : VXLAN_OVERHEAD_IPV4;
  const overhead = options.gpe === true ? outer - INNER_ETHERNET : outer;
  let lower: Link | undefined;
  let lowerMtu: number | undefined;
  if (dev !== undefined) {
    lower = source.link(dev);
    if (!lower) throw noSuchDevice(dev, 255);
  } else if (isAddress(remote)) {
    const route = routeTo(source, remote);
    lower = route && source.link(route.device);
    lowerMtu = route?.mtu;
  } else if (isAddress(local)) {
    const index = source.deviceOf(local);
    lower = index === undefined ? undefined : source.link(index);
  }
  // A way to this host itself says nothing of the size of packets.
  if (!lower || (dev === undefined && lower.name === 'lo')) return undefined;
  const most = lowerMtu ?? lower.mtu;
  const isLimit = dev !== undefined;
  const left = Math.max(MIN_MTU, most - overhead);
  const mtu = isLimit ? left : Math.min(left, DEFAULT_MTU);
  return { lower: lower.name, lowerIndex: lower.index, lowerMtu: most, mtu, isLimit };
}

/**
 * The MTU of a new vxlan device: what was asked for, but (as in the kernel's vxlan_config_apply) no more than `dev`
 * leaves; otherwise what the underlay leaves.
 */
export function vxlanMtu(wanted: number | undefined, underlay: UnderlayMtu | undefined): number | undefined {
  if (!underlay || wanted === undefined) return underlay?.mtu ?? wanted;
  return underlay.isLimit ? Math.min(wanted, underlay.mtu) : wanted;
}

function isAddress(address: Uint8Array | undefined): address is Uint8Array {
  return address?.some((byte) => byte !== 0) === true;
}

function routeTo(source: UnderlaySource, destination: Uint8Array): RouteAnswer | undefined {
  try {
    return source.route(destination);
  } catch (error) {
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
