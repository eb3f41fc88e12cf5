import { VxlanMode } from '../devices/device-table.js';
import { isIpMulticast } from '../iproute/address.js';
import type { VxlanOptions } from '../iproute/commands.js';
import { vxlanLearns } from '../iproute/vxlan-options.js';
import type { Device, DeviceRegistry, LinkSource } from './device-registry.js';
import type { Forwarding } from './forwarding.js';
import { noSuchDevice } from './refusal.js';
import type { UnderlayPool } from './underlay-pool.js';
import { VniFilter, type VniRows } from './vni-filter.js';
import { isVniInUse } from './vni-in-use.js';
import { type Membership, VxlanSockets } from './vxlan-sockets.js';

/** What vxlan devices are made from. */
export interface VxlanSurroundings {
  readonly links: LinkSource;
  readonly registry: DeviceRegistry;
  readonly forwarding: Forwarding;
  readonly underlays: UnderlayPool;
  readonly vniRows: VniRows;
  log(line: string): void;
  /** For what is not worth saying for each device. */
  logOnce?(line: string): void;
}

/** Makes the parts of a vxlan device: its underlay, and the VNIs of one with `vnifilter`. */
export class VxlanParts {
  private readonly around: VxlanSurroundings;

  constructor(around: VxlanSurroundings) {
    this.around = around;
  }

  /** Gives a new device its parts. */
  equip(device: Device, vxlan: VxlanOptions): void {
    if (vxlan.vnifilter === true) device.filter = this.filterOf(device, vxlan);
    device.sockets = this.socketsOf(device, vxlan);
  }

  private socketsOf(device: Device, vxlan: VxlanOptions): VxlanSockets {
    return new VxlanSockets(this.around.underlays, vxlan, {
      log: (line) => this.around.log(line),
      logOnce: (line) => this.around.logOnce?.(line),
      vnis: () => device.filter?.taken ?? (vxlan.external ? undefined : [[vxlan.id ?? 0, -1]]),
      memberships: (options) => {
        const { remote } = options;
        const own = remote !== undefined && isIpMulticast(remote) ? [remote] : [];
        return [...own, ...(device.filter?.groups ?? [])].map((group) => this.membershipOf(group, options));
      },
    });
  }

  private filterOf(device: Device, vxlan: VxlanOptions): VniFilter {
    const { registry, forwarding, vniRows } = this.around;
    const options = (): VxlanOptions => device.vxlan ?? vxlan;
    return new VniFilter(vniRows, {
      isInUse: (vni) => isVniInUse(options(), vni, registry.takersBeside(device.name)),
      redirect: (vni, before, after) => forwarding.redirect(device, vni, before, after),
      join: (group) => device.sockets?.join(this.membershipOf(group, options())),
      leave: (group) => device.sockets?.leave(this.membershipOf(group, options())),
    });
  }

  private membershipOf(group: Uint8Array, { dev }: VxlanOptions): Membership {
    if (dev === undefined) return { group, ifindex: 0 };
    const link = this.around.links.link(dev);
    if (!link) throw noSuchDevice(dev);
    return { group, ifindex: link.index };
  }
}

/** What workers must know of a vxlan device's options, as VxlanMode bits. */
export function vxlanMode(vxlan: VxlanOptions): number {
  return (
    (vxlan.external ? 0 : VxlanMode.CLASSIC) |
    (vxlanLearns(vxlan) ? VxlanMode.LEARN : 0) |
    (vxlan.l2miss === true ? VxlanMode.L2_MISS : 0) |
    (vxlan.l3miss === true ? VxlanMode.L3_MISS : 0) |
    (vxlan.proxy === true ? VxlanMode.PROXY : 0) |
    (vxlan.rsc === true ? VxlanMode.RSC : 0) |
    (vxlan.vnifilter === true ? VxlanMode.VNI_FILTER : 0) |
    (vxlan.anyVni === true ? VxlanMode.MIRROR : 0) |
    (vxlan.tapPrefix !== undefined ? VxlanMode.TAPS : 0)
  );
}
