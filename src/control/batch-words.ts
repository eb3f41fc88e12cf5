import { parseBatchLine } from '../iproute/batch.js';
import { type Command, CommandError } from '../iproute/commands.js';
import { parseLine } from '../iproute/parse.js';
import type { Batch } from './protocol.js';

/** One line of a batch as a command. Throws CommandError. */
export function parseBatchWords({ tool, options }: Batch, words: readonly string[]): Command {
  if (tool === null) return parseBatchLine(words);
  // In a batch, options stand before the batch alone; to the tool such a word is an object.
  if (words[0]?.startsWith('-')) {
    throw new CommandError(`Object "${words[0]}" is unknown, try "${tool} help".`, 1);
  }
  return parseLine(tool, options.length === 0 ? words : [...options, ...words]);
}
