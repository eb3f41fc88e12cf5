import { type Command, CommandError } from '../iproute/commands.js';
import type { BatchTarget } from './batch-run.js';
import { parseBatchWords } from './batch-words.js';
import type { Batch, Say } from './protocol.js';
import { difference, type Rehearsal, type Stage } from './rehearsal.js';
import { report } from './report.js';

/** What a transaction needs of the interpreter. */
export interface TransactionTarget extends BatchTarget {
  rehearsal(): Rehearsal;
  /** Takes away a device that this transaction has made. */
  removeLink(name: string): Promise<void>;
}

interface Step {
  readonly line: number;
  readonly command: Command;
  readonly stage: Stage;
}

/**
 * Carries out all of a batch or nothing: first every line is tried on a copy, then devices are made, then all rules
 * change at once, and last come the lines about the host, which nothing undoes. With `dryRun` only the difference is
 * said. Resolves with the exit code.
 */
export function runTransaction(batch: Batch, say: Say, target: TransactionTarget): Promise<number> {
  return target.exclusive(async () => {
    const rehearsal = target.rehearsal();
    const before = batch.dryRun ? rehearsal.lines() : undefined;
    const steps: Step[] = [];
    for (const [line, words] of batch.lines.entries()) {
      try {
        const command = parseBatchWords(batch, words);
        steps.push({ line, command, stage: rehearsal.try(command) });
      } catch (error) {
        return failed(error, line, say);
      }
    }
    if (before) {
      sayDifference(batch, steps, difference(before, rehearsal.lines()), say);
      return 0;
    }
    return carryOut(steps, say, target);
  });
}

async function carryOut(steps: readonly Step[], say: Say, target: TransactionTarget): Promise<number> {
  const made: string[] = [];
  for (const { line, command, stage } of steps) {
    if (stage !== 'links' || !('link' in command)) continue;
    try {
      await target.begin(command, say);
      made.push(command.link.name);
    } catch (error) {
      for (const name of made.reverse()) await target.removeLink(name);
      return failed(error, line, say);
    }
  }
  for (const { command, stage } of steps) if (stage === 'rules') await target.begin(command, say);
  await target.commit();
  for (const { line, command, stage } of steps) {
    if (stage !== 'last') continue;
    try {
      for (const out of (await target.begin(command, say)) ?? []) say({ out });
    } catch (error) {
      report(error, say);
      report(
        new CommandError('vtep: devices and rules are in force; lines about the host come last, and stop here', 1),
        say,
      );
      say({ failed: line });
      return 1;
    }
  }
  return 0;
}

function failed(error: unknown, line: number, say: Say): number {
  report(error, say);
  say({ failed: line });
  report(new CommandError('vtep: nothing was changed', 1), say);
  return 1;
}

function sayDifference(batch: Batch, steps: readonly Step[], rules: readonly string[], say: Say): void {
  const typed = (wanted: Stage): string[] =>
    steps
      .filter(({ stage }) => stage === wanted)
      .map(({ line }) => `+${[...(batch.tool === null ? [] : [batch.tool]), ...(batch.lines[line] ?? [])].join(' ')}`);
  for (const line of [...typed('links'), ...rules, ...typed('last')]) say({ out: `${line}\n` });
}
