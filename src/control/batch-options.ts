import { HelpRequest } from '../iproute/help.js';
import { type BatchRequest, batchRequest, parseOptions } from '../iproute/options.js';
import { WordReader } from '../iproute/word-reader.js';
import type { Tool } from './protocol.js';

/**
 * What `-batch FILE` and `-force` before the object say, or the words that are no batch: help that is asked for beside
 * it comes first. Throws CommandError where an option is unknown beside it, or -batch has no file.
 */
export function batchOptions(
  tool: Tool,
  words: readonly string[],
): { readonly batch?: BatchRequest; readonly words: readonly string[] } {
  const batch = batchRequest(tool, words);
  if (!batch) return { words };
  try {
    parseOptions(tool, new WordReader(batch.options));
  } catch (error) {
    if (error instanceof HelpRequest) return { words: batch.options };
    throw error;
  }
  return { batch, words: [] };
}
