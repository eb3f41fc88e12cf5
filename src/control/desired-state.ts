/**
 * What a file asks for: its lines carried out in an empty daemon that has no devices and no workers. What they refuse
 * there they would refuse at a start.
 */
import { setImmediate } from 'node:timers/promises';
import type { ClassifierTable } from '../classifier/classifier.js';
import { parseBatchLine } from '../iproute/batch.js';
import { type Command, CommandError } from '../iproute/commands.js';
import { BatchText } from './batch-text.js';
import { DesiredDevices, type PresentDevices } from './desired-devices.js';
import { NoDatapath } from './no-datapath.js';
import { planCommand, type Stage } from './plan-command.js';
import { asCommandError } from './report.js';
import type { RuleDatapath } from './rule-surroundings.js';
import { Rules } from './rules.js';
import { Transaction, type TransactionDevices } from './transaction.js';
import { TypedNumbers } from './typed-numbers.js';

/** A line that is the host's, or says something of it. */
export interface HostLine {
  readonly line: number;
  readonly command: Command;
  readonly stage: Stage;
}

export interface DesiredState {
  readonly devices: DesiredDevices;
  readonly rules: Rules;
  /** The numbers that the file leaves to nobody. */
  readonly typed: TypedNumbers;
  /** In the order of the file. */
  readonly host: readonly HostLine[];
}

/** Nothing of it is ever taken back, or done anywhere: so nothing is kept for that. */
class Rehearsal extends Transaction {
  constructor(rules: Rules, devices: TransactionDevices) {
    super(rules, devices);
    rules.keep();
  }

  override edit(work: () => void): void {
    work();
  }

  override step(): void {}

  override afterwards(): void {}

  override removal(): void {}
}

/** Characters between two turns of the event loop. */
const PIECE = 16_384;

/**
 * Reads the text of a batch file. Throws CommandError, which names the line by `name`. `datapath`: who is to run the rules,
 * once they are committed; otherwise nobody ever does. `taken` is told of every line that was carried out.
 */
export async function readDesired(
  text: string,
  name: string,
  present: PresentDevices,
  newTable: () => ClassifierTable,
  datapath: RuleDatapath = new NoDatapath(),
  taken: (command: Command, line: number, rules: Rules) => void = () => undefined,
): Promise<DesiredState> {
  const devices = new DesiredDevices(present);
  const rules = new Rules(datapath, devices, newTable);
  const typed = new TypedNumbers();
  const host: HostLine[] = [];
  const transaction = new Rehearsal(rules, devices);
  const target = { rules, say: () => undefined, carryOut: () => Promise.resolve() };
  const take = (command: Command, line: number): void => {
    devices.line = line;
    const stage = planCommand(transaction, command, target, line);
    typed.note(command);
    taken(command, line, rules);
    if (stage === 'last' || command.kind.startsWith('link-')) host.push({ line, command, stage });
  };
  const batch = new BatchText();
  for (let at = 0; at < text.length || at === 0; at += PIECE) {
    await setImmediate();
    const piece = batch.push(text.slice(at, at + PIECE));
    for (const { line, words } of at + PIECE >= text.length ? [...piece, ...batch.end()] : piece) {
      try {
        take(parseBatchLine(words), line);
      } catch (error) {
        throw failedAt(error, name, line);
      }
    }
  }
  if (batch.failure) throw batch.failure;
  for (const { spec } of rules.actions.ownActions()) typed.noteAction(spec.kind, spec.index);
  return { devices, rules, typed, host };
}

/** An error with the place where it was met. */
export function failedAt(error: unknown, name: string, line: number): CommandError {
  const { message } = asCommandError(error);
  return new CommandError(`${message === '' ? '' : `${message}\n`}Command failed ${name}:${line}`, 1);
}
