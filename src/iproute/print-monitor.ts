/**
 * Changes as `tc monitor`, `ip monitor` and `bridge monitor` of iproute2 6.1 print them. Those know no JSON; vtep's is
 * one object a line, with the fields that `show` has behind what the object is and what became of it.
 */
import { formatIp, formatMac } from './address.js';
import type { ActionState } from './commands.js';
import type { FdbEntryState, FdbState } from './fdb-types.js';
import {
  type MonitorEvent,
  type MonitorRequest,
  type MonitorSubject,
  monitorSubject,
  type TimedEvent,
} from './monitor-types.js';
import { printAction } from './print-action.js';
import { printChainEvent } from './print-chain.js';
import { printFdbChange } from './print-fdb.js';
import { printFilterChange, printPriority } from './print-filter.js';
import { printBridgeLink, printLinkChange } from './print-link.js';
import { printQdiscChange } from './print-qdisc.js';
import { type Opening, Printer } from './printer.js';

const objectNames: Record<MonitorSubject, string> = {
  link: 'link',
  'bridge-link': 'link',
  qdisc: 'qdisc',
  chain: 'chain',
  filter: 'filter',
  actions: 'actions',
  fdb: 'fdb',
  neigh: 'neigh',
  miss: 'miss',
  mirror: 'mirror',
};

const labels: Partial<Record<MonitorSubject, string>> = {
  link: '[LINK]',
  'bridge-link': '[LINK]',
  fdb: '[NEIGH]',
  neigh: '[NEIGH]',
  miss: '[NEIGH]',
  mirror: '[MIRROR]',
};

/** ip's words for the states of neighbours (print_neigh_state). */
const neighbourStates: Record<FdbState, string> = {
  permanent: 'NOARP PERMANENT ',
  static: 'REACHABLE NOARP ',
  dynamic: 'REACHABLE ',
  stale: 'STALE ',
};

function two(number: number, digits = 2): string {
  return `${number}`.padStart(digits, '0');
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** print_timestamp() of iproute2, in local time. */
export function formatTimestamp(at: number, form: 'long' | 'short'): string {
  const date = new Date(Math.floor(at / 1000));
  const micros = Math.floor(at % 1_000_000);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  if (form === 'short') return `[${isoTime(at)}] `;
  const day = `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${`${date.getDate()}`.padStart(2)}`;
  return `Timestamp: ${day} ${time} ${date.getFullYear()} ${micros} usec\n`;
}

function isoTime(at: number): string {
  const date = new Date(Math.floor(at / 1000));
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day}T${time}.${two(Math.floor(at % 1_000_000), 6)}`;
}

function printActions(
  printer: Printer,
  event: 'added' | 'replaced' | 'deleted',
  actions: readonly ActionState[],
  opening: Opening,
): void {
  printer.beginObject();
  // tc counts none of them.
  printer.text('total acts 0\n');
  opening(printer);
  printer.field(event, true, `${event[0]?.toUpperCase()}${event.slice(1)} action `);
  printer.beginArray('actions');
  for (const [i, action] of actions.entries()) {
    printAction(printer, action, i + 1, (to) => to.field('not_in_hw', true, '\tnot_in_hw\n'));
  }
  printer.endArray();
  printer.endObject();
}

function printNeighbour(printer: Printer, entry: FdbEntryState, deleted: boolean, opening: Opening): void {
  const { dev, dst, mac, state, used, updated } = entry;
  printer.beginObject();
  opening(printer);
  if (deleted) printer.field('deleted', true, 'Deleted ');
  if (dst !== undefined) printer.field('dst', formatIp(dst), `${formatIp(dst)} `);
  printer.field('dev', dev, `dev ${dev} `);
  printer.field('lladdr', formatMac(mac), `lladdr ${formatMac(mac)} `);
  if (printer.options.statistics) {
    printer.field('used', used, ` used ${used}`);
    printer.json('confirmed', 0);
    printer.field('updated', updated, `/0/${updated}`);
  }
  printer.beginArray('state');
  for (const name of neighbourStates[state].trim().split(' ')) printer.item(name);
  printer.endArray();
  printer.text(`${neighbourStates[state]}\n`);
  printer.endObject();
}

function printMiss(
  printer: Printer,
  { dev, ip, mac }: Extract<MonitorEvent, { readonly type: 'miss' }>,
  opening: Opening,
): void {
  printer.beginObject();
  opening(printer);
  printer.field('miss', true, 'miss ');
  if (ip !== undefined) printer.field('dst', formatIp(ip), `${formatIp(ip)} `);
  printer.field('dev', dev, `dev ${dev} `);
  if (mac !== undefined) printer.field('lladdr', formatMac(mac), `lladdr ${formatMac(mac)} `);
  printer.beginArray('state');
  printer.item('STALE');
  printer.endArray();
  printer.text('STALE \n');
  printer.endObject();
}

function printNoTap(
  printer: Printer,
  { dev, vni, why }: Extract<MonitorEvent, { readonly type: 'no-tap' }>,
  opening: Opening,
): void {
  printer.beginObject();
  opening(printer);
  printer.field('no_tap', true, 'no TAP ');
  printer.field('dev', dev, `dev ${dev} `);
  printer.field('vni', vni, `vni ${vni} `);
  printer.field('reason', why, `(${why})\n`);
  printer.endObject();
}

function print(printer: Printer, event: MonitorEvent, subject: MonitorSubject, opening: Opening): void {
  switch (event.type) {
    case 'link':
      if (subject === 'bridge-link') printBridgeLink(printer, event.link, event.deleted, opening);
      else printLinkChange(printer, event.link, event.deleted, opening);
      break;
    case 'qdisc':
      printQdiscChange(printer, event.qdisc, event.deleted, opening);
      break;
    case 'chain':
      printChainEvent(printer, event.dev, event.chain, event.deleted, opening);
      break;
    case 'filter':
      printFilterChange(printer, event.filter, (to) => {
        opening(to);
        if (event.event !== 'changed') to.field(event.event, true, `${event.event} `);
      });
      break;
    case 'priority':
      printPriority(printer, event.priority, (to) => {
        opening(to);
        to.field('deleted', true, 'deleted ');
      });
      break;
    case 'actions':
      printActions(printer, event.event, event.actions, opening);
      break;
    case 'actions-flush':
      printer.beginObject();
      printer.text('total acts 0\n');
      opening(printer);
      printer.field('flushed', true, 'Flushed table ');
      printer.field('kind', event.kind, ` ${event.kind} `);
      printer.field('entries', event.count, `(${event.count} entries)\n`);
      printer.endObject();
      break;
    case 'fdb':
      if (subject === 'neigh') printNeighbour(printer, event.entry, event.deleted, opening);
      else printFdbChange(printer, event.entry, event.deleted, opening);
      break;
    case 'miss':
      printMiss(printer, event, opening);
      break;
    case 'no-tap':
      printNoTap(printer, event, opening);
      break;
  }
}

/** What a monitor prints of an event; nothing where it was not asked for. */
export function printMonitorEvent({ at, event }: TimedEvent, request: MonitorRequest): string {
  const subject = monitorSubject(event, request);
  if (subject === undefined) return '';
  const { timestamp, label, output } = request;
  const printer = new Printer(output);
  if (timestamp !== undefined) printer.text(formatTimestamp(at, timestamp));
  if (label) printer.text(labels[subject] ?? '');
  print(printer, event, subject, (to) => {
    to.json('object', objectNames[subject]);
    if (timestamp !== undefined) to.json('timestamp', isoTime(at));
  });
  return printer.take() + (output.json ? '\n' : '');
}
