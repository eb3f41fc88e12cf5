/** A bench whose batches are carried out as a whole or not at all, with devices that only note what is done. */
import { type Command, CommandError } from '../iproute/commands.js';
import { filterCommand } from '../iproute/filter-command.js';
import { runAtomicBatch, type TransactionTarget } from './atomic-batch.js';
import { editedDevice, type TableEdit } from './device-tables.js';
import { Bench, FakeDevices } from './kit.test.helper.js';
import type { Batch, Reply } from './protocol.js';
import { rtnetlinkAnswers } from './refusal.js';
import type { Rules } from './rules.js';
import type { LinkAdd, LinkChange, LinkSettings, Step, TransactionDevices } from './transaction.js';

const UNMADE = 9000;

/** Devices called `no…` cannot be made; `bad` is no option and no setting. */
export class FakeDeviceEdits extends FakeDevices implements TransactionDevices {
  readonly done: string[] = [];
  hasGuessed = false;
  private planned: string[] = [];
  private readonly removed = new Map<string, number>();

  has(name: string): boolean {
    return this.names.has(name);
  }

  override ifindexOf(name: string): number {
    if (!this.planned.includes(name)) return super.ifindexOf(name);
    this.hasGuessed = true;
    return UNMADE;
  }

  begin(): void {
    this.hasGuessed = false;
  }

  end(): void {
    for (const name of this.planned.splice(0)) this.remove(name);
    for (const [name, index] of this.removed) this.names.set(name, index);
    this.removed.clear();
  }

  planAdd({ link: { name } }: LinkAdd): Step {
    if (this.has(name)) throw rtnetlinkAnswers('File exists');
    this.add(name);
    this.planned.push(name);
    return this.step(
      `make ${name}`,
      name.startsWith('no'),
      () => {
        this.planned = this.planned.filter((each) => each !== name);
      },
      () => this.planned.push(name),
    );
  }

  planChange({ name, changes }: LinkChange): Step {
    this.indexOf(name);
    return this.step(`change ${name} ${JSON.stringify(changes)}`);
  }

  planTable(edit: TableEdit): Step {
    const name = editedDevice(edit);
    this.indexOf(name);
    return this.step(`${edit.kind} ${name}`);
  }

  planUp(name: string): Step {
    this.indexOf(name);
    return { ...this.step(`open ${name}`), settle: async () => void this.done.push(`settle ${name}`) };
  }

  planSet(name: string, { argv }: LinkSettings): Step {
    this.indexOf(name);
    return this.step(argv.join(' '), argv.includes('1'));
  }

  planRemove(name: string): { index: number; step: Step } {
    const index = this.indexOf(name);
    this.names.delete(name);
    this.removed.set(name, index);
    return { index, step: this.step(`pause ${name}`) };
  }

  takeAway(index: number): Promise<void> {
    for (const [name, each] of this.removed) if (each === index) this.removed.delete(name);
    this.done.push(`remove ${index}`);
    return Promise.resolve();
  }

  private step(text: string, isRefused = false, applied = (): unknown => 0, undone = (): unknown => 0): Step {
    return {
      apply: async () => {
        if (isRefused) throw new CommandError('RTNETLINK answers: No', 2);
        applied();
        this.done.push(text);
      },
      undo: async () => {
        undone();
        this.done.push(`undo ${text}`);
      },
    };
  }
}

export class TransactionBench implements TransactionTarget {
  readonly devices = new FakeDeviceEdits();
  readonly bench = new Bench(undefined, this.devices);
  readonly rules: Rules = this.bench.rules;
  /** Lines of the host that were carried out. */
  readonly host: string[] = [];
  commits = 0;

  constructor(lines: readonly string[]) {
    for (const line of lines) this.bench.tc(line);
    const { apply } = this.bench.datapath;
    this.bench.datapath.apply = (instruction) => {
      this.commits++;
      return apply.call(this.bench.datapath, instruction);
    };
  }

  /** What of `exclusive` and `hold` began and ended, in order. */
  readonly turns: string[] = [];

  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.within('turn', work);
  }

  hold<T>(work: (inForce: () => void) => Promise<T>): Promise<T> {
    return this.within('hold', () => work(() => undefined));
  }

  private async within<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.turns.push(what);
    const result = await work();
    this.turns.push(`${what} is over`);
    return result;
  }

  async begin(command: Command): Promise<undefined> {
    if (!('argv' in command)) throw new Error(command.kind);
    if (command.argv.includes('bad')) throw new CommandError('', 2);
    this.host.push(command.argv.join(' '));
  }

  commit(): Promise<void> {
    return this.rules.commit();
  }

  /** Devices, qdiscs, chains, actions and filters, in lines. */
  get state(): string[] {
    const { rules } = this;
    return [
      ...[...this.devices.names.keys()].sort(),
      ...rules.actions.own().map(({ spec }) => JSON.stringify(spec)),
      ...rules
        .qdiscsOf()
        .flatMap(({ dev, qdisc }) => [
          `${dev} ${qdisc}`,
          ...rules.chains({ dev, parent: 'ingress' }, false).map((chain) => `chain ${chain}`),
          ...[...rules.each({ dev, parent: 'ingress' })].map((filter) => filterCommand(filter).join(' ')),
        ]),
    ];
  }

  async run(lines: readonly string[], more: Partial<Batch> = {}): Promise<{ exit: number; replies: Reply[] }> {
    const replies: Reply[] = [];
    const say = (reply: Reply): undefined => void replies.push(reply);
    const words = lines.map((line) => line.split(' '));
    const batch = { tool: null, options: [], force: false, atomic: true, lines: words, ...more };
    return { exit: await runAtomicBatch(batch, say, this), replies };
  }
}
