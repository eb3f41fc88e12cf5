/**
 * What an endpoint has counted and learned, as a plain record: what `vtep save --state` writes, and what a later endpoint
 * goes on from. What people have configured is not in it: that is what `vtep save` is for.
 *
 * Devices are known by name, filters by place, handle and content, actions of their own by index and content, entries of
 * the forwarding table by device, address and VNI. Counters that are 0 are left out.
 */
import { type FdbListed, type FdbRecord, isSameRemote } from '../devices/fdb-records.js';
import { actionWords } from '../iproute/action-command.js';
import { formatIp, formatMac } from '../iproute/address.js';
import { filterCommand } from '../iproute/filter-command.js';
import { ActionCounter, DeviceCounter } from '../memory/counters.js';
import { REASONS } from '../memory/reasons.js';
import { VniCounter } from '../memory/vni-counters.js';
import type { ActionInstance } from './action-table.js';
import { TICKS } from './fdb-upkeep.js';
import type { Filter } from './filter.js';
import type { FilterBlock } from './filter-block.js';
import type { Rules } from './rules.js';
import type { VniFilter } from './vni-filter.js';

export const STATE_FORMAT = 'vtep state';
export const STATE_VERSION = 1;
/** What ages are told in, in milliseconds: tenths of seconds. */
export const TICK_MS = 1000 / TICKS;

/** Amounts by name, none of them 0. */
export type Counts = Readonly<Record<string, number>>;

export interface DeviceState {
  readonly name: string;
  readonly counters: Counts;
  /** Packets by reason. */
  readonly drops: Counts;
  /** What its qdisc has seen. */
  readonly qdisc: Counts;
  /** By VNI, of a device with `vnifilter`. */
  readonly vnis: Readonly<Record<string, Counts>>;
}

/** Where a filter is, and what it says. */
export interface FilterPlaceState {
  readonly dev: string;
  readonly hook: string;
  readonly chain: number;
  readonly pref: number;
  readonly handle: number;
  /** Its line, without its actions. */
  readonly says: string;
  /** Which of its actions, from 0 on. */
  readonly order: number;
}

/** Tenths of seconds since an action was made, and since a packet met it last, and first. */
export interface ActionAges {
  readonly installed: number;
  readonly used?: number;
  readonly firstUsed?: number;
}

export interface ActionCountState {
  readonly kind: string;
  readonly index: number;
  /** Its words, without index and cookie. */
  readonly says: string;
  /** The first filter that has it; absent: it is there by itself. */
  readonly filter?: FilterPlaceState;
  readonly counters: Counts;
  /** Absent in files of earlier vteps. */
  readonly ages?: ActionAges;
}

export interface RemoteState {
  readonly address: string;
  readonly port: number;
  readonly vni: number;
  /** Name of the interface; absent: the route's. */
  readonly via?: string;
}

export interface FdbEntryRecord {
  readonly dev: string;
  readonly mac: string;
  readonly vni: number;
  readonly state: number;
  readonly flags: number;
  /** Tenths of seconds since it was looked up last, and heard of. */
  readonly used: number;
  readonly updated: number;
  readonly remotes: readonly RemoteState[];
}

export interface EndpointState {
  readonly format: typeof STATE_FORMAT;
  readonly version: typeof STATE_VERSION;
  /** When it was taken: milliseconds since the epoch, and since the start of the machine, which `boot` names. */
  readonly time: number;
  readonly uptime: number;
  readonly boot: string;
  readonly devices: readonly DeviceState[];
  readonly actions: readonly ActionCountState[];
  readonly fdb: readonly FdbEntryRecord[];
}

export interface StateMoment {
  readonly time: number;
  readonly uptime: number;
  readonly boot: string;
}

/** A device, as far as its state goes. */
export interface StatefulDevice {
  readonly index: number;
  readonly name: string;
  readonly filter?: Pick<VniFilter, 'taken' | 'states'>;
}

/** What a state is taken of, and given back to. */
export interface StateEndpoint {
  readonly devices: readonly StatefulDevice[];
  readonly rules: Pick<Rules, 'blocks' | 'actions' | 'qdiscsOf' | 'kindAt'>;
  readonly counters: {
    deviceValue(device: number, counter: number): number;
    reasonValue(d: number, r: number): number;
  };
  readonly actionCounters: { value(row: number, counter: number): number };
  readonly fdb: { list(device: number): FdbListed[] };
  interfaceName(ifindex: number): string | undefined;
}

/** Counters of a device that go on; those of its hook go with the qdisc. */
export const DEVICE_COUNTS: ReadonlyMap<string, number> = namesOf(DeviceCounter, /^HOOK_/);
export const QDISC_COUNTS: ReadonlyMap<string, number> = new Map([
  ['packets', DeviceCounter.HOOK_PACKETS],
  ['bytes', DeviceCounter.HOOK_BYTES],
  ['drops', DeviceCounter.HOOK_DROPS],
]);
/** Of an action, but for its ages. */
export const ACTION_COUNTS: ReadonlyMap<string, number> = namesOf(ActionCounter, /_USED$/);
export const VNI_COUNTS: ReadonlyMap<string, number> = namesOf(VniCounter, /^$/);

function namesOf(columns: Readonly<Record<string, number>>, without: RegExp): Map<string, number> {
  const kept = Object.entries(columns).filter(([name]) => !without.test(name));
  return new Map(kept.map(([name, column]) => [name.toLowerCase(), column]));
}

export function takeState(endpoint: StateEndpoint, moment: StateMoment): EndpointState {
  const { time, uptime, boot } = moment;
  return {
    ...{ format: STATE_FORMAT, version: STATE_VERSION, time, uptime, boot },
    devices: endpoint.devices.map((device) => deviceState(endpoint, device)),
    actions: actionStates(endpoint),
    fdb: endpoint.devices.flatMap((device) => fdbStates(endpoint, device)),
  };
}

/** As text, a record a line. */
export function* statePieces({ devices, actions, fdb, ...head }: EndpointState): Generator<string> {
  yield `${JSON.stringify(head).slice(0, -1)}`;
  for (const [name, list] of Object.entries({ devices, actions, fdb })) {
    yield `,\n"${name}":[`;
    for (const [n, record] of list.entries()) yield `${n === 0 ? '' : ','}\n${JSON.stringify(record)}`;
    yield ']';
  }
  yield '}\n';
}

function counts(columns: ReadonlyMap<string, number>, value: (column: number) => number): Counts {
  const found: Record<string, number> = {};
  for (const [name, column] of columns) {
    const amount = value(column);
    if (amount !== 0) found[name] = amount;
  }
  return found;
}

function deviceState({ counters, rules }: StateEndpoint, { index, name, filter }: StatefulDevice): DeviceState {
  const drops: Record<string, number> = {};
  REASONS.forEach((reason, number) => {
    const packets = counters.reasonValue(index, number);
    if (packets !== 0) drops[reason.name] = packets;
  });
  const [qdisc] = rules.kindAt(index) === undefined ? [] : rules.qdiscsOf(name);
  const seen = qdisc && Object.entries({ packets: qdisc.packets, bytes: qdisc.bytes, drops: qdisc.drops });
  const vnis = (filter?.states(name) ?? []).flatMap(({ vni, statistics: s }): [string, Counts][] => {
    if (!s) return [];
    const own = counts(VNI_COUNTS, (column) => {
      const columns = [s.rxPackets, s.rxBytes, s.rxDrops, s.rxErrors, s.txPackets, s.txBytes, s.txDrops, s.txErrors];
      return columns[column] ?? 0;
    });
    return Object.keys(own).length === 0 ? [] : [[`${vni}`, own]];
  });
  return {
    name,
    counters: counts(DEVICE_COUNTS, (counter) => counters.deviceValue(index, counter)),
    drops,
    qdisc: Object.fromEntries((seen ?? []).filter(([, amount]) => amount !== 0)),
    vnis: Object.fromEntries(vnis),
  };
}

/** An action's words, by which it is known. */
export function sayingOf(rules: Pick<Rules, 'actions'>, action: ActionInstance): string {
  const { index: _index, cookie: _cookie, ...spec } = rules.actions.state(action).spec;
  return actionWords(spec).slice(1).join(' ');
}

/** A filter's line, without its actions. */
export function lineOf(filter: Filter, block: FilterBlock): string {
  return filterCommand({ ...filter.spec, parent: block.shownParent, actions: [] }).join(' ');
}

/** Of more actions than this only those are kept that packets have met: each takes some 300 bytes of the file. */
export const MOST_IDLE = 50_000;

function actionStates({ devices, rules, actionCounters }: StateEndpoint): ActionCountState[] {
  const found: ActionCountState[] = [];
  const seen = new Set<ActionInstance>();
  const keepsIdle = rules.actions.size <= MOST_IDLE;
  const now = rules.actions.now();
  const take = (action: ActionInstance, place?: () => FilterPlaceState): void => {
    if (seen.has(action)) return;
    seen.add(action);
    const own = counts(ACTION_COUNTS, (column) => actionCounters.value(action.row, column));
    if (!keepsIdle && Object.keys(own).length === 0) return;
    const { kind, index } = action;
    const ages = agesOf(action, now, actionCounters);
    found.push({ kind, index, says: sayingOf(rules, action), ...(place && { filter: place() }), counters: own, ages });
  };
  for (const action of rules.actions.ownActions()) take(action);
  for (const { index, name } of devices)
    for (const [hook, block] of rules.blocks(index))
      for (const chain of block.chainNumbers)
        for (const filter of block.inMaskOrder(chain)) {
          const { pref } = filter.spec;
          const { handle } = filter;
          filter.actions.forEach((action, order) => {
            take(action, () => ({ dev: name, hook, chain, pref, handle, says: lineOf(filter, block), order }));
          });
        }
  return found;
}

function agesOf(
  { installed, row }: ActionInstance,
  now: number,
  counters: StateEndpoint['actionCounters'],
): ActionAges {
  const since = (time: number): number => Math.max(0, Math.round((now - time) / TICK_MS));
  const used = counters.value(row, ActionCounter.LAST_USED);
  const first = counters.value(row, ActionCounter.FIRST_USED);
  return {
    installed: since(installed),
    ...(used !== 0 && { used: since(used) }),
    ...(first !== 0 && { firstUsed: since(first) }),
  };
}

/** The youngest last, as they are made again. */
function fdbStates({ fdb, interfaceName }: StateEndpoint, { index, name }: StatefulDevice): FdbEntryRecord[] {
  return fdb
    .list(index)
    .reverse()
    .map(({ mac, vni, state, flags, used, updated, remotes }) => ({
      ...{ dev: name, mac: formatMac(mac), vni, state, flags, used, updated },
      remotes: remotes.map(({ address, port, vni: remoteVni, ifindex }) => {
        const via = ifindex === 0 ? undefined : interfaceName(ifindex);
        return { address: formatIp(address), port, vni: remoteVni, ...(via !== undefined && { via }) };
      }),
    }));
}

/** Whether two entries lead to the same places. */
export function isSameWay(a: Pick<FdbRecord, 'remotes'>, b: Pick<FdbRecord, 'remotes'>): boolean {
  return (
    a.remotes.length === b.remotes.length &&
    a.remotes.every((remote, n) => b.remotes[n] !== undefined && isSameRemote(remote, b.remotes[n]))
  );
}
