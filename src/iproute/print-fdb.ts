/** Entries of vxlan devices, as `bridge fdb show` of iproute2 6.1 prints them. */
import { formatIp, formatMac } from './address.js';
import type { OutputOptions } from './commands.js';
import type { FdbEntryState, FdbSelector, FdbState } from './fdb-types.js';
import { type Opening, Printer } from './printer.js';

/** bridge has no word for what is reachable. */
const stateTexts: Record<FdbState, string> = { permanent: 'permanent', static: 'static', dynamic: '', stale: 'stale' };

/** What became of an entry, where a listener is told of it. */
export type FdbEvent = 'learned' | 'deleted';

function printEntry(printer: Printer, entry: FdbEntryState, dev: string | undefined, opening?: Opening): void {
  const { mac, dst, port, vni, srcVni, via, used, updated, state } = entry;
  printer.beginObject();
  opening?.(printer);
  printer.field('mac', formatMac(mac), `${formatMac(mac)} `);
  if (entry.dev !== dev) {
    printer.field('ifname', entry.dev, `dev ${entry.dev} `);
  }
  if (dst !== undefined) {
    printer.field('dst', formatIp(dst), `dst ${formatIp(dst)} `);
  }
  if (port !== undefined) {
    printer.field('port', port, `port ${port} `);
  }
  if (vni !== undefined) {
    printer.field('vni', vni, `vni ${vni} `);
  }
  if (srcVni !== undefined) {
    printer.field('src_vni', srcVni, `src_vni ${srcVni} `);
  }
  if (via !== undefined) {
    printer.field('viaIf', via, `via ${via} `);
  }
  if (printer.options.statistics) {
    printer.field('used', used, `used ${used}`);
    printer.field('updated', updated, `/${updated} `);
  }
  printFlags(printer, entry);
  printer.field('state', stateTexts[state], `${stateTexts[state]}\n`);
  printer.endObject();
}

function printFlags(printer: Printer, { router, externLearn, sticky }: FdbEntryState): void {
  printer.beginArray('flags');
  for (const [flag, value] of [
    ['self', true],
    ['router', router],
    ['extern_learn', externLearn],
    ['sticky', sticky],
  ] as const) {
    if (value === true) {
      printer.text(`${flag} `);
      printer.item(flag);
    }
  }
  printer.endArray();
}

/** In pieces of one entry, for tables too large for one string. The entries come selected. */
export function* fdbPieces(
  entries: Iterable<FdbEntryState>,
  { dev }: Pick<FdbSelector, 'dev'>,
  output: OutputOptions,
): Generator<string> {
  const printer = new Printer(output);
  printer.beginArray();
  for (const entry of entries) {
    printEntry(printer, entry, dev);
    yield printer.take();
  }
  printer.endArray();
  yield printer.take() + (output.json ? '\n' : '');
}

/** What `bridge fdb show` prints; of the selector, the device alone matters here. `get` prints one without selector. */
export function printFdb(
  entries: Iterable<FdbEntryState>,
  selector: Pick<FdbSelector, 'dev'>,
  output: OutputOptions,
): string {
  return [...fdbPieces(entries, selector, output)].join('');
}

/** What `bridge monitor fdb` prints of a change. */
export function printFdbChange(printer: Printer, entry: FdbEntryState, deleted: boolean, opening: Opening): void {
  printEntry(printer, entry, undefined, (to) => {
    opening(to);
    if (deleted) {
      to.field('deleted', true, 'Deleted ');
    }
  });
}

/** What `bridge monitor fdb` prints of a change. Text only. */
export function printFdbEvent(entry: FdbEntryState, event: FdbEvent, output: OutputOptions): string {
  const printer = new Printer({ ...output, json: false });
  printFdbChange(printer, entry, event === 'deleted', () => {});
  return printer.take();
}
