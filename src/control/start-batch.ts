/** The batch file that a daemon begins with. */
import { setImmediate } from 'node:timers/promises';
import { type BatchLine, parseBatchLine } from '../iproute/batch.js';
import { CommandError } from '../iproute/commands.js';
import type { BatchFile } from './batch-file.js';
import { BatchText } from './batch-text.js';
import type { Interpreter } from './interpreter.js';
import type { Say } from './protocol.js';
import { asCommandError } from './report.js';

/** Characters of a batch between two turns of the event loop, so that signals are heard. */
const PIECE = 16_384;

export interface StartBatch {
  /** Of the file, for messages. */
  readonly name: string;
  /** Is told how much has been carried out. */
  readonly progress: (done: number, total: number | undefined) => void;
  readonly say: Say;
  /** Ends it, between two pieces. */
  readonly signal: AbortSignal;
}

/** Carries out a batch. Throws CommandError, which names the line, where one fails; the signal's reason where that comes. */
export async function runStartBatch(interpreter: Interpreter, file: BatchFile, run: StartBatch): Promise<void> {
  const batch = new BatchText();
  let done = 0;
  for await (const piece of file.pieces) {
    // In parts, so that signals are heard.
    for (let at = 0; at < piece.length; at += PIECE) {
      run.progress(done + at, file.size);
      await setImmediate();
      await runLines(interpreter, batch.push(piece.slice(at, at + PIECE)), run);
    }
    done += piece.length;
  }
  run.signal.throwIfAborted();
  await runLines(interpreter, batch.end(), run);
  if (batch.failure) throw batch.failure;
  await interpreter.commit();
  interpreter.warn(run.say);
}

async function runLines(
  interpreter: Interpreter,
  lines: readonly BatchLine[],
  { name, say }: StartBatch,
): Promise<void> {
  for (const { line, words } of lines) {
    try {
      await interpreter.run(parseBatchLine(words), say);
    } catch (error) {
      const { message } = asCommandError(error);
      throw new CommandError(`${message === '' ? '' : `${message}\n`}Command failed ${name}:${line}`, 1);
    }
  }
}
