/** What the tests of the control layer share: lines as people type them, and a daemon's rules without its threads. */
import type { ClassifierTable } from '../classifier/classifier.js';
import { LinearTable } from '../classifier/linear/linear-table.js';
import type { Instruction } from '../dataplane/messages.js';
import { parseBatchLine } from '../iproute/batch.js';
import { CommandError, type FilterSelector, type FilterSpec } from '../iproute/commands.js';
import { printFilters } from '../iproute/print-filter.js';
import { ActionCounters, Counters } from '../memory/counters.js';
import { carryOutActions, isActionsCommand } from './carry-out-actions.js';
import { carryOutChain, isChainCommand } from './carry-out-chain.js';
import { DeviceIndices } from './device-indices.js';
import type { EventLog } from './events.js';
import type { Reply } from './protocol.js';
import { noSuchDevice } from './refusal.js';
import type { RuleDatapath, RuleDevices } from './rule-surroundings.js';
import { Rules } from './rules.js';

/** A datapath that notes its instructions, and takes them over when it is told. */
export class FakeDatapath implements RuleDatapath {
  readonly counters = new Counters();
  readonly actionCounters = new ActionCounters();
  readonly instructions: Instruction[] = [];
  /** While set, an instruction waits for `takeOver`. */
  isBusy = false;
  private waiting: (() => void)[] = [];

  apply(instruction: Instruction): Promise<void> {
    this.instructions.push(instruction);
    if (!this.isBusy) return Promise.resolve();
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }

  ensureActionCounters(rows: number): void {
    while (this.actionCounters.capacity < rows) this.actionCounters.grow();
  }

  takeOver(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** Devices vxlan0, tap0 and tap1, of index 0, 1 and 2. */
export class FakeDevices implements RuleDevices {
  readonly indices = new DeviceIndices();
  readonly names = new Map<string, number>();

  constructor() {
    for (const name of ['vxlan0', 'tap0', 'tap1']) this.add(name);
  }

  add(name: string): number {
    const index = this.indices.next();
    this.names.set(name, index);
    return index;
  }

  remove(name: string): void {
    this.indices.release(this.indexOf(name));
    this.names.delete(name);
  }

  indexOf(name: string): number {
    const index = this.names.get(name);
    if (index === undefined) throw noSuchDevice(name);
    return index;
  }

  targetOf(name: string): number {
    return this.indexOf(name);
  }

  ifindexOf(name: string): number {
    return 100 + this.indexOf(name);
  }

  nameOf(index: number): string {
    return [...this.names].find(([, each]) => each === index)?.[0] ?? '*';
  }

  hold(index: number): void {
    this.indices.hold(index);
  }

  drop(index: number): void {
    this.indices.drop(index);
  }
}

/** Rules that are edited by lines of tc. */
export class Bench {
  readonly datapath = new FakeDatapath();
  readonly devices: FakeDevices;
  readonly rules: Rules;

  constructor(
    newTable: () => ClassifierTable = () => new LinearTable(),
    devices = new FakeDevices(),
    events?: EventLog,
  ) {
    this.devices = devices;
    this.rules = new Rules(this.datapath, this.devices, newTable, events);
  }

  /** Runs a line such as `filter add dev vxlan0 ingress …`; gives what it prints. */
  tc(line: string): string {
    const command = parseBatchLine(['tc', ...line.split(/\s+/)]);
    let printed = '';
    const say = (reply: Reply): void => {
      if ('out' in reply) printed += reply.out;
      if ('err' in reply) printed += reply.err;
    };
    if (command.kind === 'filter-add') this.rules.edit(command.mode, command.filter);
    else if (command.kind === 'filter-del') this.rules.remove(command.selector);
    else if (command.kind === 'filter-get') this.rules.get(command.selector);
    else if (command.kind === 'filter-show') {
      printed = printFilters(this.rules.list(command.selector), command.selector, command.output);
    } else if (command.kind === 'qdisc-add') this.rules.addQdisc(command.dev, command.qdisc, command.mode);
    else if (command.kind === 'qdisc-del') this.rules.removeQdisc(command.dev, command.qdisc, command.anyKind === true);
    else if (isActionsCommand(command)) carryOutActions(this.rules.actions, command, say, this.rules.told);
    else if (isChainCommand(command)) carryOutChain(this.rules, command, say);
    else throw new Error(`not for rules: ${line}`);
    return printed;
  }

  /** What stderr and the exit code would be. */
  refusal(line: string): { said: string; exit: number } {
    try {
      this.tc(line);
    } catch (error) {
      if (error instanceof CommandError) return { said: error.message, exit: error.exitCode };
      throw error;
    }
    return { said: '', exit: 0 };
  }
}

/** The filter that a line of `tc filter add` asks for. */
export function filterOf(line: string): FilterSpec {
  const command = parseBatchLine(['tc', 'filter', 'add', 'dev', 'vxlan0', 'ingress', ...line.split(/\s+/)]);
  if (command.kind !== 'filter-add') throw new Error(line);
  return command.filter;
}

export const ALL: FilterSelector = { dev: 'vxlan0', parent: 'ingress' };
