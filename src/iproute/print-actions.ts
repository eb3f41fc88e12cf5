/** Actions of their own, as `tc actions` of iproute2 6.1 prints them. */
import type { ActionState, OutputOptions } from './commands.js';
import { printAction } from './print-action.js';
import { Printer } from './printer.js';

/** What tc adds to an action that stands outside a filter: vtep has no hardware. */
function printHardware(printer: Printer): void {
  printer.field('not_in_hw', true, '\tnot_in_hw\n');
  printer.text('\tused_hw_stats');
  printer.beginArray('used_hw_stats');
  printer.item('disabled');
  printer.endArray();
  printer.text(' disabled\n');
}

/** `get` says even of nothing how many there are. */
function printNone(printer: Printer): void {
  printer.beginObject();
  printer.field('total acts', 0, 'total acts 0\n');
  printer.endObject();
  printer.beginObject();
  printer.beginArray('actions');
  printer.endArray();
  printer.endObject();
}

/** Of which there are `total`; 0: tc counts none of them. Nothing is printed where there is none. */
function* tablePieces(
  actions: Iterable<ActionState>,
  total: number | undefined,
  first: number,
  output: OutputOptions,
): Generator<string> {
  const printer = new Printer(output);
  printer.beginArray();
  let order = first;
  for (const action of actions) {
    if (order === first) {
      printer.beginObject();
      printer.field('total acts', total ?? 0, `total acts ${total ?? 0}\n`);
      printer.endObject();
      printer.beginObject();
      printer.beginArray('actions');
    }
    printAction(printer, action, order++, printHardware);
    yield printer.take();
  }
  if (order > first) {
    printer.endArray();
    printer.endObject();
  } else if (total === undefined) {
    printNone(printer);
  }
  printer.endArray();
  yield printer.take() + (output.json ? '\n' : '');
}

/** Actions of one kind, in the order of their indices: how many, and each as it is when it is fetched. */
export interface ActionList {
  readonly total: number;
  readonly states: Iterable<ActionState>;
}

/** What `tc actions ls` prints, in pieces of one action, for tables too large for one string. */
export function actionPieces({ total, states }: ActionList, output: OutputOptions): Generator<string> {
  return tablePieces(states, total, 0, output);
}

/** What `tc actions ls` prints of one kind's actions, in the order of their indices. Without any: nothing. */
export function printActions(actions: readonly ActionState[], output: OutputOptions): string {
  return [...actionPieces({ total: actions.length, states: actions }, output)].join('');
}

/** What `tc actions get` prints: the actions in the order in which they were asked for; tc counts none of them. */
export function printActionsGet(actions: readonly ActionState[], output: OutputOptions): string {
  return [...tablePieces(actions, undefined, 1, output)].join('');
}
