/** Batch files: lines of ip, tc and bridge together, each beginning with its tool. */
import { type Command, CommandError } from './commands.js';
import { parseLine } from './parse.js';

export interface BatchLine {
  /** Of the last line, where one is continued, from 1: what iproute2 says in `Command failed FILE:LINE`. */
  readonly line: number;
  /** At least one. */
  readonly words: string[];
}

/** A word in either kind of quotes, a quote without its end, or a word without. */
const wordPattern = /"([^"]*)"|'([^']*)'|(["'])|([^ \t\r\n"'][^ \t\r\n]*)/g;

/**
 * Words between blanks. A word that begins with a quote goes on to the next such quote, blanks included; a quote
 * within a word is a character as any other (iproute2's makeargs).
 */
function splitWords(text: string): string[] {
  const words: string[] = [];
  for (const [, inDouble, inSingle, open, bare] of text.matchAll(wordPattern)) {
    if (open !== undefined) {
      throw new CommandError('Unterminated quoted string', 1);
    }
    words.push(bare ?? inDouble ?? inSingle ?? '');
  }
  return words;
}

/**
 * The commands of a batch file. `#` begins a comment wherever it stands, even in quotes; a backslash at the end of a
 * line continues it; blank lines count and are left out (iproute2's getcmdline). Throws CommandError for a quote
 * without its end and for a last line that would be continued, naming the line.
 */
export function splitBatch(text: string): BatchLine[] {
  const commands: BatchLine[] = [];
  const lines = text.split('\n');
  let joined = '';
  for (const [i, raw] of lines.entries()) {
    const hash = raw.indexOf('#');
    const isLast = i === lines.length - 1;
    const code = hash < 0 ? raw : raw.slice(0, hash);
    // What a comment cuts off takes the end of the line with it, and the last line has none.
    if (hash < 0 && !isLast && code.endsWith('\\')) {
      joined += code.slice(0, -1);
      continue;
    }
    if (isLast && code === '' && joined !== '' && text.endsWith('\\\n')) {
      throw new CommandError(`Missing continuation line after line ${i}`, 1);
    }
    const words = splitLine(joined + code, i + 1);
    joined = '';
    if (words.length > 0) {
      commands.push({ line: i + 1, words });
    }
  }
  return commands;
}

function splitLine(text: string, line: number): string[] {
  try {
    return splitWords(text);
  } catch (error) {
    throw error instanceof CommandError ? new CommandError(`${error.message} in line ${line}`, error.exitCode) : error;
  }
}

/** One line of a batch file; its first word is the tool. Throws CommandError. */
export function parseBatchLine(words: readonly string[]): Command {
  const [tool, ...rest] = words;
  if (tool !== 'ip' && tool !== 'tc' && tool !== 'bridge') {
    throw new CommandError(`vtep: a line begins with ip, tc or bridge, not "${tool ?? ''}"`, 255);
  }
  return parseLine(tool, rest);
}
