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

function printTable(actions: readonly ActionState[], total: number, first: number, output: OutputOptions): string {
  const printer = new Printer(output);
  printer.beginArray();
  if (actions.length > 0) {
    printer.beginObject();
    printer.field('total acts', total, `total acts ${total}\n`);
    printer.endObject();
    printer.beginObject();
    printer.beginArray('actions');
    for (const [i, action] of actions.entries()) {
      printAction(printer, action, first + i, printHardware);
    }
    printer.endArray();
    printer.endObject();
  }
  printer.endArray();
  return printer.take() + (output.json ? '\n' : '');
}

/** What `tc actions ls` prints of one kind's actions, in the order of their indices. Without any: nothing. */
export function printActions(actions: readonly ActionState[], output: OutputOptions): string {
  return printTable(actions, actions.length, 0, output);
}

/** What `tc actions get` prints: the actions in the order in which they were asked for; tc counts none of them. */
export function printActionsGet(actions: readonly ActionState[], output: OutputOptions): string {
  return printTable(actions, 0, 1, output);
}
