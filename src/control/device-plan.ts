import type { VxlanOptions } from '../iproute/commands.js';

/** A device that a transaction is about to make. */
interface PlannedDevice {
  readonly index: number;
  /** Whether the index is the device's by now. */
  isMade: boolean;
}

/** Stand for the ifindex of devices that are not made yet: far from those that there are. */
const UNMADE_IFINDEX = 2 ** 30;

/**
 * What a transaction is about to do to devices: later lines of it know of that already, while the devices themselves
 * are as they were.
 */
export class DevicePlan {
  private readonly made = new Map<string, PlannedDevice>();
  /** Other names of devices that there are. */
  private readonly aliases = new Map<string, number>();
  private readonly removed = new Set<number>();
  /** Options that vxlan devices are going to have, by index. */
  private readonly options = new Map<number, VxlanOptions>();
  /** A line has asked for the ifindex of a device that was not made, and got one that means nothing. */
  hasGuessed = false;

  add(name: string, index: number, vxlan?: VxlanOptions): void {
    this.made.set(name, { index, isMade: false });
    if (vxlan) this.options.set(index, vxlan);
  }

  configure(index: number, options: VxlanOptions): void {
    this.options.set(index, options);
  }

  remove(index: number): void {
    this.removed.add(index);
    this.options.delete(index);
  }

  isRemoved(index: number): boolean {
    return this.removed.has(index);
  }

  /** A device goes by this name here. */
  alias(name: string, index: number): void {
    this.aliases.set(name, index);
  }

  /** Index of a device that is still to be made, or that goes by another name. */
  find(name: string): number | undefined {
    const alias = this.aliases.get(name);
    if (alias !== undefined) return alias;
    const planned = this.made.get(name);
    return planned && !planned.isMade ? planned.index : undefined;
  }

  /** As `find`; the device has the index from now on. */
  take(name: string): number | undefined {
    const planned = this.made.get(name);
    if (!planned || planned.isMade) return undefined;
    planned.isMade = true;
    return planned.index;
  }

  nameOf(index: number): string | undefined {
    for (const [name, planned] of this.made) if (planned.index === index) return name;
    return undefined;
  }

  guessIfindex(index: number): number {
    this.hasGuessed = true;
    return UNMADE_IFINDEX + index;
  }

  optionsOf(index: number): VxlanOptions | undefined {
    return this.options.get(index);
  }

  /** Options of the vxlan devices that it makes or changes, by index. */
  get vxlans(): ReadonlyMap<number, VxlanOptions> {
    return this.options;
  }

  /** Indices that were kept for devices that were not made. */
  get unused(): number[] {
    return [...this.made.values()].filter(({ isMade }) => !isMade).map(({ index }) => index);
  }
}
