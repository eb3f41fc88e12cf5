/** ingress and clsact qdiscs, as `tc qdisc show` of iproute2 6.1 prints them. */
import type { OutputOptions, QdiscState } from './commands.js';
import { type Opening, Printer } from './printer.js';

function printStatistics(printer: Printer, { bytes, packets, drops, overlimits }: QdiscState): void {
  printer.field('bytes', bytes, ` Sent ${bytes} bytes`);
  printer.field('packets', packets, ` ${packets} pkt`);
  printer.field('drops', drops, ` (dropped ${drops}`);
  printer.field('overlimits', overlimits, `, overlimits ${overlimits}`);
  // Neither kind holds packets back.
  printer.field('requeues', 0, ' requeues 0) ');
  printer.field('backlog', 0, '\n backlog 0b');
  printer.field('qlen', 0, ' 0p requeues 0\n');
}

function printQdisc(
  printer: Printer,
  state: QdiscState,
  dev: string | undefined,
  opening?: Opening,
  references = 1,
): void {
  printer.beginObject();
  opening?.(printer);
  printer.field('kind', state.qdisc, `qdisc ${state.qdisc}`);
  printer.field('handle', 'ffff:', ' ffff: ');
  if (state.dev !== dev) {
    printer.field('dev', state.dev, `dev ${state.dev} `);
  }
  printer.field('parent', 'ffff:fff1', 'parent ffff:fff1 ');
  // One reference is the rule.
  if (references !== 1) {
    printer.field('refcnt', references, `refcnt ${references} `);
  }
  printer.beginObject('options');
  printer.endObject();
  printer.text(state.qdisc === 'ingress' ? '---------------- \n' : '\n');
  if (printer.options.statistics) {
    printStatistics(printer, state);
  }
  printer.endObject();
}

/** What `tc monitor` prints of a qdisc that came, was asked for again, or went; it has no references then. */
export function printQdiscChange(printer: Printer, state: QdiscState, deleted: boolean, opening: Opening): void {
  const open: Opening = (to) => {
    opening(to);
    if (deleted) to.field('deleted', true, 'deleted ');
  };
  printQdisc(printer, state, undefined, open, deleted ? 0 : 1);
}

/** `dev`: the one that was asked for, which is not repeated. */
export function printQdiscs(qdiscs: readonly QdiscState[], dev: string | undefined, output: OutputOptions): string {
  const printer = new Printer(output);
  printer.beginArray();
  for (const state of qdiscs) {
    printQdisc(printer, state, dev);
  }
  printer.endArray();
  return printer.take() + (output.json ? '\n' : '');
}
