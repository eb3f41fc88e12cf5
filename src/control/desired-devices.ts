import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import { editedDevice, type TableDraft, type TableDrafts, type TableEdit } from './device-tables.js';
import { fdbAnswers, noIngressOfHosts, noSuchDevice, noSuchTarget, rtnetlinkAnswers } from './refusal.js';
import type { RuleDevices } from './rule-surroundings.js';
import type { LinkAdd, LinkChange, Step, TransactionDevices } from './transaction.js';

/** A device that a file asks for. */
export interface DesiredDevice {
  /** That of the device that is there already, or one that means nothing elsewhere. */
  readonly index: number;
  readonly line: number;
  /** How it is made; a vxlan device with the options that later lines give it. */
  making: LinkAdd;
  /** Of a vxlan device: its forwarding table and VNI filter. */
  readonly table?: TableDraft;
}

/** What has to be known of the devices that there are. */
export interface PresentDevices {
  /** Tables that nobody sends by. */
  newTables(): TableDrafts;
  /** Index and ifindex of the device that a file which makes `name` means; undefined: there is none yet. */
  meant(name: string): { readonly index: number; readonly ifindex: number } | undefined;
  /** ifindex of a link that is not vtep's. Throws CommandError. */
  hostIfindex(name: string): number;
  /** Whether a name is the host's. */
  isHosts(name: string): boolean;
  /** Index under which an interface of the host is sent to; undefined: it is not yet. */
  hostTarget?(name: string): number | undefined;
  /** Throws CommandError where such a device cannot be, beside these. */
  check(name: string, vxlan: VxlanOptions | undefined, beside: readonly VxlanOptions[]): void;
  /** Throws CommandError where the options cannot change so. */
  changed(current: VxlanOptions | undefined, changes: LinkChange['changes']): VxlanOptions;
}

/** Indices, and ifindices, of devices that are not there: far from those that are. */
const FIRST_UNMADE = 2 ** 29;

const nothing: Step = { apply: () => Promise.resolve(), undo: () => Promise.resolve() };

/** Devices as the lines of a file would make them in an empty daemon; nothing is made. */
export class DesiredDevices implements RuleDevices, TransactionDevices {
  readonly hasGuessed = false;
  private readonly present: PresentDevices;
  private readonly devices = new Map<string, DesiredDevice>();
  /** Interfaces of the host that the file sends to. */
  private readonly hosts = new Map<string, number>();
  private unmade = FIRST_UNMADE;
  private readonly tables: TableDrafts;
  /** The line that is being read. */
  line = 0;

  constructor(present: PresentDevices) {
    this.present = present;
    this.tables = present.newTables();
  }

  /** By name, in the order of the file. */
  get wanted(): ReadonlyMap<string, DesiredDevice> {
    return this.devices;
  }

  has(name: string): boolean {
    return this.devices.has(name);
  }

  begin(): void {}

  end(): void {}

  planAdd(making: LinkAdd): Step {
    const { name } = making.link;
    if (this.has(name)) throw rtnetlinkAnswers('File exists');
    const others = [...this.devices.values()].flatMap((device) => optionsOf(device.making) ?? []);
    this.present.check(name, optionsOf(making), others);
    const index = this.present.meant(name)?.index ?? this.unmade++;
    const vxlan = optionsOf(making);
    const table = vxlan && this.tables.begin(name, vxlan);
    this.devices.set(name, { index, line: this.line, making, ...(table && { table }) });
    return nothing;
  }

  planChange({ name, changes }: LinkChange): Step {
    const device = this.devices.get(name);
    if (!device) throw this.unknown(name);
    const vxlan = this.present.changed(optionsOf(device.making), changes);
    if (device.making.kind === 'link-add-vxlan') device.making = { ...device.making, vxlan };
    device.table?.change(vxlan);
    return nothing;
  }

  planTable(edit: TableEdit): Step {
    const name = editedDevice(edit);
    const device = this.devices.get(name);
    if (!device) throw this.unknown(name);
    if (!device.table) throw fdbAnswers('Operation not supported');
    device.table.edit(edit);
    return nothing;
  }

  planUp(): Step {
    return nothing;
  }

  planSet(): Step {
    return nothing;
  }

  planRemove(name: string): { index: number; step: Step } {
    const index = this.indexOf(name);
    this.devices.delete(name);
    return { index, step: nothing };
  }

  takeAway(): Promise<void> {
    return Promise.resolve();
  }

  indexOf(name: string): number {
    const device = this.devices.get(name);
    if (!device) throw this.unknown(name);
    return device.index;
  }

  targetOf(name: string, direction: 'egress' | 'ingress', left = 0): number {
    const device = this.devices.get(name);
    if (device) return device.index;
    if (!this.present.isHosts(name)) throw noSuchTarget(name, left);
    if (direction === 'ingress') throw noIngressOfHosts(name);
    const index = this.hosts.get(name) ?? this.present.hostTarget?.(name) ?? this.unmade++;
    this.hosts.set(name, index);
    return index;
  }

  nameOf(index: number): string {
    for (const [name, device] of this.devices) if (device.index === index) return name;
    for (const [name, each] of this.hosts) if (each === index) return name;
    return '*';
  }

  ifindexOf(name: string): number {
    const device = this.devices.get(name);
    return device ? (this.present.meant(name)?.ifindex ?? device.index) : this.present.hostIfindex(name);
  }

  hold(): void {}

  drop(): void {}

  private unknown(name: string): CommandError {
    if (!this.present.isHosts(name)) return noSuchDevice(name);
    return new CommandError(`vtep: "${name}" is the host's, not a device that the file makes`, 2);
  }
}

export function optionsOf(making: LinkAdd): VxlanOptions | undefined {
  return making.kind === 'link-add-vxlan' ? making.vxlan : undefined;
}
