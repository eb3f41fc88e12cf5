/** Actions of a filter, as m_action.c of iproute2 prints them; what is of each kind stands in print-action-kinds.ts. */
import type { ActionState, ActionStatistics } from './commands.js';
import { formatHex } from './numbers.js';
import { printKind, printPeditKeys } from './print-action-kinds.js';
import type { Printer } from './printer.js';

function printTimes(printer: Printer, { installed, lastUsed, firstUsed }: ActionStatistics): void {
  printer.field('installed', installed, ` installed ${installed} sec`);
  printer.field('last_used', lastUsed, ` used ${lastUsed} sec`);
  if (firstUsed !== undefined) {
    printer.field('first_used', firstUsed, ` firstused ${firstUsed} sec`);
  }
}

function printCounters(printer: Printer, { bytes, packets, drops, overlimits, requeues }: ActionStatistics): void {
  printer.text('\tAction statistics:\n\t');
  printer.beginObject('stats');
  printer.field('bytes', bytes, `Sent ${bytes} bytes`);
  printer.field('packets', packets, ` ${packets} pkt`);
  printer.field('drops', drops, ` (dropped ${drops}`);
  printer.field('overlimits', overlimits, `, overlimits ${overlimits}`);
  printer.field('requeues', requeues, ` requeues ${requeues}) `);
  // vtep's actions queue nothing.
  printer.field('backlog', 0, '\n\tbacklog 0b');
  printer.field('qlen', 0, ' 0p');
  printer.text(` requeues ${requeues}\n`);
  printer.endObject();
}

/** The line of index and counts; police has said its index before. */
function printReferences(printer: Printer, { spec, ref, bind }: ActionState): void {
  if (spec.kind === 'police') {
    printer.field('ref', ref, `\n\tref ${ref} `);
    printer.field('bind', bind, `bind ${bind} `);
    return;
  }
  const isPlain = spec.kind === 'mirred' || spec.kind === 'csum';
  const start = spec.kind === 'pedit' ? ' \t ' : isPlain ? '\t' : '\t ';
  printer.field('index', spec.index, `\n${start}index ${spec.index}`);
  printer.field('ref', ref, ` ref ${ref}`);
  printer.field('bind', bind, ` bind ${bind}`);
}

/** `order` counts from 1 in a filter. `printMore`: what follows within the action. */
export function printAction(
  printer: Printer,
  action: ActionState,
  order: number,
  printMore?: (printer: Printer) => void,
): void {
  const { spec, statistics } = action;
  printer.beginObject();
  printer.field('order', order, `\n\taction order ${order}: `);
  printKind(printer, action);
  printReferences(printer, action);
  if (printer.options.statistics) {
    printTimes(printer, statistics);
  }
  if (spec.kind === 'pedit') {
    printPeditKeys(printer, spec);
  }
  printer.text('\n');
  if (printer.options.statistics) {
    printCounters(printer, statistics);
  }
  if (spec.cookie !== undefined) {
    const cookie = formatHex(spec.cookie);
    printer.field('cookie', cookie, `\tcookie ${cookie}\n`);
  }
  printMore?.(printer);
  printer.endObject();
}
