import { type Command, CommandError } from '../iproute/commands.js';
import type { BatchTarget } from './batch-run.js';
import { parseBatchWords } from './batch-words.js';
import { Differences } from './differences.js';
import { planCommand, type Stage } from './plan-command.js';
import { pour } from './pour.js';
import type { Batch, Say } from './protocol.js';
import { report } from './report.js';
import type { Rules } from './rules.js';
import { Slices } from './slices.js';
import { Transaction, type TransactionDevices } from './transaction.js';

/** What a transaction needs of the interpreter. */
export interface TransactionTarget extends BatchTarget {
  readonly rules: Rules;
  readonly devices: TransactionDevices;
  /** What the lines have been read as already; a line without is read. */
  readonly commands?: readonly Command[];
  /** Does what may be undone as a whole: nobody is told of it before its end, or before it calls `inForce`. */
  hold<T>(work: (inForce: () => void) => Promise<T>): Promise<T>;
}

/**
 * Carries out all of a batch or nothing. With `dryRun` only the difference is said that it would make. Resolves with
 * the exit code.
 */
export async function runAtomicBatch(batch: Batch, say: Say, target: TransactionTarget): Promise<number> {
  let dryRun: readonly string[] = [];
  // Reading lines is half of the work, and needs nothing that others may not have meanwhile.
  const read = await readLines(batch, target);
  // Held back is what happens in its own turn, not what others do before.
  const inTurn = <T>(work: (inForce: () => void) => Promise<T>): Promise<T> =>
    target.exclusive(() => target.hold(work));
  const exit = await inTurn(async (inForce) => {
    const { rules } = target;
    const differences = new Differences();
    if (batch.dryRun) rules.journal.changing = differences.changing;
    const transaction = new Transaction(rules, target.devices);
    try {
      const stages = await tryLines(read, say, target, transaction);
      if (!stages) {
        await transaction.rollBack();
        return 1;
      }
      if (!batch.dryRun) return await carryOut(transaction, say, inForce);
      dryRun = [...typed(batch, stages, 'links'), ...differences.lines(), ...typed(batch, stages, 'last')];
      await transaction.rollBack();
      return 0;
    } catch (error) {
      // Nobody is told any more, or vtep ends.
      if (rules.journal.isOpen) await transaction.rollBack();
      throw error;
    } finally {
      rules.journal.changing = undefined;
    }
  });
  // Outside of the turn: nobody else waits for this client.
  await pour(
    dryRun.map((line) => `${line}\n`),
    say,
    target.calm,
  );
  return exit;
}

interface ReadLines {
  readonly commands: readonly Command[];
  /** What is wrong with the line behind the last of these. */
  readonly failure?: unknown;
}

/** Reads the lines up to the first that is none. */
async function readLines(batch: Batch, target: TransactionTarget): Promise<ReadLines> {
  const commands: Command[] = [];
  const slices = new Slices();
  for (const words of batch.lines) {
    if (slices.isOver) {
      await slices.pause();
      target.checkGoesOn?.();
    }
    try {
      commands.push(target.commands?.[commands.length] ?? parseBatchWords(batch, words));
    } catch (failure) {
      return { commands, failure };
    }
  }
  return { commands };
}

/** Tries every line; the stage of each, or undefined where one was refused, which has been said. */
async function tryLines(
  { commands, failure }: ReadLines,
  say: Say,
  target: TransactionTarget,
  transaction: Transaction,
): Promise<Stage[] | undefined> {
  const stages: Stage[] = [];
  const carryOut = async (command: Command): Promise<void> => {
    for (const out of (await target.begin(command, say)) ?? []) say({ out });
  };
  const planTarget = { rules: target.rules, carryOut, say };
  const slices = new Slices();
  for (const [line, command] of commands.entries()) {
    if (slices.isOver) {
      await slices.pause();
      target.checkGoesOn?.();
    }
    try {
      stages.push(planCommand(transaction, command, planTarget, line));
    } catch (error) {
      nothingChanged(error, line, say);
      return undefined;
    }
  }
  if (failure === undefined) return stages;
  nothingChanged(failure, commands.length, say);
  return undefined;
}

async function carryOut(transaction: Transaction, say: Say, inForce: () => void): Promise<number> {
  const refusal = await transaction.carryOut();
  if (refusal) {
    for (const error of refusal.remains) report(error, say);
    nothingChanged(refusal.error, refusal.line, say, refusal.remains.length > 0);
    return 1;
  }
  inForce();
  const [failure] = await transaction.finish();
  if (!failure) return 0;
  report(failure.error, say);
  const stopped = 'vtep: devices and rules are in force; lines about the host come last, and stop here';
  report(new CommandError(stopped, 1), say);
  if (failure.line !== undefined) say({ failed: failure.line });
  return 1;
}

function nothingChanged(error: unknown, line: number | undefined, say: Say, isPartial = false): void {
  report(error, say);
  if (line !== undefined) say({ failed: line });
  const remains = 'vtep: not all of it could be taken back: look at the devices with "vtep ip link show"';
  report(new CommandError(isPartial ? remains : 'vtep: nothing was changed', 1), say);
}

/** The lines of a stage as they were typed. */
function typed(batch: Batch, stages: readonly Stage[], wanted: Stage): string[] {
  return batch.lines
    .filter((_, line) => stages[line] === wanted)
    .map((words) => `+${[...(batch.tool === null ? [] : [batch.tool]), ...words].join(' ')}`);
}
