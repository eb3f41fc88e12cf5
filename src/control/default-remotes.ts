/** Where vxlan devices send to by themselves: their `remote` or `group`, and those of the VNIs of a filter, through `dev`. */
import type { FdbRemote } from '../devices/fdb-records.js';
import type { VxlanOptions } from '../iproute/commands.js';
import type { VniState } from '../iproute/fdb-types.js';
import type { LinkSource } from './device-registry.js';
import { type FdbDevice, isAny, optionsOf } from './fdb-entries.js';

export class DefaultRemotes {
  private readonly links: LinkSource;
  /** The interface that a device's `dev` was when it was last looked for, by the device's index. */
  private readonly lowers = new Map<number, number>();

  constructor(links: LinkSource) {
    this.links = links;
  }

  /** Looks for a device's `dev`: its index, or 0. */
  find(device: FdbDevice): number {
    const lower = this.lowerOf(optionsOf(device));
    this.lowers.set(device.index, lower);
    return lower;
  }

  /** What `find` found last; 0: none. */
  lowerIndex({ index }: Pick<FdbDevice, 'index'>): number {
    return this.lowers.get(index) ?? 0;
  }

  end({ index }: FdbDevice): void {
    this.lowers.delete(index);
  }

  /** The name of an interface; that of a device's own lower one while it is gone. */
  nameOf(device: FdbDevice, ifindex: number): string {
    const name = this.links.link(ifindex)?.name;
    return name ?? (ifindex === this.lowerIndex(device) ? optionsOf(device).dev : undefined) ?? `if${ifindex}`;
  }

  /** The interface that `dev` is now; 0: none. */
  lowerOf({ dev }: VxlanOptions): number {
    return dev === undefined ? 0 : (this.links.link(dev)?.index ?? 0);
  }

  /** What a device with these options sends to. */
  own(options: VxlanOptions, lower = this.lowerOf(options)): FdbRemote | undefined {
    const { remote, id = 0 } = options;
    return remote === undefined || isAny(remote) ? undefined : remoteAt(options, id, remote, lower);
  }

  /** What a device sends frames of a VNI to at that address. */
  ofVni(device: FdbDevice, vni: number, address: Uint8Array): FdbRemote {
    return remoteAt(optionsOf(device), vni, address, this.lowerIndex(device));
  }

  /** What making a device, and adding the VNIs of its filter, puts into its table: all of it at the all-zeros address. */
  all(device: FdbDevice, vnis: readonly VniState[]): { readonly vni: number; readonly remote: FdbRemote }[] {
    const options = optionsOf(device);
    const own = this.own(options, this.lowerIndex(device));
    const ofVnis = vnis.flatMap(({ vni, remote }) => {
      const address = remote ?? own?.address;
      return address ? [{ vni, remote: this.ofVni(device, vni, address) }] : [];
    });
    return [...(own ? [{ vni: options.id ?? 0, remote: own }] : []), ...ofVnis];
  }
}

function remoteAt({ dstport }: VxlanOptions, vni: number, address: Uint8Array, lower: number): FdbRemote {
  return { address, port: dstport, vni, ifindex: lower };
}
