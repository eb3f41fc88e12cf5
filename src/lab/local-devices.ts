import type { PresentDevices } from '../control/desired-devices.js';
import { changedOptions, checkSupported } from '../control/device-admission.js';
import { takerOf } from '../control/device-registry.js';
import { TableDrafts } from '../control/device-tables.js';
import { noSuchDevice, refused } from '../control/refusal.js';
import { isVniInUse } from '../control/vni-in-use.js';
import type { VxlanOptions } from '../iproute/commands.js';

/**
 * What a file may speak of where there is no host: the devices that it makes, and interfaces that somebody said there
 * are. Every name has an index of its own, and the ifindex after it, in the order in which they come up.
 */
export class LocalDevices implements PresentDevices {
  private readonly indices = new Map<string, number>();
  private readonly hosts: ReadonlySet<string>;

  /** `hosts`: interfaces of the host. */
  constructor(hosts: Iterable<string>) {
    this.hosts = new Set(hosts);
  }

  /** Interfaces of the host that are sent to, by index. */
  get outputs(): ReadonlyMap<string, number> {
    return new Map([...this.indices].filter(([name]) => this.hosts.has(name)));
  }

  newTables(): TableDrafts {
    return new TableDrafts({ link: () => undefined });
  }

  meant(name: string): { readonly index: number; readonly ifindex: number } {
    const index = this.indices.get(name) ?? this.indices.size;
    this.indices.set(name, index);
    return { index, ifindex: index + 1 };
  }

  hostIfindex(name: string): number {
    if (!this.isHosts(name)) throw noSuchDevice(name);
    return this.meant(name).ifindex;
  }

  isHosts(name: string): boolean {
    return this.hosts.has(name);
  }

  hostTarget(name: string): number {
    return this.meant(name).index;
  }

  check(_name: string, vxlan: VxlanOptions | undefined, beside: readonly VxlanOptions[]): void {
    if (!vxlan) return;
    checkSupported(vxlan);
    if (
      isVniInUse(
        vxlan,
        vxlan.id ?? 0,
        beside.map((one) => takerOf(one)),
      )
    ) {
      throw refused('A VXLAN device with the specified VNI already exists');
    }
  }

  changed(current: VxlanOptions | undefined, changes: Parameters<PresentDevices['changed']>[1]): VxlanOptions {
    return changedOptions(current, changes);
  }
}
