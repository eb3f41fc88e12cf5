/** Which property of an edit a refusal of the text is about. */
import { type Command, CommandError } from '../../iproute/commands.js';
import { parseLine } from '../../iproute/parse.js';
import { WordReader } from '../../iproute/word-reader.js';
import { VtepError } from '../errors.js';
import type { EditLine } from './edit.js';
import type { Words } from './words.js';

/** The action that a property is of. */
function actionOf(property: string): string {
  return /^(?:actions)?\[\d+\]/.exec(property)?.[0] ?? '';
}

/** The property whose word a reader stopped at. */
function stoppedAt({ properties }: Words, reader: WordReader, isKernels: boolean): string {
  if (isKernels && reader.fault !== undefined) return actionOf(properties[reader.fault + 1] ?? '');
  // The tool's name is not among the words that are read.
  const found = properties[reader.furthest + 1] ?? '';
  if (reader.position === reader.furthest) return found;
  // What is wrong with a whole action is noticed behind it.
  const action = actionOf(properties[reader.position + 1] ?? '');
  return found.startsWith(action) ? found : action;
}

/** The property of a word that a sentence names: its value, or what it is called. */
function namedIn({ list, properties }: Words, sentence: string): string {
  for (const [, word = ''] of sentence.matchAll(/["']([^"'\n]+)["']/g)) {
    const at = list.findLastIndex((one, i) => one === word && properties[i] !== '');
    if (at >= 0) return properties[at] ?? '';
  }
  return '';
}

/** What was said of a line, as an error of the edit. `at`: the property, where that is known. */
export function refusedEdit({ words, edit }: EditLine, message: string, exitCode: number, at = ''): VtepError {
  const property = at || namedIn(words, message);
  return new VtepError('refused', message, { exitCode, edit, line: words.list.join(' '), property });
}

/** The command that a line is. Throws VtepError. */
export function commandOf(line: EditLine): Command {
  const [tool = '', ...rest] = line.words.list;
  const reader = new WordReader(rest);
  let command: Command;
  try {
    command = parseLine(tool === 'tc' || tool === 'bridge' ? tool : 'ip', rest, reader);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw refusedEdit(line, error.message, error.exitCode, stoppedAt(line.words, reader, error.exitCode === 2));
  }
  // What the tools say besides would stand before a refusal's sentence.
  if (command.kind === 'link-add-vxlan') return { ...command, notes: [] };
  if (command.kind !== 'help' && command.kind !== 'host') return command;
  // A value was a word of the grammar's.
  throw refusedEdit(line, `"${line.words.list.join(' ')}" cannot be said`, 1, stoppedAt(line.words, reader, false));
}
