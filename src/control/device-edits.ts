import type { LinkDetails } from '../io/rtnetlink/link-details.js';
import { CommandError } from '../iproute/commands.js';
import { MAX_DEVICES } from '../memory/counters.js';
import { DevicePlan } from './device-plan.js';
import type { DeviceRegistry } from './device-registry.js';
import type { Devices } from './devices.js';
import type { Say } from './protocol.js';
import { noSuchDevice, rtnetlinkAnswers } from './refusal.js';
import type { LinkAdd, LinkChange, Step, TransactionDevices } from './transaction.js';

/** The devices of a daemon, as transactions change them. */
export class DeviceEdits implements TransactionDevices {
  private readonly devices: Devices;
  private readonly registry: DeviceRegistry;
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
  }

  end(): void {
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
    this.devices.checkNew(link.name, vxlan);
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
    const options = this.devices.changedVxlan(name, current, changes);
    if (index === undefined) throw noSuchDevice(name);
    const before = this.registry.get(index)?.vxlan;
    this.plan.configure(index, options);
    return {
      apply: () => this.devices.configureVxlan(index, options),
      undo: async () => {
        // What was made a moment ago goes anyway.
        if (before) await this.devices.configureVxlan(index, before);
      },
    };
  }

  planUp(name: string): Step {
    const index = this.registry.indexOf(name);
    return {
      apply: () => this.devices.prepareUp(index),
      undo: () => this.devices.refresh(index),
      settle: () => this.devices.refresh(index),
    };
  }

  planSet(name: string, argv: readonly string[], say: Say): Step {
    const index = this.registry.indexOf(name);
    let before: LinkDetails | undefined;
    return {
      apply: async () => {
        before = this.devices.detailsOf(index);
        try {
          await this.runIp(argv, say);
        } finally {
          await this.devices.refresh(index);
        }
      },
      undo: async () => {
        if (before) await this.devices.restore(index, before);
      },
    };
  }

  planRemove(name: string): { index: number; step: Step } {
    if (this.plan.find(name) !== undefined) {
      throw new CommandError(`vtep: "${name}" is made by this batch, and cannot be deleted by it`, 2);
    }
    const device = this.registry.find(name);
    if (!device) throw rtnetlinkAnswers('No such device');
    const { index } = device;
    this.plan.remove(index);
    return {
      index,
      step: {
        apply: () => this.devices.pause(index),
        undo: () => this.devices.refresh(index),
      },
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
