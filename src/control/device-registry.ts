import type { Link } from '../io/rtnetlink/link.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import { DeviceIndices } from './device-indices.js';
import type { DevicePlan } from './device-plan.js';
import { noIngressOfHosts, noSuchDevice, noSuchTarget } from './refusal.js';
import type { RuleDevices } from './rule-surroundings.js';
import type { VniFilter } from './vni-filter.js';
import type { Taker } from './vni-in-use.js';
import type { VxlanSockets } from './vxlan-sockets.js';

/** A network namespace without an id here. */
export const ELSEWHERE = -1;

/** Of which VNI of which mirror receiver (its index) a TAP is. */
export interface MirrorTap {
  readonly of: number;
  readonly vni: number;
}

export interface Device {
  readonly index: number;
  readonly kind: 'tap' | 'vxlan';
  /** A queue of its TAP. */
  readonly fd: number;
  /** All descriptors of the TAP, that one among them. */
  readonly fds: readonly number[];
  readonly persist: boolean;
  ifindex: number;
  name: string;
  /** The name that it was made by. */
  readonly madeAs: string;
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
  sockets?: VxlanSockets;
  /** The VNIs of a device with `vnifilter`. */
  filter?: VniFilter;
  /** What a vxlan device was made with, or changed to. */
  vxlan?: VxlanOptions;
  /** A TAP that a mirror receiver made: it comes and goes by itself, and is in no file. */
  readonly mirror?: MirrorTap;
}

/** Whether it is there, in this network namespace, where its name means it. */
export function isHere(device: Device): boolean {
  return device.nsid === undefined && !device.isGone;
}

/** What is asked of the kernel. */
export interface LinkSource {
  link(which: number | string, nsid?: number): Link | undefined;
}

/** Where mirred sends to that is no device of vtep's. */
export interface OutsideTargets {
  /** Index of the interface; throws CommandError where it cannot be sent to. */
  targetOf(link: Link): number;
  /** undefined: it is none of these. */
  nameOf(index: number): string | undefined;
  /** One action less sends to this index. */
  dropped(index: number): void;
}

/** The devices of a daemon by index, name and link. */
export class DeviceRegistry implements RuleDevices {
  readonly indices = new DeviceIndices();
  private readonly links: LinkSource;
  private readonly byIndex = new Map<number, Device>();
  /** What the transaction that is on is about to make and to remove: names mean that already. */
  plan: DevicePlan | undefined;
  /** Actions of the program that embeds vtep; throws CommandError where it has none of this name. */
  checkAction?: (name: string) => void;
  /** Interfaces of the host that mirred may send to; without them it sends to vtep's devices only. */
  outside: OutsideTargets | undefined;

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

  /** Those that are there, in this network namespace. */
  present(): Device[] {
    return this.list().filter(isHere);
  }

  has(name: string): boolean {
    return this.plan?.find(name) !== undefined || this.find(name) !== undefined;
  }

  /** The device that a name means in this network namespace. */
  find(name: string): Device | undefined {
    for (const device of this.byIndex.values()) {
      if (device.name === name && isHere(device) && !this.plan?.isRemoved(device.index)) return device;
    }
    // It may have been given the name a moment ago, or it is one of its other names.
    const link = this.links.link(name);
    const renamed = link && this.byLink(link, undefined);
    if (!renamed || !link || this.plan?.isRemoved(renamed.index)) return undefined;
    renamed.name = link.name;
    return renamed;
  }

  /** The device behind a link of this network namespace, or of the one with id `nsid`. */
  byLink(link: Link, nsid: number | undefined): Device | undefined {
    for (const device of this.byIndex.values()) {
      if (device.ifindex === link.index && device.nsid === nsid && !device.isGone) return device;
    }
    return undefined;
  }

  /** Whether a device is there, and none of vtep's. */
  isHosts(name: string): boolean {
    return this.known(name) === undefined && this.links.link(name) !== undefined;
  }

  indexOf(name: string): number {
    const index = this.known(name);
    if (index !== undefined) return index;
    if (this.links.link(name)) {
      throw new CommandError(
        `vtep: "${name}" is the host's, not a device of vtep: filters hang on devices that vtep made (use the system's tc for it)`,
        2,
      );
    }
    throw noSuchDevice(name);
  }

  targetOf(name: string, direction: 'egress' | 'ingress' = 'egress', left = 0): number {
    const index = this.known(name);
    if (index !== undefined) return index;
    const link = this.links.link(name);
    if (link && this.outside && direction === 'ingress') {
      throw noIngressOfHosts(name);
    }
    if (link && this.outside) return this.outside.targetOf(link);
    throw noSuchTarget(name, left);
  }

  ifindexOf(name: string): number {
    const planned = this.plan?.find(name);
    const index = this.find(name)?.ifindex ?? this.links.link(name)?.index;
    if (index !== undefined) return index;
    if (planned === undefined || !this.plan) throw noSuchDevice(name);
    return this.byIndex.get(planned)?.ifindex ?? this.plan.guessIfindex(planned);
  }

  nameOf(index: number): string {
    return this.byIndex.get(index)?.name ?? this.plan?.nameOf(index) ?? this.outside?.nameOf(index) ?? '*';
  }

  /** The index for a device that is being made: the one that was kept for it, else a free one; -1: there is none. */
  takeIndex(name: string): number {
    return this.plan?.take(name) ?? this.indices.next();
  }

  /** The device that a file means which makes one of this name: wherever it is by now, and whatever it is called. */
  meant(name: string): Device | undefined {
    const devices = this.list().filter(({ isGone }) => !isGone);
    return devices.find((device) => device.name === name) ?? devices.find(({ madeAs }) => madeAs === name);
  }

  /** The options that a vxlan device has, or is going to have. */
  vxlanOf(index: number): VxlanOptions | undefined {
    return this.plan?.optionsOf(index) ?? this.byIndex.get(index)?.vxlan;
  }

  /** Every vxlan device that is there or planned, but for the one of this name. */
  takersBeside(name: string): Taker[] {
    const indices = new Set([...this.byIndex.keys(), ...(this.plan?.vxlans.keys() ?? [])]);
    return [...indices]
      .filter((index) => this.nameOf(index) !== name && !this.plan?.isRemoved(index))
      .flatMap((index) => {
        const vxlan = this.vxlanOf(index);
        const filter = this.byIndex.get(index)?.filter;
        return vxlan ? [takerOf(vxlan, filter)] : [];
      });
  }

  private known(name: string): number | undefined {
    return this.plan?.find(name) ?? this.find(name)?.index;
  }

  hold(index: number): void {
    this.indices.hold(index);
  }

  drop(index: number): void {
    this.indices.drop(index);
    this.outside?.dropped(index);
  }
}

/** A vxlan device as a taker of VNIs. */
export function takerOf(vxlan: VxlanOptions, filter?: VniFilter): Taker {
  return { vxlan, has: (vni) => takes(vxlan, filter, vni) };
}

function takes({ id = 0, vnifilter }: VxlanOptions, filter: VniFilter | undefined, vni: number): boolean {
  return vnifilter === true ? filter?.has(vni) === true : id === vni;
}
