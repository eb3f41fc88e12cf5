/**
 * A change of everything the daemon has, or of nothing. What is said of rules is carried out on the rules themselves,
 * where it can be refused, and is in force only with the commit; the journal takes it back. What is said of devices is
 * checked against a plan of them, and waits as a step that can be undone. When all of it has been tried, the steps are
 * done one after the other; the first that fails ends the transaction as if it had never been. Then the rules come in
 * force, between two batches of frames, and last comes what cannot be refused any more or is not vtep's to undo.
 *
 * A kind of edit takes part by one of three calls: `edit` (control state, with its undo in the journal), `step` (checked
 * before, done after, undone where a later one fails), `afterwards` (done when all is in force).
 */
import type { Command } from '../iproute/commands.js';
import type { TableEdit } from './device-tables.js';
import type { Say } from './protocol.js';
import type { Rules } from './rules.js';
import { inSlices } from './slices.js';

/** Something outside of the control side that is done, and can be undone. */
export interface Step {
  apply(): Promise<void>;
  undo(): Promise<void>;
  /** Comes at the very end, where the step was not undone. */
  settle?(): Promise<void>;
}

export type LinkAdd = Extract<Command, { readonly kind: 'link-add-vxlan' | 'link-add-tap' }>;
export type LinkChange = Extract<Command, { readonly kind: 'link-set-vxlan' }>;

/** A line of `ip link set`, without `ip`; `settings` are `mtu`, `address`, `txqueuelen` and `alias`. */
export interface LinkSettings {
  readonly argv: readonly string[];
  readonly settings: ReadonlyMap<string, string>;
}

/** What a transaction asks of devices. Plans throw CommandError where the line is refused. */
export interface TransactionDevices {
  has(name: string): boolean;
  /** From now until `end` names mean what is planned. */
  begin(): void;
  /** It is over; `isUndone`: its steps have been undone, or none was done. */
  end(isUndone: boolean): void;
  /** Rules were made with an ifindex that was not known yet. */
  readonly hasGuessed: boolean;
  planAdd(command: LinkAdd): Step;
  planChange(command: LinkChange): Step;
  /** A line about the forwarding table or VNI filter of a device. */
  planTable(edit: TableEdit): Step;
  /** A device that is about to be set up: its sockets are opened, which may be refused. */
  planUp(name: string): Step;
  /** Settings that the system's `ip` makes, with these words, where they are not so already. */
  planSet(name: string, line: LinkSettings, say: Say): Step;
  /** The device's index, by which `takeAway` removes it; `step` closes its sockets, so that others may have its port. */
  planRemove(name: string): { readonly index: number; readonly step: Step };
  takeAway(index: number): Promise<void>;
}

/** Where a line of a batch, or `undefined`, was refused, and why. */
export interface Refusal {
  readonly line: number | undefined;
  readonly error: unknown;
  /** What could not be undone. */
  readonly remains: readonly unknown[];
}

export class Transaction {
  private readonly rules: Rules;
  readonly devices: TransactionDevices;
  private readonly edits: (() => Iterable<unknown> | void)[] = [];
  private readonly steps: { readonly step: Step; readonly line: number | undefined }[] = [];
  private readonly removals: (() => Promise<void>)[] = [];
  private readonly last: { readonly work: () => Promise<void>; readonly line: number | undefined }[] = [];

  /** Begins one; `carryOut` or `rollBack` must follow. */
  constructor(rules: Rules, devices: TransactionDevices) {
    this.rules = rules;
    this.devices = devices;
    rules.open(() => this.makeEdits());
    devices.begin();
  }

  /** Carries out an edit of the rules; throws as it does. */
  edit(work: () => void): void {
    work();
    this.edits.push(work);
  }

  /** Carries out an edit in small steps, between which others have the thread; rejects with what one throws. */
  async editInSlices(work: () => Iterable<unknown>): Promise<void> {
    await inSlices(work());
    this.edits.push(work);
  }

  step(step: Step, line?: number): void {
    this.steps.push({ step, line });
  }

  afterwards(work: () => Promise<void>, line?: number): void {
    this.last.push({ work, line });
  }

  /** What comes when all is in force, first of all, and cannot be refused. */
  removal(work: () => Promise<void>): void {
    this.removals.push(work);
  }

  /** Ends it; nothing has changed. */
  async rollBack(): Promise<void> {
    await this.rules.rollBack();
    this.devices.end(true);
  }

  /** Puts all of it in force; gives what refused it, and then nothing has changed. */
  async carryOut(): Promise<Refusal | undefined> {
    const done: Step[] = [];
    let at: number | undefined;
    try {
      for (const { step, line } of this.steps) {
        at = line;
        await step.apply();
        done.push(step);
      }
      at = undefined;
      if (this.devices.hasGuessed) await this.editAgain();
    } catch (error) {
      await this.rules.rollBack();
      const remains: unknown[] = [];
      for (const step of done.reverse()) await step.undo().catch((failure: unknown) => remains.push(failure));
      this.devices.end(true);
      return { line: at, error, remains };
    }
    this.rules.keep();
    try {
      await this.rules.commit();
      for (const remove of this.removals) await remove();
    } finally {
      this.devices.end(false);
    }
    return undefined;
  }

  /** What comes behind all that, up to the first failure unless it is to go on; gives what failed. */
  async finish(goOn = false): Promise<Omit<Refusal, 'remains'>[]> {
    const failures: Omit<Refusal, 'remains'>[] = [];
    for (const { work, line } of this.last) {
      if (failures.length > 0 && !goOn) break;
      await work().catch((error: unknown) => failures.push({ line, error }));
    }
    for (const { step } of this.steps) await step.settle?.();
    return failures;
  }

  private *makeEdits(): Generator<unknown> {
    for (const edit of this.edits) yield* edit() ?? ONE_STEP;
  }

  /** The rules name devices by numbers that only now are known. */
  private async editAgain(): Promise<void> {
    await (await this.rules.hide())();
  }
}

const ONE_STEP = [undefined];
