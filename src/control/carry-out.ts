import { type Command, CommandError } from '../iproute/commands.js';
import { carryOutActions } from './carry-out-actions.js';
import { carryOutChain } from './carry-out-chain.js';
import type { DeviceRegistry } from './device-registry.js';
import type { Devices } from './devices.js';
import { carryOutFdb, type FdbTarget } from './fdb-command.js';
import { idempotent } from './idempotent.js';
import type { RunTool } from './lookups.js';
import type { Say } from './protocol.js';
import { asTunDriver } from './refusal.js';
import type { Rules } from './rules.js';
import { carryOutVni, type VniTarget } from './vni-command.js';

/** Carries out what changes something: on what is vtep's, or with the host's tools on what is not. */
export class CommandCarrier {
  private readonly devices: Devices;
  private readonly registry: DeviceRegistry;
  private readonly rules: Rules;
  private readonly tables: FdbTarget & VniTarget;
  private readonly host: RunTool;

  /** `host` runs a tool of the system within a change. */
  constructor(devices: Devices, rules: Rules, tables: FdbTarget & VniTarget, host: RunTool) {
    this.devices = devices;
    this.registry = devices.registry;
    this.rules = rules;
    this.tables = tables;
    this.host = host;
  }

  /** Leaves it to the caller to put the rules that it changed in force. Rejects with what is refused. */
  async carryOut(command: Command, say: Say): Promise<void> {
    switch (command.kind) {
      case 'monitor':
      case 'monitor-host':
        throw new CommandError('vtep: a monitor has no end, and no place in a batch', 255);
      case 'link-add-vxlan':
        for (const note of command.notes) say({ err: `${note}\n` });
        await this.devices.addVxlan(command.link, command.vxlan);
        break;
      case 'link-add-tap':
        if (command.tuntap) await asTunDriver(this.devices.addTap(command.link, command.persist));
        else await this.devices.addTap(command.link, command.persist);
        break;
      case 'link-del': {
        const device = this.registry.find(command.name);
        if (device) await this.removeDevice(device.index);
        else if (command.tuntap) await this.host('ip', ['tuntap', 'del', 'dev', command.name, 'mode', 'tap'], say);
        else await this.host('ip', ['link', 'del', 'dev', command.name], say);
        break;
      }
      case 'link-set':
        await this.linkSet(command.name, command.up, command.argv, say);
        break;
      case 'qdisc-add': {
        const { dev, qdisc, mode } = command;
        if (this.registry.has(dev)) this.rules.addQdisc(dev, qdisc, mode);
        else await this.host('tc', ['qdisc', mode ?? 'add', 'dev', dev, qdisc], say);
        break;
      }
      case 'qdisc-del': {
        const { dev, qdisc, anyKind = false } = command;
        if (this.registry.has(dev)) this.rules.removeQdisc(dev, qdisc, anyKind);
        else await this.host('tc', ['qdisc', 'del', 'dev', dev, ...(anyKind ? ['parent', 'ffff:fff1'] : [qdisc])], say);
        break;
      }
      case 'filter-add':
        this.rules.edit(command.mode, command.filter);
        break;
      case 'filter-del':
        this.rules.remove(command.selector);
        break;
      case 'link-set-vxlan':
        await this.devices.changeVxlan(command.name, command.changes);
        if (command.rest) await this.linkSet(command.name, command.up, command.rest, say);
        break;
      case 'actions-add':
      case 'actions-del':
      case 'actions-flush':
        carryOutActions(this.rules.actions, command, say, this.rules.told);
        break;
      case 'chain-add':
      case 'chain-del':
        carryOutChain(this.rules, command, say);
        break;
      case 'fdb-add':
      case 'fdb-del':
      case 'fdb-flush':
        await carryOutFdb(command, this.tables, say);
        break;
      case 'vni-add':
      case 'vni-del':
        await carryOutVni(command, this.tables, say);
        break;
      case 'host': {
        const device = command.dev === undefined ? undefined : this.registry.find(command.dev);
        const isOld = device !== undefined && !device.isNew;
        await this.host(command.tool, isOld ? idempotent(command.argv) : command.argv, say);
        if (device) await this.devices.refresh(device.index);
        break;
      }
    }
  }

  /** Removes a device with its filters and, of a mirror receiver, its TAPs; resolves when that is in force. */
  async removeDevice(index: number): Promise<void> {
    const all = [...this.devices.mirrors.taps(index), index];
    for (const each of all) this.rules.forgetDevice(each);
    await this.rules.commit();
    if (all.length > 1) await this.devices.upDown.pause(index);
    for (const each of all) await this.devices.remove(each);
  }

  private async linkSet(name: string, up: boolean | undefined, argv: readonly string[], say: Say): Promise<void> {
    const device = this.registry.find(name);
    if (!device) {
      await this.host('ip', argv, say);
      return;
    }
    // The kernel opens the socket before the device is up, and refuses where it cannot.
    if (up === true) await this.devices.upDown.prepareUp(device.index);
    try {
      await this.host('ip', argv, say);
    } finally {
      await this.devices.refresh(device.index);
    }
  }
}
