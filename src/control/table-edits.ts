import type { Device, DeviceRegistry, LinkSource } from './device-registry.js';
import { adoptTable, editTable, TableDrafts, type TableEdit, type TableState } from './device-tables.js';
import type { Forwarding } from './forwarding.js';
import type { Turns } from './turns.js';
import type { VniRows, VniSnapshot } from './vni-filter.js';

/** Edits the forwarding tables and VNI filters of devices, in turn with whatever else changes devices. */
export class TableEdits {
  private readonly registry: DeviceRegistry;
  private readonly forwarding: Forwarding;
  private readonly vniRows: VniRows;
  private readonly links: LinkSource;
  private readonly turns: Turns;

  constructor(registry: DeviceRegistry, forwarding: Forwarding, vniRows: VniRows, links: LinkSource, turns: Turns) {
    this.registry = registry;
    this.forwarding = forwarding;
    this.vniRows = vniRows;
    this.links = links;
    this.turns = turns;
  }

  /** Carries out a line about a device's table or filter; throws CommandError. */
  edit(device: Device, edit: TableEdit): Promise<void> {
    return this.turns.take(async () => {
      editTable(this.forwarding, device, edit);
      if (device.filter) await device.sockets?.takeOthers(device.index);
    });
  }

  /** Has a device's table and filter be as a state says; throws CommandError. */
  adopt(device: Device, state: TableState): Promise<void> {
    return this.turns.take(async () => {
      adoptTable(this.forwarding, device, state);
      if (device.filter) await device.sockets?.takeOthers(device.index);
    });
  }

  /** Tables and filters are as a transaction finds them; `end` must follow. */
  begin(): void {
    this.forwarding.journal.open();
    this.vniRows.hold();
  }

  /** The transaction is over, and has been taken back or not. */
  end(isUndone: boolean): void {
    if (isUndone) this.forwarding.journal.rollBack();
    else this.forwarding.journal.keep();
    this.vniRows.release();
  }

  /** Has a device's filter be as it was earlier in a transaction. */
  restoreFilter(index: number, before: VniSnapshot): Promise<void> {
    return this.turns.take(async () => {
      const device = this.registry.get(index);
      if (!device?.filter || !device.vxlan) return;
      device.filter.restore(device.vxlan, before);
      await device.sockets?.takeOthers(device.index);
    });
  }

  /** Tables as the lines of a file would make them. */
  drafts(): TableDrafts {
    return new TableDrafts(this.links);
  }
}
