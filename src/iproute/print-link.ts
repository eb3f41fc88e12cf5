/** Links, as `ip link show` of iproute2 6.1 prints them. */
import { formatMac } from './address.js';
import type { LinkSelector, OutputOptions } from './commands.js';
import type { LinkState, LinkStatistics, TapDetails } from './link-state.js';
import { printVxlanOptions } from './print-vxlan.js';
import { type Opening, Printer } from './printer.js';

function printHead(printer: Printer, link: LinkState, isEvent: boolean): void {
  const { ifindex, name, flags, mtu, qdisc, master, operstate, mode, group, qlen = 0 } = link;
  printer.field('ifindex', ifindex, `${ifindex}: `);
  printer.field('ifname', name, `${name}: `);
  printer.text(`<${flags.join(',')}> `);
  printer.beginArray('flags');
  for (const flag of flags) {
    printer.item(flag);
  }
  printer.endArray();
  printer.field('mtu', mtu, `mtu ${mtu} `);
  printer.field('qdisc', qdisc, `qdisc ${qdisc} `);
  if (master !== undefined) {
    printer.field('master', master, `master ${master} `);
  }
  printer.field('operstate', operstate, `state ${operstate} `);
  if (!isEvent) {
    printer.field('linkmode', mode, `mode ${mode} `);
  }
  printer.field('group', group, `group ${group} `);
  if (qlen !== 0 && !isEvent) {
    printer.field('txqlen', qlen, `qlen ${qlen}`);
  }
  printer.text('\n');
}

function printAddresses(printer: Printer, { address, broadcast }: LinkState): void {
  const type = address === undefined ? 'none' : 'ether';
  printer.field('link_type', type, `    link/${type} `);
  if (address !== undefined) {
    printer.field('address', formatMac(address), formatMac(address));
  }
  if (broadcast !== undefined) {
    printer.field('broadcast', formatMac(broadcast), ` brd ${formatMac(broadcast)}`);
  }
}

function printOnOff(printer: Printer, key: string, value: boolean): void {
  printer.field(key, value, `${key} ${value ? 'on' : 'off'} `);
}

function printTap(printer: Printer, { pi, vnetHdr, queues, persist, user, group, mirror }: TapDetails): void {
  printer.field('type', 'tap', 'type tap ');
  printOnOff(printer, 'pi', pi);
  printOnOff(printer, 'vnet_hdr', vnetHdr);
  if (queues === undefined) {
    printer.json('multi_queue', false);
  } else {
    printer.field('multi_queue', true, 'multi_queue ');
    printer.field('numqueues', queues.enabled, `numqueues ${queues.enabled} `);
    printer.field('numdisabled', queues.disabled, `numdisabled ${queues.disabled} `);
  }
  printOnOff(printer, 'persist', persist);
  if (user !== undefined) {
    printer.field('user', user, `user ${user} `);
  }
  if (group !== undefined) {
    printer.field('group', group, `group ${group} `);
  }
  if (mirror !== undefined) {
    printer.field('vni', mirror.vni, `vni ${mirror.vni} `);
    printer.field('mirror_of', mirror.of, `mirror-of ${mirror.of} `);
  }
}

function printDetails(printer: Printer, link: LinkState, isEvent: boolean): void {
  const { promiscuity, allmulti, minMtu, maxMtu, details, addrgenmode } = link;
  printer.field('promiscuity', promiscuity, ` promiscuity ${promiscuity} `);
  printer.field('allmulti', allmulti, ` allmulti ${allmulti} `);
  printer.field('min_mtu', minMtu, `minmtu ${minMtu} `);
  printer.field('max_mtu', maxMtu, `maxmtu ${maxMtu} `);
  const kind = details.kind === 'tap' ? 'tun' : 'vxlan';
  printer.beginObject('linkinfo');
  printer.field('info_kind', kind, `\n    ${kind} `);
  printer.beginObject('info_data');
  if (details.kind === 'tap') {
    printTap(printer, details);
  } else {
    printVxlanOptions(printer, details.options);
  }
  printer.endObject();
  printer.endObject();
  if (addrgenmode !== undefined && !isEvent) {
    printer.field('inet6_addr_gen_mode', addrgenmode, `addrgenmode ${addrgenmode} `);
  }
  printer.field('num_tx_queues', link.numTxQueues, `numtxqueues ${link.numTxQueues} `);
  printer.field('num_rx_queues', link.numRxQueues, `numrxqueues ${link.numRxQueues} `);
  printer.field('gso_max_size', link.gsoMaxSize, `gso_max_size ${link.gsoMaxSize} `);
  printer.field('gso_max_segs', link.gsoMaxSegs, `gso_max_segs ${link.gsoMaxSegs} `);
  printer.field('tso_max_size', link.tsoMaxSize, `tso_max_size ${link.tsoMaxSize} `);
  printer.field('tso_max_segs', link.tsoMaxSegs, `tso_max_segs ${link.tsoMaxSegs} `);
  printer.field('gro_max_size', link.groMaxSize, `gro_max_size ${link.groMaxSize} `);
}

/** Keys of one object of JSON, titles of columns and counters: received, received errors, sent, sent errors. */
type Row = readonly (readonly [
  title: string,
  key: string | undefined,
  counter: Exclude<keyof LinkStatistics, 'rxNohandler' | 'rxOtherhost'>,
])[];

const received: Row = [
  ['bytes', 'bytes', 'rxBytes'],
  ['packets', 'packets', 'rxPackets'],
  ['errors', 'errors', 'rxErrors'],
  ['dropped', 'dropped', 'rxDropped'],
  ['missed', undefined, 'rxMissed'],
  ['mcast', undefined, 'multicast'],
];
const receivedErrors: Row = [
  ['length', 'length_errors', 'rxLengthErrors'],
  ['crc', 'crc_errors', 'rxCrcErrors'],
  ['frame', 'frame_errors', 'rxFrameErrors'],
  ['fifo', 'fifo_errors', 'rxFifoErrors'],
  ['overrun', undefined, 'rxOverErrors'],
];
const sent: Row = [
  ['bytes', 'bytes', 'txBytes'],
  ['packets', 'packets', 'txPackets'],
  ['errors', 'errors', 'txErrors'],
  ['dropped', 'dropped', 'txDropped'],
  ['carrier', 'carrier_errors', 'txCarrierErrors'],
  ['collsns', 'collisions', 'collisions'],
];
const sentErrors: Row = [
  ['aborted', 'aborted_errors', 'txAbortedErrors'],
  ['fifo', 'fifo_errors', 'txFifoErrors'],
  ['window', 'window_errors', 'txWindowErrors'],
  ['heartbt', 'heartbeat_errors', 'txHeartbeatErrors'],
  ['transns', 'carrier_changes', 'carrierChanges'],
];

/** Columns behind the received errors, where there are any: text only has room for them there. */
const others = [
  ['nohandler', 'rxNohandler'],
  ['otherhost', 'rxOtherhost'],
] as const;
const OTHER_WIDTH = 9;

function othersOf(statistics: LinkStatistics): readonly (readonly [name: string, count: number])[] {
  return others.map(([name, counter]) => [name, statistics[counter] ?? 0] as const).filter(([, count]) => count > 0);
}

/** Widths of the columns before any counter; the last is that of a column that only some devices have. */
const leastWidths = [10, 7, 6, 7, 7, 7, 10];

function widthsFor(statistics: LinkStatistics, rows: readonly Row[]): readonly number[] {
  const widths = [...leastWidths];
  for (const row of rows) {
    // The first column of errors is empty.
    const offset = row.length === received.length ? 0 : 1;
    for (const [i, [, , counter]] of row.entries()) {
      widths[i + offset] = Math.max(widths[i + offset] ?? 0, `${statistics[counter]}`.length);
    }
  }
  return widths;
}

function textTable(statistics: LinkStatistics, errors: boolean): string {
  const rows = errors ? [received, receivedErrors, sent, sentErrors] : [received, sent];
  const widths = widthsFor(statistics, rows);
  const width = (column: number): number => widths[column] ?? 0;
  const lines = rows.map((row) => {
    const isErrors = row.length !== received.length;
    const offset = isErrors ? 1 : 0;
    const direction = row === received || row === receivedErrors ? 'RX' : 'TX';
    const title = isErrors
      ? `${direction} errors:${' '.repeat(Math.max(0, width(0) - 10))}`
      : `${direction}: ${(row[0]?.[0] ?? '').padStart(width(0) - 4)}`;
    const titles = row.slice(1 - offset).map(([name], i) => ` ${name.padStart(width(i + 1))}`);
    const cells = row.map(([, , counter], i) => `${`${statistics[counter]}`.padStart(width(i + offset))} `);
    const end = isErrors ? '' : ' '.repeat(width(6) + 1);
    const margin = isErrors ? `${' '.repeat(width(0))} ` : '';
    const more = row === receivedErrors ? othersOf(statistics) : [];
    const moreTitles = more.map(([name]) => ` ${name.padStart(OTHER_WIDTH)}`).join('');
    const moreCells = more.map(([, count]) => `${`${count}`.padStart(OTHER_WIDTH)} `).join('');
    return `\n    ${title}${titles.join('')}${moreTitles}${end}\n    ${margin}${cells.join('')}${moreCells}`;
  });
  return lines.join('');
}

function jsonDirection(printer: Printer, key: string, statistics: LinkStatistics, row: Row, errors: Row | []): void {
  printer.beginObject(key);
  for (const [, name, counter] of [...row, ...errors]) {
    if (name !== undefined) {
      printer.json(name, statistics[counter]);
    }
    if (counter === 'multicast') {
      printer.json('over_errors', statistics.rxOverErrors);
      printer.json('multicast', statistics.multicast);
    }
  }
  if (key === 'rx' && errors.length > 0) {
    printer.json('missed_errors', statistics.rxMissed);
    for (const [name, count] of othersOf(statistics)) printer.json(name, count);
  }
  printer.endObject();
}

function printStatistics(printer: Printer, statistics: LinkStatistics, errors: boolean): void {
  printer.text(textTable(statistics, errors));
  printer.beginObject('stats64');
  jsonDirection(printer, 'rx', statistics, received, errors ? receivedErrors : []);
  jsonDirection(printer, 'tx', statistics, sent, errors ? sentErrors : []);
  printer.endObject();
}

/** An event says less: not the mode, the queue's length, how addresses are made, nor statistics. */
function printLink(printer: Printer, link: LinkState, opening?: Opening): void {
  const { alias, altnames = [] } = link;
  const isEvent = opening !== undefined;
  printer.beginObject();
  opening?.(printer);
  printHead(printer, link, isEvent);
  printAddresses(printer, link);
  if (printer.options.details) {
    printDetails(printer, link, isEvent);
  }
  if (alias !== undefined) {
    printer.field('ifalias', alias, `\n    alias ${alias}`);
  }
  if (printer.options.statistics && !isEvent) {
    printStatistics(printer, link.statistics, printer.options.errors === true);
  }
  if (altnames.length > 0) {
    printer.beginArray('altnames');
    for (const name of altnames) {
      printer.text(`\n    altname ${name}`);
      printer.item(name);
    }
    printer.endArray();
  }
  printer.text('\n');
  printer.endObject();
}

/** What `ip monitor link` prints of a change. */
export function printLinkChange(printer: Printer, link: LinkState, deleted: boolean, opening: Opening): void {
  printLink(printer, link, (to) => {
    opening(to);
    if (deleted) {
      to.field('deleted', true, 'Deleted ');
    }
  });
}

/** What `bridge monitor link` prints of a change. */
export function printBridgeLink(printer: Printer, link: LinkState, deleted: boolean, opening: Opening): void {
  const { ifindex, name, flags, mtu, master } = link;
  printer.beginObject();
  opening(printer);
  if (deleted) {
    printer.field('deleted', true, 'Deleted ');
  }
  printer.field('ifindex', ifindex, `${ifindex}: `);
  printer.field('ifname', name, `${name}: `);
  printer.text(`<${flags.join(',')}> `);
  printer.beginArray('flags');
  for (const flag of flags) {
    printer.item(flag);
  }
  printer.endArray();
  printer.field('mtu', mtu, `mtu ${mtu} `);
  if (master !== undefined) {
    printer.field('master', master, `master ${master} `);
  }
  printer.text('\n');
  printer.endObject();
}

/** Whether a link is one that was asked for. */
export function isLinkShown({ name, flags, details }: LinkState, { dev, type, up }: LinkSelector): boolean {
  return (
    (dev === undefined || name === dev) &&
    (type === undefined || (type === 'vxlan') === (details.kind === 'vxlan')) &&
    (up === undefined || flags.includes('UP'))
  );
}

/** What `ip link show` prints of these links; JSON is one array of them, and `[]` without any. */
export function printLinks(links: Iterable<LinkState>, output: OutputOptions): string {
  const printer = new Printer(output);
  printer.beginArray();
  for (const link of links) {
    printLink(printer, link);
  }
  printer.endArray();
  return printer.take() + (output.json ? '\n' : '');
}
