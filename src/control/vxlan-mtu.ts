import type { VxlanOptions } from '../iproute/commands.js';
import type { LinkSource } from './device-registry.js';
import { noSuchDevice } from './refusal.js';

/** Bytes that VXLAN adds: outer IP, UDP, VXLAN and inner Ethernet headers. */
const VXLAN_OVERHEAD_IPV4 = 50;
const VXLAN_OVERHEAD_IPV6 = 70;
/** ETH_MIN_MTU */
const MIN_MTU = 68;

/**
 * The MTU of a new vxlan device, as the kernel's vxlan_config_apply: what the lower device leaves, where one is given,
 * and otherwise what was asked for, if anything. Throws CommandError where there is no such lower device.
 */
export function vxlanMtu(
  links: LinkSource,
  wanted: number | undefined,
  { dev, local }: VxlanOptions,
): number | undefined {
  if (dev === undefined) return wanted;
  const lower = links.link(dev);
  if (!lower) throw noSuchDevice(dev, 255);
  const most = lower.mtu - (local?.length === 16 ? VXLAN_OVERHEAD_IPV6 : VXLAN_OVERHEAD_IPV4);
  return Math.max(MIN_MTU, Math.min(wanted ?? most, most));
}
