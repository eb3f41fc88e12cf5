/** `tc actions …` (do_action of iproute2's m_action.c): actions of their own, which filters bind to by index. */

import { actionKinds, foreignActionKinds } from './action-kinds.js';
import { isRefusal, refusalText, withoutDetails } from './action-references.js';
import {
  type ActionKind,
  type ActionSelector,
  type ActionSpec,
  type Command,
  CommandError,
  type OutputOptions,
} from './commands.js';
import { invalidArgument, notSupported, unknownCommand } from './errors.js';
import { HelpRequest, helpText } from './help.js';
import { parseUnsigned } from './numbers.js';
import { parseActions } from './parse-actions.js';
import { suggest } from './suggest.js';
import { findKeyword, refusal, type WordReader } from './word-reader.js';

export const actionsVerbs = [
  ...(['add', 'change', 'replace', 'delete', 'get', 'list', 'show', 'lst', 'flush', 'help'] as const),
] as const;

function kindOf(word: string, refuse: (word: string) => CommandError): ActionKind {
  const kind = actionKinds.find((name) => name === word);
  if (kind !== undefined) {
    return kind;
  }
  throw foreignActionKinds.includes(word) ? notSupported(`action "${word}"`) : refuse(word);
}

const TALKING = '\nWe have an error talking to the kernel';

/** A refusal of the kernel as `tc actions` reports it. */
function actionRefusal(message: string): CommandError {
  return new CommandError(`${message}${TALKING}`, 255);
}

/** What an action is to be when nothing but its index was said: to the kernel, all zeros. */
function whole(spec: ActionSpec): ActionSpec {
  if (spec.kind !== 'reference') {
    return spec;
  }
  const detail = withoutDetails(spec);
  if (isRefusal(detail)) {
    throw actionRefusal(refusalText(detail));
  }
  const { index, cookie } = spec;
  return { ...detail, index, ...(cookie !== undefined && { cookie }) };
}

/** Here a parse error ends with 255, except for those that end within a helper; so does what the kernel refuses. */
function withExitCode(error: unknown): unknown {
  if (!(error instanceof CommandError)) {
    return error;
  }
  const isOwn = error.exitCode === 1 && !error.message.startsWith('Error: ');
  return isOwn || error.message.endsWith(TALKING) ? new CommandError(error.message, 255) : error;
}

function parseModify(reader: WordReader, mode: 'add' | 'replace'): Command {
  let actions: readonly ActionSpec[] | undefined;
  try {
    actions = reader.more
      ? parseActions(reader, (word) =>
          word === 'skip_sw' ? actionRefusal('RTNETLINK answers: Invalid argument') : undefined,
        )
      : undefined;
  } catch (error) {
    throw withExitCode(error);
  }
  if (actions === undefined || actions.length === 0) {
    throw refusal('Illegal "action"', 255);
  }
  if (reader.more) {
    throw refusal(`vtep: "${reader.word}" begins another command, which needs a line of its own`, 255);
  }
  const wholes = actions.map(whole);
  if (wholes.some((spec) => spec.kind !== 'reference' && spec.control.type === 'goto')) {
    throw actionRefusal("Error: can't goto NULL proto/chain.");
  }
  return { kind: 'actions-add', mode, actions: wholes };
}

function parseSelectors(reader: WordReader): readonly ActionSelector[] {
  const selectors: ActionSelector[] = [];
  while (reader.more) {
    if (reader.is('action')) {
      reader.skip();
      continue;
    }
    if (reader.is('help')) {
      throw new HelpRequest('tc actions');
    }
    const action = kindOf(reader.word, (word) =>
      refusal(`Error: non existent action: ${word}${suggest(word, actionKinds)}`, 255),
    );
    reader.skip();
    if (!reader.abbreviates('index')) {
      throw refusal(`Error: no index specified action: ${action}`, 255);
    }
    const index = reader.argument(
      (word) => parseUnsigned(word, 10, 0xffffffff),
      () => refusal('Illegal "index"', 255),
    );
    reader.skip();
    if (index === 0) {
      throw actionRefusal('Error: Invalid TC action index value.');
    }
    selectors.push({ action, index });
  }
  return selectors;
}

/** `list` and `flush`: the word before the kind may be any, and is `action`. */
function parseTable(
  reader: WordReader,
  refuse: (word: string) => CommandError = (word) => refusal(`bad action ${word}${suggest(word, actionKinds)}`, 255),
): { readonly action: ActionKind; readonly since?: number } {
  reader.skip();
  if (!reader.more) {
    throw refusal(helpText('tc actions'), 255);
  }
  const action = kindOf(reader.word, refuse);
  reader.skip();
  if (!reader.is('since')) {
    return { action };
  }
  const since = reader.argument(
    (word) => parseUnsigned(word, 0, 0xffffffff),
    (word) => invalidArgument('dump time "since" is invalid', word),
  );
  return since === 0 ? { action } : { action, since };
}

/** The kernel's words, as tc has them of a flush alone. */
function notFlushed(word: string): CommandError {
  return refusal(`Error: Cannot flush unknown TC action.\nWe have an error flushing${suggest(word, actionKinds)}`, 1);
}

export function parseActionsObject(reader: WordReader, output: OutputOptions): Command {
  if (!reader.more) {
    // tc has nothing to do then, and says nothing.
    return { kind: 'help', text: helpText('tc actions'), exit: 0 };
  }
  const verb = findKeyword(reader.word, actionsVerbs);
  if (verb === undefined) {
    throw unknownCommand(reader.word, 'tc actions', actionsVerbs);
  }
  reader.skip();
  switch (verb) {
    case 'add':
      return parseModify(reader, 'add');
    case 'change':
    case 'replace':
      return parseModify(reader, 'replace');
    case 'delete':
      return { kind: 'actions-del', selectors: parseSelectors(reader) };
    case 'get':
      return { kind: 'actions-get', selectors: parseSelectors(reader), output };
    case 'flush':
      return { kind: 'actions-flush', action: parseTable(reader, notFlushed).action };
    case 'help':
      throw new HelpRequest('tc actions');
    default:
      return { kind: 'actions-show', ...parseTable(reader), output };
  }
}
