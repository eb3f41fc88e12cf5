/**
 * Filters, as `tc filter show` and `tc filter get` of iproute2 6.1 print them.
 *
 * A dump holds, besides the filters, one record without a handle for each priority of a chain, and what the selector
 * has said already is left out: always the device, the parent when it is spelled alike, protocol, pref and chain when
 * they were given. `get` leaves out the device alone.
 */
import { FIRST_HW_TC, formatClassId, LAST_HW_TC } from './class-id.js';
import type { FilterParent, FilterSelector, FilterState, OutputOptions } from './commands.js';
import { formatEtherType } from './ether-type.js';
import type { FilterPriority } from './monitor-types.js';
import { printAction } from './print-action.js';
import { printFlowerKeys } from './print-flower.js';
import { type Opening, Printer } from './printer.js';

/** What the printer takes as said. */
type Said = Partial<Pick<FilterSelector, 'dev' | 'parent' | 'protocol' | 'pref' | 'chain'>>;

function printParent(printer: Printer, parent: FilterParent): void {
  if (parent === 'ffff:') {
    printer.field('parent', parent, `parent ${parent} `);
  } else {
    printer.field(parent, true, `${parent} `);
  }
}

/** What became of a filter, where a listener is told of it. */
export type FilterEvent = 'added' | 'replaced' | 'deleted';

/** Up to the chain; opens the JSON object. */
function printHead(printer: Printer, filter: FilterPriority, said: Said, opening?: Opening): void {
  const { dev, parent, protocol, pref, chain } = filter;
  printer.beginObject();
  opening?.(printer);
  printer.text('filter ');
  if (said.dev !== dev) {
    printer.field('dev', dev, `dev ${dev} `);
  }
  if (said.parent !== parent) {
    printParent(printer, parent);
  }
  if (said.protocol !== protocol) {
    const name = formatEtherType(protocol);
    printer.field('protocol', name, `protocol ${name} `);
  }
  if (said.pref !== pref) {
    printer.field('pref', pref, `pref ${pref} `);
  }
  printer.field('kind', 'flower', 'flower ');
  if (said.chain !== chain) {
    printer.field('chain', chain, `chain ${chain} `);
  }
}

function printClassId(printer: Printer, classid: number): void {
  const minor = classid & 0xffff;
  if (minor >= FIRST_HW_TC && minor <= LAST_HW_TC) {
    printer.field('hw_tc', minor - FIRST_HW_TC, `hw_tc ${minor - FIRST_HW_TC} `);
  } else {
    const text = formatClassId(classid);
    printer.field('classid', text, `classid ${text} `);
  }
}

function printFilter(printer: Printer, filter: FilterState, said: Said, opening?: Opening): void {
  printHead(printer, filter, said, opening);
  printer.beginObject('options');
  printer.field('handle', filter.handle, `handle 0x${filter.handle.toString(16)} `);
  if (filter.classid !== undefined) {
    printClassId(printer, filter.classid);
  }
  printFlowerKeys(printer, filter.keys);
  if (filter.skipHw) {
    printer.field('skip_hw', true, '\n  skip_hw');
  }
  printer.field('not_in_hw', true, '\n  not_in_hw');
  if (filter.actions.length > 0) {
    printer.beginArray('actions');
    for (const [i, action] of filter.actions.entries()) {
      printAction(printer, action, i + 1);
    }
    printer.endArray();
  }
  printer.endObject();
  printer.text('\n');
  printer.endObject();
}

function isNewPriority(filter: FilterState, previous: FilterState | undefined): boolean {
  return (
    previous === undefined ||
    previous.pref !== filter.pref ||
    previous.protocol !== filter.protocol ||
    previous.chain !== filter.chain
  );
}

/**
 * The output of `show` in pieces of one filter, for tables too large for one string. The filters come selected and
 * in order: by chain, pref, then handle.
 */
export function* filterPieces(
  filters: Iterable<FilterState>,
  selector: FilterSelector,
  output: OutputOptions,
): Generator<string> {
  const printer = new Printer(output);
  let previous: FilterState | undefined;
  printer.beginArray();
  for (const filter of filters) {
    if (isNewPriority(filter, previous)) {
      printHead(printer, filter, selector);
      printer.text('\n');
      printer.endObject();
    }
    printFilter(printer, filter, selector);
    previous = filter;
    yield printer.take();
  }
  printer.endArray();
  yield printer.take() + (output.json ? '\n' : '');
}

/** What `tc filter show` prints. */
export function printFilters(filters: readonly FilterState[], selector: FilterSelector, output: OutputOptions): string {
  return [...filterPieces(filters, selector, output)].join('');
}

/** What `tc filter get` prints: one filter, its parent and all else of its head included. */
export function printFilterGet(filter: FilterState, output: OutputOptions): string {
  const printer = new Printer(output);
  printer.beginArray();
  printFilter(printer, filter, { dev: filter.dev });
  printer.endArray();
  return printer.take() + (output.json ? '\n' : '');
}

/** What `tc monitor` prints of a filter: everything is said, and nothing was before. */
export function printFilterChange(printer: Printer, filter: FilterState, opening: Opening): void {
  printFilter(printer, filter, {}, opening);
}

/** What `tc monitor` prints of all filters of one priority, which went together. */
export function printPriority(printer: Printer, priority: FilterPriority, opening: Opening): void {
  printHead(printer, priority, {}, opening);
  printer.text('\n');
  printer.endObject();
}

/** What `tc monitor` prints of a change: everything is said, and nothing was before. Text only, as tc's. */
export function printFilterEvent(filter: FilterState, event: FilterEvent, output: OutputOptions): string {
  const printer = new Printer({ ...output, json: false });
  printFilterChange(printer, filter, (to) => to.field(event, true, `${event} `));
  return printer.take();
}
