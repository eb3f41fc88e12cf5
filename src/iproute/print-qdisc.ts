/** ingress and clsact qdiscs, as `tc qdisc show` of iproute2 6.1 prints them. */
import type { OutputOptions, QdiscState } from './commands.js';
import { Printer } from './printer.js';

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

/** `dev`: the one that was asked for, which is not repeated. */
export function printQdiscs(qdiscs: readonly QdiscState[], dev: string | undefined, output: OutputOptions): string {
  const printer = new Printer(output);
  printer.beginArray();
  for (const state of qdiscs) {
    printer.beginObject();
    printer.field('kind', state.qdisc, `qdisc ${state.qdisc}`);
    printer.field('handle', 'ffff:', ' ffff: ');
    if (state.dev !== dev) {
      printer.field('dev', state.dev, `dev ${state.dev} `);
    }
    printer.field('parent', 'ffff:fff1', 'parent ffff:fff1 ');
    printer.beginObject('options');
    printer.endObject();
    printer.text(state.qdisc === 'ingress' ? '---------------- \n' : '\n');
    if (output.statistics) {
      printStatistics(printer, state);
    }
    printer.endObject();
  }
  printer.endArray();
  return printer.take() + (output.json ? '\n' : '');
}
