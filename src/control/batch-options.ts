import { CommandError } from '../iproute/commands.js';
import { parseOptions } from '../iproute/options.js';
import { abbreviates, WordReader } from '../iproute/word-reader.js';
import type { Tool } from './protocol.js';

export interface BatchOptions {
  readonly file: string;
  readonly force: boolean;
  /** The tool's other options, which count for every line. */
  readonly options: readonly string[];
}

/**
 * What `-batch FILE` and `-force` before the object say, and the words without them. Of several files the last one is
 * meant; what comes behind the options does not count then (as iproute2's main functions do). Throws CommandError
 * where an option is unknown besides, or -batch has no file.
 */
export function batchOptions(
  tool: Tool,
  words: readonly string[],
): { readonly batch?: BatchOptions; readonly words: readonly string[] } {
  const kept: string[] = [];
  const reader = new WordReader(words);
  let file: string | undefined;
  let force = false;
  for (;;) {
    const from = reader.position;
    try {
      parseOptions(tool, reader);
      kept.push(...words.slice(from, reader.position));
      break;
    } catch (error) {
      // The reader of options stops at those two: they are not within a batch.
      const option = tool === 'ip' ? reader.word.replace(/^--/, '-') : reader.word;
      const isBatch = abbreviates(option, '-batch');
      const isOurs = error instanceof CommandError && (isBatch || abbreviates(option, '-force'));
      if (!isOurs && file === undefined) return { words }; // help, or a refusal that is the daemon's to tell
      if (!isOurs) throw error;
      kept.push(...words.slice(from, reader.position));
      if (isBatch) file = reader.advance();
      else force = true;
      reader.skip();
    }
  }
  if (file === undefined) return { words: [...kept, ...words.slice(reader.position)] };
  return { batch: { file, force, options: kept }, words: [] };
}
