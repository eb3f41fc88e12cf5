import type { LinkDetails } from '../io/rtnetlink/link-details.js';
import { formatMac } from '../iproute/address.js';
import { CommandError, type LinkGeneric } from '../iproute/commands.js';
import { MAX_DEVICES } from '../memory/counters.js';
import type { PresentDevices } from './desired-devices.js';
import { DevicePlan } from './device-plan.js';
import { type Device, type DeviceRegistry, isHere, takerOf } from './device-registry.js';
import { editedDevice, type TableDraft, type TableDrafts, type TableEdit, type TableState } from './device-tables.js';
import type { Devices } from './devices.js';
import type { Say } from './protocol.js';
import { fdbAnswers, noSuchDevice, rtnetlinkAnswers } from './refusal.js';
import type { LinkAdd, LinkChange, LinkSettings, Step, TransactionDevices } from './transaction.js';
import type { VniSnapshot } from './vni-filter.js';
import { isVniInUse } from './vni-in-use.js';
import { canBecome } from './vxlan-difference.js';

/** The devices of a daemon, as transactions change them. */
export class DeviceEdits implements TransactionDevices {
  private readonly devices: Devices;
  private readonly registry: DeviceRegistry;
  /** VNI filters as they were before the transaction, by device. */
  private readonly filters = new Map<number, VniSnapshot>();
  private readonly drafts = new Map<string, TableDraft>();
  private tables: TableDrafts | undefined;
  private readonly runIp: (argv: readonly string[], say: Say) => Promise<void>;

  /** `runIp` runs the system's own `ip`. */
  constructor(devices: Devices, runIp: (argv: readonly string[], say: Say) => Promise<void>) {
    this.devices = devices;
    this.registry = devices.registry;
    this.runIp = runIp;
  }

  has(name: string): boolean {
    return this.registry.has(name);
  }

  begin(): void {
    this.registry.plan = new DevicePlan();
    this.devices.tables.begin();
  }

  end(isUndone: boolean): void {
    this.devices.tables.end(isUndone);
    this.filters.clear();
    this.drafts.clear();
    this.tables = undefined;
    for (const index of this.registry.plan?.unused ?? []) this.registry.indices.release(index);
    this.registry.plan = undefined;
  }

  get hasGuessed(): boolean {
    return this.plan.hasGuessed;
  }

  planAdd(command: LinkAdd): Step {
    const { link } = command;
    const vxlan = command.kind === 'link-add-vxlan' ? command.vxlan : undefined;
    const removed = this.registry.list().find(({ index, name }) => name === link.name && this.plan.isRemoved(index));
    if (removed) {
      const again = `"${link.name}" is deleted by this batch; making it again`;
      throw new CommandError(`vtep: ${again} cannot be undone, and has no place in an atomic batch`, 2);
    }
    this.devices.admission.checkNew(link.name, vxlan);
    const index = this.registry.indices.next();
    if (index < 0) throw new CommandError(`vtep: more than ${MAX_DEVICES} devices`, 2);
    this.plan.add(link.name, index, vxlan);
    // It is set up when its filters are in force.
    const down = { ...link, up: false };
    return {
      apply: () =>
        command.kind === 'link-add-vxlan'
          ? this.devices.addVxlan(down, command.vxlan)
          : this.devices.addTap(down, command.persist),
      undo: () => this.devices.takeBack(index),
    };
  }

  planChange({ name, changes }: LinkChange): Step {
    const index = this.plan.find(name) ?? this.registry.find(name)?.index;
    const current = this.registry.vxlanOf(index ?? -1);
    // What is not a vxlan device of vtep's is refused as without a transaction.
    const options = this.devices.admission.changed(name, current, changes);
    if (index === undefined) throw noSuchDevice(name);
    const before = this.registry.get(index)?.vxlan;
    this.plan.configure(index, options);
    this.drafts.get(name)?.change(options);
    return {
      apply: () => this.devices.configureVxlan(index, options),
      undo: async () => {
        // What was made a moment ago goes anyway.
        if (before) await this.devices.configureVxlan(index, before);
      },
    };
  }

  planTable(edit: TableEdit): Step {
    const name = editedDevice(edit);
    this.draftOf(name).edit(edit);
    return this.tableStep(name, (device) => this.devices.tables.edit(device, edit));
  }

  /** A device's table and filter, in which lines are tried before workers see any of it. */
  private draftOf(name: string): TableDraft {
    const there = this.drafts.get(name);
    if (there) return there;
    const index = this.registry.indexOf(name);
    const planned = this.registry.vxlanOf(index);
    if (!planned) throw fdbAnswers('Operation not supported');
    this.tables ??= this.devices.tables.drafts();
    const device = this.registry.get(index);
    const draft = this.tables.begin(name, device?.vxlan ?? planned, (options, vni) =>
      isVniInUse(options, vni, this.registry.takersBeside(name)),
    );
    if (device?.vxlan) {
      draft.fill(this.devices.forwarding.contents.entries(device), device.filter?.states(name) ?? []);
      draft.change(planned);
    }
    this.drafts.set(name, draft);
    return draft;
  }

  /** A device's table and filter become what a file says. */
  planTableState(name: string, state: TableState): Step {
    return this.tableStep(name, (device) => this.devices.tables.adopt(device, state));
  }

  private tableStep(name: string, work: (device: Device) => Promise<void>): Step {
    let index = -1;
    return {
      apply: async () => {
        const device = this.registry.meant(name);
        if (!device) throw noSuchDevice(name);
        index = device.index;
        this.noteFilter(device);
        try {
          await work(device);
        } catch (error) {
          await this.restoreFilter(index);
          throw error;
        }
      },
      // Entries are taken back all together, at the end.
      undo: () => this.restoreFilter(index),
    };
  }

  private noteFilter({ index, filter }: Device): void {
    if (filter && !this.filters.has(index)) this.filters.set(index, filter.snapshot());
  }

  private async restoreFilter(index: number): Promise<void> {
    const before = this.filters.get(index);
    if (before) await this.devices.tables.restoreFilter(index, before);
  }

  planUp(name: string): Step {
    const index = this.registry.indexOf(name);
    return {
      apply: () => this.devices.upDown.prepareUp(index),
      undo: () => this.devices.refresh(index),
      settle: () => this.devices.refresh(index),
    };
  }

  planSet(name: string, { argv, settings }: LinkSettings, say: Say): Step {
    const index = this.registry.indexOf(name);
    let before: LinkDetails | undefined;
    return {
      apply: async () => {
        const now = this.devices.links.details(index);
        // Even an address that it has would cost a link its neighbours.
        if (now && isSo(now, settings)) return;
        before = now;
        try {
          await this.orRestored(index, now, () => this.runIp(argv, say));
        } finally {
          await this.devices.refresh(index);
        }
      },
      undo: async () => {
        if (before) await this.devices.links.restore(index, before);
      },
    };
  }

  planRemove(name: string): { index: number; step: Step } {
    if (this.plan.find(name) !== undefined) {
      throw new CommandError(`vtep: "${name}" is made by this batch, and cannot be deleted by it`, 2);
    }
    const device = this.registry.find(name);
    if (!device) throw rtnetlinkAnswers('No such device');
    return { index: device.index, step: this.planRemoveAt(device.index) };
  }

  /** Indices of the devices that there are. */
  get indices(): number[] {
    return this.registry.list().flatMap(({ index, isGone, mirror }) => (isGone || mirror ? [] : [index]));
  }

  /** What a file that is read again has to know. */
  readonly present: PresentDevices = {
    newTables: () => this.devices.tables.drafts(),
    meant: (name) => this.registry.meant(name),
    hostIfindex: (name) => {
      const ifindex = this.devices.links.foreignIfindex(name);
      if (ifindex === undefined) throw noSuchDevice(name);
      return ifindex;
    },
    isHosts: (name) => this.devices.links.foreignIfindex(name) !== undefined,
    hostTarget: (name) => this.devices.hostPorts.indexOf(name),
    check: (name, vxlan, beside) => {
      if (!this.registry.meant(name)) this.devices.admission.checkName(name);
      if (vxlan)
        this.devices.admission.checkVxlan(
          name,
          vxlan,
          beside.map((options) => takerOf(options)),
        );
    },
    changed: (current, changes) => this.devices.admission.changedOptions(current, changes),
  };

  /** Whether a name means something in this network namespace: not that of a device that was moved or renamed. */
  isHere(name: string): boolean {
    const device = this.registry.meant(name);
    return !device || (isHere(device) && device.name === name);
  }

  planRemoveAt(index: number): Step {
    this.plan.remove(index);
    return { apply: () => this.devices.upDown.pause(index), undo: () => this.devices.refresh(index) };
  }

  /** The steps by which the device that `name` means becomes what a file says of it. */
  planKeep(name: string, making: LinkAdd, say: Say): Step[] {
    const device = this.registry.meant(name);
    if (!device) throw noSuchDevice(name);
    const { index } = device;
    if (!this.isHere(name)) this.plan.alias(name, index);
    const persist = making.kind === 'link-add-tap' && making.persist;
    const vxlan = making.kind === 'link-add-vxlan' ? making.vxlan : undefined;
    const before = device.vxlan;
    const isSameKind = (before === undefined) === (vxlan === undefined) && device.persist === persist;
    const change = before && vxlan ? canBecome(before, vxlan) : 'same';
    if (!isSameKind || change === 'other') {
      say({
        err: `vtep: ${name} is made anew: what the file says of it cannot be changed while it lives
`,
      });
      return [this.remaking(device, making)];
    }
    const steps: Step[] = [];
    if (before && vxlan && change === 'changed') {
      steps.push({
        apply: () => this.devices.configureVxlan(index, vxlan),
        undo: () => this.devices.configureVxlan(index, before),
      });
    }
    const set = this.setting(index, making.link);
    return set ? [...steps, set] : steps;
  }

  /** What the file says of MTU, address and queue, where it is otherwise. */
  private setting(index: number, { name, mtu, address, txqueuelen }: LinkGeneric): Step | undefined {
    const before = this.devices.links.details(index);
    if (!before) return undefined;
    const other: LinkGeneric = {
      name,
      ...(mtu !== undefined && mtu !== before.link.mtu && { mtu }),
      ...(address !== undefined && `${address}` !== `${before.link.address}` && { address }),
      ...(txqueuelen !== undefined && txqueuelen !== before.txQueueLength && { txqueuelen }),
    };
    if (Object.keys(other).length === 1) return undefined;
    return {
      apply: () => this.orRestored(index, before, () => this.devices.links.set(index, other)),
      undo: () => this.devices.links.restore(index, before),
    };
  }

  /** The kernel sets one thing after the other: where it refuses one, those before it are put back. */
  private async orRestored(index: number, before: LinkDetails | undefined, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (before) await this.devices.links.restore(index, before).catch(() => undefined);
      throw error;
    }
  }

  private remaking({ index, name, persist, vxlan }: Device, making: LinkAdd): Step {
    const details = this.devices.links.details(index);
    const wanted = making.kind === 'link-add-vxlan' ? making.vxlan : undefined;
    if (wanted) this.plan.configure(index, wanted);
    const link = { ...making.link, up: false };
    const old: LinkGeneric = {
      name,
      ...(details && { mtu: details.link.mtu, address: details.link.address, up: details.link.up }),
    };
    const remakeOld = async (): Promise<void> => {
      await this.devices.remake(index, old, persist, vxlan);
      await this.restoreFilter(index);
    };
    return {
      apply: async () => {
        const device = this.registry.get(index);
        if (device) this.noteFilter(device);
        try {
          await this.devices.remake(index, link, making.kind === 'link-add-tap' && making.persist, wanted);
        } catch (error) {
          await remakeOld();
          throw error;
        }
      },
      undo: remakeOld,
    };
  }

  takeAway(index: number): Promise<void> {
    return this.devices.remove(index);
  }

  private get plan(): DevicePlan {
    const { plan } = this.registry;
    if (!plan) throw new Error('no transaction is on');
    return plan;
  }
}

/** Whether a link has settings as they were typed; `false` for what is written in an unusual way. */
function isSo({ link, txQueueLength }: LinkDetails, settings: ReadonlyMap<string, string>): boolean {
  const now = new Map([
    ['mtu', `${link.mtu}`],
    ['address', formatMac(link.address)],
    ['txqueuelen', `${txQueueLength}`],
    ['alias', link.alias],
  ]);
  return [...settings].every(([name, value]) => now.get(name) === value.toLowerCase() || now.get(name) === value);
}
