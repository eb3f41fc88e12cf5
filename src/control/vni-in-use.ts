import type { VxlanOptions } from '../iproute/commands.js';

/** Options that make a socket another one (VXLAN_F_RCV_FLAGS), and with it the devices that could share it. */
export const receiveOptions = ['external', 'vnifilter', 'gbp', 'gpe', 'remcsumrx', 'udp6zerocsumrx'] as const;

/** A vxlan device, with the VNIs of its filter where it has one. */
export interface Taker {
  readonly vxlan: VxlanOptions;
  readonly has: (vni: number) => boolean;
}

/**
 * Whether a device takes a VNI that a device of these options is to take, on the same port (vxlan_vni_in_use): one
 * with other receive options, or of the other family, does not count; setting it up finds the port taken. Unlike the
 * kernel's, devices of link-local addresses count whatever their interface: what comes in is told apart by VNI alone.
 */
export function isVniInUse(wanted: VxlanOptions, vni: number, others: readonly Taker[]): boolean {
  return others.some(
    ({ vxlan, has }) =>
      vxlan.dstport === wanted.dstport &&
      receiveOptions.every((name) => (vxlan[name] ?? false) === (wanted[name] ?? false)) &&
      isIpv6(vxlan) === isIpv6(wanted) &&
      has(vni),
  );
}

function isIpv6({ remote, local }: VxlanOptions): boolean {
  return (remote ?? local)?.length === 16;
}
