import { HelpRequest } from '../iproute/help.js';
import { type BatchRequest, batchRequest, parseOptions } from '../iproute/options.js';
import { WordReader } from '../iproute/word-reader.js';
import type { Tool } from './protocol.js';

/**
 * What `-batch FILE` and `-force` before the object say, or the words that are no batch: help that is asked for beside
 * it, or for lack of a file, comes first. Throws CommandError where an option is unknown beside it.
 */
export function batchOptions(
  tool: Tool,
  words: readonly string[],
): { readonly batch?: BatchRequest; readonly words: readonly string[] } {
  try {
    const batch = batchRequest(tool, words);
    if (!batch) return { words };
    parseOptions(tool, new WordReader(batch.options));
    return { batch, words: [] };
  } catch (error) {
    // A tool without an object shows its help.
    if (error instanceof HelpRequest) return { words: [] };
    throw error;
  }
}
