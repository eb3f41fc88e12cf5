import type { Link } from '../io/rtnetlink/link.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import { badAction } from '../iproute/parse-actions.js';
import { DeviceIndices } from './device-indices.js';
import { noSuchDevice } from './refusal.js';
import type { RuleDevices } from './rules.js';
import type { VxlanSockets } from './vxlan-sockets.js';

/** A network namespace without an id here. */
export const ELSEWHERE = -1;

export interface Device {
  readonly index: number;
  readonly kind: 'tap' | 'vxlan';
  readonly fd: number;
  readonly persist: boolean;
  ifindex: number;
  name: string;
  /**
   * Where it was moved to another network namespace: that one's id here, or ELSEWHERE. It goes on working, but its name
   * is no longer one of ours.
   */
  nsid: number | undefined;
  /** Made by this process, not found. */
  readonly isNew: boolean;
  /** About to be set up: its sockets are open already. */
  isRising: boolean;
  /** Deleted from outside; soon to be removed here. */
  isGone: boolean;
  /** A vxlan device's underlay. */
  readonly sockets?: VxlanSockets;
  /** What a vxlan device was made with, or changed to. */
  vxlan?: VxlanOptions;
}

/** Whether it is there, in this network namespace, where its name means it. */
export function isHere(device: Device): boolean {
  return device.nsid === undefined && !device.isGone;
}

/** What is asked of the kernel. */
export interface LinkSource {
  link(which: number | string, nsid?: number): Link | undefined;
}

/** The devices of a daemon by index, name and link. */
export class DeviceRegistry implements RuleDevices {
  readonly indices = new DeviceIndices();
  private readonly links: LinkSource;
  private readonly byIndex = new Map<number, Device>();

  constructor(links: LinkSource) {
    this.links = links;
  }

  add(device: Device): void {
    this.byIndex.set(device.index, device);
  }

  delete(device: Device): void {
    this.byIndex.delete(device.index);
  }

  get(index: number): Device | undefined {
    return this.byIndex.get(index);
  }

  /** Every device, in order of creation. */
  list(): Device[] {
    return [...this.byIndex.values()];
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  /** The device that a name means in this network namespace. */
  find(name: string): Device | undefined {
    for (const device of this.byIndex.values()) if (device.name === name && isHere(device)) return device;
    // It may have been given the name a moment ago, or it is one of its other names.
    const link = this.links.link(name);
    const renamed = link && this.byLink(link, undefined);
    if (renamed && link) renamed.name = link.name;
    return renamed;
  }

  /** The device behind a link of this network namespace, or of the one with id `nsid`. */
  byLink(link: Link, nsid: number | undefined): Device | undefined {
    for (const device of this.byIndex.values()) {
      if (device.ifindex === link.index && device.nsid === nsid && !device.isGone) return device;
    }
    return undefined;
  }

  indexOf(name: string): number {
    const device = this.find(name);
    if (device) return device.index;
    if (this.links.link(name)) {
      throw new CommandError(
        `vtep: "${name}" is the host's, not a device of vtep: filters hang on devices that vtep made (use the system's tc for it)`,
        2,
      );
    }
    throw noSuchDevice(name);
  }

  targetOf(name: string, left = 0): number {
    const device = this.find(name);
    if (device) return device.index;
    if (this.links.link(name)) {
      throw new CommandError(`vtep: mirred to "${name}", which is not a device of vtep, is not supported by vtep`, 2);
    }
    throw new CommandError(`Cannot find device "${name}"\n${badAction(left, 'mirred')}`, 1);
  }

  ifindexOf(name: string): number {
    const index = this.find(name)?.ifindex ?? this.links.link(name)?.index;
    if (index === undefined) throw noSuchDevice(name);
    return index;
  }

  nameOf(index: number): string {
    return this.byIndex.get(index)?.name ?? '*';
  }

  hold(index: number): void {
    this.indices.hold(index);
  }

  drop(index: number): void {
    this.indices.drop(index);
  }
}
