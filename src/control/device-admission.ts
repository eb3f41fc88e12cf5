import { changeVxlan } from '../iproute/change-vxlan.js';
import { CommandError, type VxlanChanges, type VxlanOptions } from '../iproute/commands.js';
import { notSupported } from '../iproute/errors.js';
import { unsupportedVxlan } from '../iproute/vxlan-options.js';
import type { DeviceRegistry, LinkSource } from './device-registry.js';
import { isReclaimable } from './own-tap.js';
import { noSuchDevice, refused, rtnetlinkAnswers } from './refusal.js';
import { isVniInUse, type Taker } from './vni-in-use.js';

/** Which devices may be made, and what vxlan devices may become. Every refusal is a CommandError in the kernel's words. */
export class DeviceAdmission {
  private readonly registry: DeviceRegistry;
  private readonly links: LinkSource;

  constructor(registry: DeviceRegistry, links: LinkSource) {
    this.registry = registry;
    this.links = links;
  }

  /** Refuses a device that could not be added, as far as that can be known before. */
  checkNew(name: string, vxlan: VxlanOptions | undefined): void {
    if (this.registry.has(name)) throw rtnetlinkAnswers('File exists');
    this.checkName(name);
    if (vxlan) this.checkVxlan(name, vxlan);
  }

  /** Refuses the name of a link of the host, but for one that vtep may take over. */
  checkName(name: string): void {
    const link = this.links.link(name);
    if (link && !isReclaimable(this.registry, link)) throw rtnetlinkAnswers('File exists');
  }

  /** Refuses a vxlan device that cannot be beside others, those that there are unless told otherwise. */
  checkVxlan(name: string, vxlan: VxlanOptions, others: readonly Taker[] = this.registry.takersBeside(name)): void {
    checkSupported(vxlan);
    this.checkLower(vxlan);
    const { tapPrefix } = vxlan;
    if (tapPrefix !== undefined && others.some((other) => other.vxlan.tapPrefix === tapPrefix)) {
      throw refused(`The tap-prefix "${tapPrefix}" is another device's`);
    }
    if (isVniInUse(vxlan, vxlan.id ?? 0, others)) {
      // The kernel looks for the name first.
      if (this.links.link(name)) throw rtnetlinkAnswers('File exists');
      throw refused('A VXLAN device with the specified VNI already exists');
    }
  }

  /** The options that a vxlan device of `current` ones comes to have. */
  changed(name: string, current: VxlanOptions | undefined, changes: VxlanChanges): VxlanOptions {
    if (!this.registry.has(name)) {
      if (!this.links.link(name)) throw noSuchDevice(name);
      throw new CommandError(`vtep: "${name}" is the host's, not a device of vtep (use the system's ip for it)`, 2);
    }
    return this.changedOptions(current, changes);
  }

  /** As `changed`, whatever the device's name. */
  changedOptions(current: VxlanOptions | undefined, changes: VxlanChanges): VxlanOptions {
    const options = changedOptions(current, changes);
    this.checkLower(options);
    return options;
  }

  private checkLower({ dev }: VxlanOptions): void {
    if (dev !== undefined && !this.links.link(dev)) throw noSuchDevice(dev, 255);
  }
}

/** Refuses options that vtep does not have. */
export function checkSupported(options: VxlanOptions): void {
  const unsupported = unsupportedVxlan(options);
  if (unsupported !== undefined) throw notSupported(unsupported);
}

/** The options that a vxlan device of `current` ones comes to have, wherever it is. */
export function changedOptions(current: VxlanOptions | undefined, changes: VxlanChanges): VxlanOptions {
  if (!current) throw rtnetlinkAnswers('Operation not supported');
  const options = changeVxlan(current, changes);
  checkSupported(options);
  return options;
}
