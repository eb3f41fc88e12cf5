import { parseBatchLine, splitBatch } from './batch.js';
import { CommandError } from './commands.js';

const suggestion = /\nvtep: did you mean ".*"\?$/;

/** How a line is refused, without the word that it suggests; 0 and the kind of its command when it is not. */
export function refusalOf(line: string): readonly [exitCode: number, text: string] {
  try {
    const [first] = splitBatch(line);
    return [0, parseBatchLine(first?.words ?? []).kind];
  } catch (error) {
    return error instanceof CommandError
      ? [error.exitCode, error.message.replace(suggestion, '')]
      : [-1, String(error)];
  }
}

export type RefusalTables = Readonly<
  Record<string, readonly (readonly [line: string, exitCode: number, text: string])[]>
>;

/** NEXT_ARG's refusal. */
export const incomplete = 'Command line is not complete. Try option "help"';
