import type { Command } from '../iproute/commands.js';
import { parseBatchWords } from './batch-words.js';
import { pour } from './pour.js';
import type { Batch, Say } from './protocol.js';
import { report } from './report.js';

/** What a batch needs of the interpreter. */
export interface BatchTarget {
  /** Runs work while no other runs. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Carries out a command; gives back output to be sent outside of the turn. */
  begin(command: Command, say: Say): Promise<Iterable<string> | undefined>;
  /** Puts what was changed in force. */
  commit(): Promise<void>;
  /** Throws where what was begun is not to go on: vtep ends. */
  checkGoesOn?(): void;
  /** Resolves when no transaction is on, where one is. */
  calm?(): Promise<void> | undefined;
}

/** Commands between two turns of others: with a hundred thousand filters a second, about a hundredth of one. */
const LINES_AT_A_TIME = 256;

/**
 * Carries out a batch in order and puts it in force at its end, also where that end is a failure. Resolves with the
 * exit code: 0, or 1 where a command failed.
 */
export async function runBatch(batch: Batch, say: Say, target: BatchTarget): Promise<number> {
  let exit = 0;
  let at = 0;
  /** Runs commands until there is output to send, the client is slow, the turn is long, or the batch is over. */
  const part = async (): Promise<void> => {
    let output: Iterable<string> | undefined;
    let slow: Promise<void> | undefined;
    await target.exclusive(async () => {
      const end = Math.min(at + LINES_AT_A_TIME, batch.lines.length);
      while (at < end && !output && !slow) {
        const line = at++;
        try {
          output = await target.begin(parseBatchWords(batch, batch.lines[line] ?? []), say);
        } catch (error) {
          report(error, say);
          slow = say({ failed: line });
          exit = 1;
          if (!batch.force) at = batch.lines.length;
        }
      }
      if (at >= batch.lines.length) await target.commit();
    });
    // Outside of the turn: nobody else waits for this client.
    await slow;
    await pour(output, say, target.calm);
  };
  try {
    do await part();
    while (at < batch.lines.length);
  } catch (error) {
    // Whoever asked is gone: what was done so far stays, and comes in force.
    await target.exclusive(() => target.commit());
    throw error;
  }
  return exit;
}
