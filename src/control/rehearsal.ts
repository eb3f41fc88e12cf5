import type { ClassifierTable } from '../classifier/classifier.js';
import { type ActionState, type Command, CommandError } from '../iproute/commands.js';
import { filterCommand } from '../iproute/filter-command.js';
import { ActionCounters, Counters } from '../memory/counters.js';
import { checkFdb } from './fdb-command.js';
import { rtnetlinkAnswers } from './refusal.js';
import { type RuleDatapath, type RuleDevices, Rules } from './rules.js';

/** Devices as they are, and those that lines rehearsed before would have made. */
interface KnownDevices extends RuleDevices {
  has(name: string): boolean;
}

/** Indices of devices that are not there, far from those that are. */
const FIRST_IMAGINED = 2 ** 30;
/** Stands for every device that what there is sends to, and no line can name. */
const OUT_OF_REACH = FIRST_IMAGINED - 1;

class ImaginedDevices implements RuleDevices {
  private readonly real: KnownDevices;
  private readonly added = new Map<string, number>();
  private readonly lost = new Map<string, number>();
  /** What there is may name devices that are gone, or in another network namespace; a line may not. */
  isCopying = true;

  constructor(real: KnownDevices) {
    this.real = real;
  }

  add(name: string): void {
    if (this.has(name)) throw rtnetlinkAnswers('File exists');
    this.added.set(name, FIRST_IMAGINED + this.added.size);
  }

  has(name: string): boolean {
    return this.added.has(name) || this.real.has(name);
  }

  indexOf(name: string): number {
    return this.added.get(name) ?? this.real.indexOf(name);
  }

  targetOf(name: string, left?: number): number {
    if (this.isCopying && !this.real.has(name)) return OUT_OF_REACH;
    return this.added.get(name) ?? this.real.targetOf(name, left);
  }

  nameOf(index: number): string {
    for (const [name, each] of this.added) if (each === index) return name;
    return index === OUT_OF_REACH ? '*' : this.real.nameOf(index);
  }

  ifindexOf(name: string): number {
    try {
      return this.added.get(name) ?? this.real.ifindexOf(name);
    } catch (error) {
      if (!this.isCopying) throw error;
      const ifindex = this.lost.get(name) ?? OUT_OF_REACH - 1 - this.lost.size;
      this.lost.set(name, ifindex);
      return ifindex;
    }
  }

  hold(): void {}

  drop(): void {}
}

/** Where a line of a transaction has its place: devices first, then rules, and last what is not vtep's to undo. */
export type Stage = 'links' | 'rules' | 'last';

/**
 * A copy of the rules, without workers, on which lines are tried: what they refuse here, the rules themselves would
 * refuse, and what passes here passes there.
 */
export class Rehearsal {
  private readonly devices: ImaginedDevices;
  private readonly rules: Rules;

  constructor(real: Rules, devices: KnownDevices, newTable: () => ClassifierTable) {
    this.devices = new ImaginedDevices(devices);
    this.rules = new Rules(new NoDatapath(), this.devices, newTable);
    this.rules.actions.add('add', specsOf(real.actions.own()));
    for (const { dev, qdisc } of real.qdiscsOf()) {
      if (!devices.has(dev)) continue; // it is in another network namespace, and no line can name it
      this.rules.addQdisc(dev, qdisc, false);
      for (const { chain, parent, isExplicit, filters } of real.saved(dev)) {
        if (isExplicit) this.rules.editChain('add', { dev, parent, chain });
        for (const filter of filters) this.rules.edit('add', { ...filter, actions: specsOf(filter.actions) });
      }
    }
    this.devices.isCopying = false;
  }

  /** Tries a line, after all those before it. Throws CommandError where it is refused, or could not be undone. */
  try(command: Command): Stage {
    switch (command.kind) {
      case 'link-add-vxlan':
      case 'link-add-tap':
        this.devices.add(command.link.name);
        return 'links';
      case 'qdisc-add':
        if (!this.devices.has(command.dev)) return 'last';
        this.rules.addQdisc(command.dev, command.qdisc, command.replace ?? false);
        return 'rules';
      case 'qdisc-del':
        if (!this.devices.has(command.dev)) return 'last';
        this.rules.removeQdisc(command.dev, command.qdisc, command.anyKind ?? false);
        return 'rules';
      case 'filter-add':
        this.rules.edit(command.mode, command.filter);
        return 'rules';
      case 'filter-del':
        this.rules.remove(command.selector);
        return 'rules';
      case 'actions-add':
      case 'actions-del':
      case 'actions-flush':
        throw notInBatch('tc actions');
      case 'chain-add':
      case 'chain-del':
        throw notInBatch('tc chain');
      case 'link-set-vxlan':
        throw notInBatch('ip link set type vxlan');
      case 'vni-add':
      case 'vni-del':
        throw notInBatch('bridge vni');
      case 'fdb-add':
      case 'fdb-del':
      case 'fdb-flush':
        checkFdb(command, this.devices);
        return 'last';
      case 'link-del':
        throw new CommandError('vtep: "ip link del" cannot be undone, and has no place in an atomic batch', 2);
      default:
        return 'last';
    }
  }

  /** The lines that make what there is, by what they are about. */
  lines(): Map<string, string> {
    const found = new Map<string, string>();
    for (const { dev, qdisc } of this.rules.qdiscsOf()) {
      found.set(dev, `tc qdisc add dev ${dev} ${qdisc}`);
      for (const filter of this.rules.each({ dev, parent: 'ingress' })) {
        const { chain, pref, handle } = filter;
        found.set(`${dev} ${chain} ${pref} ${handle}`, `tc ${filterCommand(filter).join(' ')}`);
      }
    }
    return found;
  }
}

function specsOf(actions: readonly ActionState[]): ActionState['spec'][] {
  return actions.map(({ spec }) => spec);
}

/** What cannot be tried on a copy yet, and so is not begun. */
function notInBatch(what: string): CommandError {
  return new CommandError(`vtep: "${what}" is not supported in an atomic batch by vtep`, 2);
}

class NoDatapath implements RuleDatapath {
  readonly counters = new Counters();
  readonly actionCounters = new ActionCounters();

  apply(): Promise<void> {
    return Promise.resolve();
  }

  ensureActionCounters(rows: number): void {
    while (this.actionCounters.capacity < rows) this.actionCounters.grow();
  }
}

/** What has gone and what has come, in the order of each; what was replaced stands as both, where it stands now. */
export function difference(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const lines: string[] = [];
  for (const [key, line] of before) if (!after.has(key)) lines.push(`-${line}`);
  for (const [key, line] of after) {
    const old = before.get(key);
    if (old === line) continue;
    if (old !== undefined) lines.push(`-${old}`);
    lines.push(`+${line}`);
  }
  return lines;
}
