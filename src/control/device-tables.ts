/** Forwarding tables and VNI filters of devices as a whole: taken down, put back, and drafted from the lines of a file. */
import { type FdbListed, type FdbRecord, FdbRecords } from '../devices/fdb-records.js';
import { type Command, CommandError, type VxlanOptions } from '../iproute/commands.js';
import type { VniState } from '../iproute/fdb-types.js';
import type { LinkSource } from './device-registry.js';
import type { FdbCommand } from './fdb-command.js';
import { type FdbDevice, Forwarding } from './forwarding.js';
import { fdbAnswers } from './refusal.js';
import { VniFilter, VniRows } from './vni-filter.js';

/** A line that edits a table or a filter. */
export type TableEdit =
  | Exclude<FdbCommand, { readonly kind: 'fdb-get' | 'fdb-show' }>
  | Extract<Command, { readonly kind: 'vni-add' | 'vni-del' }>;

/** What commands have made of a device's table and filter; what was learned is no part of it. */
export interface TableState {
  /** The oldest first. */
  readonly records: readonly FdbRecord[];
  readonly vnis: readonly VniState[];
}

export interface TableDevice extends FdbDevice {
  readonly filter?: VniFilter;
}

/** The name of the device that a line is about. */
export function editedDevice(edit: TableEdit): string {
  if ('dev' in edit) return edit.dev;
  return edit.kind === 'fdb-flush' ? edit.flush.dev : edit.entry.dev;
}

/** Carries out one line. Throws CommandError, and has changed nothing then. */
export function editTable(forwarding: Forwarding, device: TableDevice, edit: TableEdit): void {
  const { vxlan, filter } = device;
  switch (edit.kind) {
    case 'fdb-add':
      forwarding.add(edit.mode, device, edit.entry);
      break;
    case 'fdb-del':
      forwarding.remove(device, edit.entry);
      break;
    case 'fdb-flush':
      forwarding.flush(device, edit.flush);
      break;
    case 'vni-add':
    case 'vni-del':
      if (!vxlan) throw new CommandError('Error: vxlan: The device is not a vxlan device.', 255);
      if (!filter) throw fdbAnswers('Operation not supported');
      if (edit.kind === 'vni-add') filter.add(vxlan, edit.ranges, edit.remote);
      else filter.remove(vxlan, edit.ranges);
      break;
  }
}

export function tableState(forwarding: Forwarding, device: TableDevice): TableState {
  return { records: forwarding.contents.made(device), vnis: device.filter?.states(device.name) ?? [] };
}

/** Has a device's table and filter be as a state says; what is so already stays as it is, and what was learned too. */
export function adoptTable(forwarding: Forwarding, device: TableDevice, { records, vnis }: TableState): void {
  if (device.vxlan) device.filter?.adopt(device.vxlan, vnis);
  forwarding.contents.adopt(device, records);
}

/** Whether another device takes a VNI that one of these options is to take. */
export type IsVniInUse = (options: VxlanOptions, vni: number) => boolean;

/** A table and a filter that nobody sends by: what lines come to. */
export class TableDraft {
  private readonly forwarding: Forwarding;
  private readonly device: { index: number; name: string; vxlan: VxlanOptions; filter?: VniFilter };

  constructor(forwarding: Forwarding, index: number, name: string, vxlan: VxlanOptions, isInUse: IsVniInUse) {
    this.forwarding = forwarding;
    const device: TableDraft['device'] = { index, name, vxlan };
    this.device = device;
    forwarding.begin(device);
    if (vxlan.vnifilter !== true) return;
    device.filter = new VniFilter(new VniRows([]), {
      isInUse: (vni) => isInUse(device.vxlan, vni),
      redirect: (vni, before, after) => forwarding.redirect(device, vni, before, after),
      join: () => undefined,
      leave: () => undefined,
    });
  }

  /** Takes over all that a device has, of the same options. */
  fill(entries: readonly FdbListed[], vnis: readonly VniState[]): void {
    this.device.filter?.adopt(this.device.vxlan, vnis);
    this.forwarding.contents.fill(this.device, entries);
  }

  /** Throws CommandError as `editTable`. */
  edit(edit: TableEdit): void {
    editTable(this.forwarding, this.device, edit);
  }

  change(vxlan: VxlanOptions): void {
    const before = this.device.vxlan;
    this.device.vxlan = vxlan;
    this.forwarding.change(this.device, before);
    this.device.filter?.changeDefault(before, vxlan);
  }

  get state(): TableState {
    return tableState(this.forwarding, this.device);
  }
}

/** Drafts of one file, or one batch, in a table of their own. */
export class TableDrafts {
  private readonly links: LinkSource;
  private forwarding: Forwarding | undefined;
  private made = 0;

  constructor(links: LinkSource) {
    this.links = links;
  }

  begin(name: string, vxlan: VxlanOptions, isInUse: IsVniInUse = () => false): TableDraft {
    if (!this.forwarding) {
      this.forwarding = new Forwarding(new FdbRecords(), { device: () => undefined, links: this.links });
      // Nothing ages in it.
      this.forwarding.close();
    }
    return new TableDraft(this.forwarding, this.made++, name, vxlan, isInUse);
  }
}
