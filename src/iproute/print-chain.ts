/** Chains, as `tc chain show` of iproute2 6.1 prints them. */
import type { ChainSelector, OutputOptions } from './commands.js';
import { type Opening, Printer } from './printer.js';

/** The kernel names the qdisc whose chain it is, whose handle is the same for ingress and clsact. */
const PARENT = 'ffff:';

/**
 * What `show` and `get` print of these chains, which come selected. Left out is what the selector has said: the
 * device, the parent when it is spelled alike, and the chain in `show`.
 */
export function printChains(
  chains: Iterable<number>,
  { parent, chain }: Pick<ChainSelector, 'parent' | 'chain'>,
  output: OutputOptions,
): string {
  const printer = new Printer(output);
  printer.beginArray();
  for (const number of chains) {
    printer.beginObject();
    printer.text('chain ');
    if (parent !== PARENT) {
      printer.field('parent', PARENT, `parent ${PARENT} `);
    }
    if (number !== chain) {
      printer.field('chain', number, `chain ${number} `);
    }
    printer.endObject();
    printer.text('\n');
  }
  printer.endArray();
  return printer.take() + (output.json ? '\n' : '');
}

/** What `get` prints of a chain: its parent and number in any case. */
export function printChainGet(chain: number, output: OutputOptions): string {
  return printChains([chain], { parent: 'ingress' }, output);
}

/** What `tc monitor` prints of a chain that came or went. */
export function printChainEvent(
  printer: Printer,
  dev: string,
  chain: number,
  deleted: boolean,
  opening: Opening,
): void {
  const event = deleted ? 'deleted' : 'added';
  printer.beginObject();
  opening(printer);
  printer.field(event, true, `${event} `);
  printer.text('chain ');
  printer.field('dev', dev, `dev ${dev} `);
  printer.field('parent', PARENT, `parent ${PARENT} `);
  printer.field('chain', chain, `chain ${chain} `);
  printer.endObject();
  printer.text('\n');
}
