/**
 * An endpoint goes on from what an earlier one has counted and learned. What still has the same name, place and content
 * goes on; what has not is left, and counted, so that whoever reads the log knows.
 */

import type { RestoredCounts } from '../dataplane/restored-counts.js';
import { NTF_EXT_LEARNED, NUD_NOARP, NUD_PERMANENT } from '../devices/fdb-layout.js';
import type { FdbRecord, FdbRecords, FdbRefusal, FdbRemote } from '../devices/fdb-records.js';
import { parseIp, parseMac } from '../iproute/address.js';
import { ActionCounter } from '../memory/counters.js';
import { REASONS } from '../memory/reasons.js';
import type { ActionInstance } from './action-table.js';
import {
  ACTION_COUNTS,
  type ActionAges,
  type ActionCountState,
  type Counts,
  DEVICE_COUNTS,
  type DeviceState,
  type EndpointState,
  type FdbEntryRecord,
  isSameWay,
  lineOf,
  QDISC_COUNTS,
  type StateEndpoint,
  type StatefulDevice,
  type StateMoment,
  sayingOf,
  TICK_MS,
  VNI_COUNTS,
} from './endpoint-state.js';
import { isMade } from './fdb-entries.js';
import { TICKS } from './fdb-upkeep.js';

/** What is given back to. */
export interface RestoreTarget extends Omit<StateEndpoint, 'fdb' | 'counters' | 'actionCounters'> {
  readonly fdb: Pick<FdbRecords, 'get' | 'insert' | 'append' | 'setAges' | 'remove'>;
  findAction(kind: string, index: number): ActionInstance | undefined;
  interfaceIndex(name: string): number | undefined;
  /** Whether a device learns addresses of a VNI behind such a remote, and for how many seconds it keeps them. */
  learns(device: StatefulDevice, vni: number, addressBytes: number): number | undefined;
  /** Frames that the kernel dropped before vtep could read them. */
  restoreHostQueue(device: number, packets: number): void;
  addCounts(counts: RestoredCounts): Promise<void>;
}

export interface RestoreReport {
  readonly devices: number;
  readonly actions: number;
  readonly entries: number;
  /** Entries that have aged meanwhile. */
  readonly aged: number;
  /** What is not there any more, or says something else. */
  readonly unknown: { readonly devices: number; readonly actions: number; readonly entries: number };
}

type Triples = number[];

interface Gathered {
  readonly devices: Triples;
  readonly reasons: Triples;
  readonly actions: Triples;
  readonly vnis: Triples;
  readonly times: Triples;
}

/** Gives a state back; resolves when the workers have it. */
export async function restoreState(
  state: EndpointState,
  target: RestoreTarget,
  moment: StateMoment,
): Promise<RestoreReport> {
  const named = new Map(target.devices.map((device) => [device.name, device]));
  const gathered: Gathered = { devices: [], reasons: [], actions: [], vnis: [], times: [] };
  const known = state.devices.filter((each) => {
    const device = named.get(each.name);
    if (device) gatherDevice(each, device, target, gathered);
    return device !== undefined;
  });
  const away = ticksBetween(state, moment);
  const actions = state.actions.filter((each) => gatherAction(each, away, named, target, gathered));
  const outcomes = state.fdb.map((each) => restoreEntry(each, away, named.get(each.dev), target));
  const outcome = (what: Outcome): number => outcomes.filter((each) => each === what).length;
  await target.addCounts({
    devices: Float64Array.from(gathered.devices),
    reasons: Float64Array.from(gathered.reasons),
    actions: Float64Array.from(gathered.actions),
    vnis: Float64Array.from(gathered.vnis),
    times: Float64Array.from(gathered.times),
  });
  return {
    devices: known.length,
    actions: actions.length,
    entries: outcome('restored'),
    aged: outcome('aged'),
    unknown: {
      devices: state.devices.length - known.length,
      actions: state.actions.length - actions.length,
      entries: outcome('unknown'),
    },
  };
}

/** What became of it, as a sentence. */
export function reportSentence({ devices, actions, entries, aged, unknown }: RestoreReport): string {
  const things = (d: number, a: number, e: number): string =>
    `${amountOf(d, 'device')}, ${amountOf(a, 'action')} and ${amountOf(e, 'forwarding entry', 'forwarding entries')}`;
  const left = unknown.devices + unknown.actions + unknown.entries;
  return [
    `${things(devices, actions, entries)} go on from there`,
    ...(aged > 0 ? [`${amountOf(aged, 'entry', 'entries')} aged meanwhile`] : []),
    ...(left > 0 ? [`not here any more: ${things(unknown.devices, unknown.actions, unknown.entries)}`] : []),
  ].join('; ');
}

function amountOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Tenths of seconds that have passed: by the clock that does not jump, where the machine still runs. */
export function ticksBetween(before: StateMoment, now: StateMoment): number {
  const milliseconds =
    before.boot !== '' && before.boot === now.boot ? now.uptime - before.uptime : now.time - before.time;
  return Math.max(0, Math.round((milliseconds * TICKS) / 1000));
}

/** Amounts under names that this vtep knows. */
function push(into: Triples, row: number, counts: Counts, columns: ReadonlyMap<string, number>): void {
  for (const [name, amount] of Object.entries(counts)) {
    const column = columns.get(name);
    if (column !== undefined) into.push(row, column, amount);
  }
}

const REASON_NUMBERS = new Map<string, number>(REASONS.map(({ name }, number) => [name, number]));

function gatherDevice(state: DeviceState, device: StatefulDevice, target: RestoreTarget, to: Gathered): void {
  const { index, filter } = device;
  push(to.devices, index, state.counters, DEVICE_COUNTS);
  if (target.rules.kindAt(index) !== undefined) push(to.devices, index, state.qdisc, QDISC_COUNTS);
  const { 'tap-queue-full': hostQueue = 0, ...drops } = state.drops;
  push(to.reasons, index, drops, REASON_NUMBERS);
  if (hostQueue > 0) target.restoreHostQueue(index, hostQueue);
  for (const [vni, row] of filter?.taken ?? []) push(to.vnis, row, state.vnis[`${vni}`] ?? {}, VNI_COUNTS);
}

/** False where there is no such action any more. */
function gatherAction(
  state: ActionCountState,
  away: number,
  named: ReadonlyMap<string, StatefulDevice>,
  target: RestoreTarget,
  to: Gathered,
): boolean {
  const action = state.filter ? boundAction(state, named, target) : target.findAction(state.kind, state.index);
  if (action?.kind !== state.kind || sayingOf(target.rules, action) !== state.says) return false;
  push(to.actions, action.row, state.counters, ACTION_COUNTS);
  if (state.ages) giveAges(action, state.ages, target.rules.actions.now() - away * TICK_MS, to.times);
  return true;
}

/** `then`: the steady clock when the ages were taken. */
function giveAges(action: ActionInstance, { installed, used, firstUsed }: ActionAges, then: number, to: Triples): void {
  action.wasInstalled(then - installed * TICK_MS);
  if (used !== undefined) to.push(action.row, ActionCounter.LAST_USED, then - used * TICK_MS);
  if (firstUsed !== undefined) to.push(action.row, ActionCounter.FIRST_USED, then - firstUsed * TICK_MS);
}

function boundAction(
  { filter: place }: ActionCountState,
  named: ReadonlyMap<string, StatefulDevice>,
  { rules }: RestoreTarget,
): ActionInstance | undefined {
  const device = place && named.get(place.dev);
  const block = device && rules.blocks(device.index).get(place.hook);
  if (!block) return undefined;
  const filter = block.at(place.chain, place.pref, place.handle);
  return filter && lineOf(filter, block) === place.says ? filter.actions[place.order] : undefined;
}

type Outcome = 'restored' | 'aged' | 'unknown';

function restoreEntry(
  entry: FdbEntryRecord,
  away: number,
  device: StatefulDevice | undefined,
  target: RestoreTarget,
): Outcome {
  const mac = parseMac(entry.mac);
  const remotes = entry.remotes.map((remote) => remoteOf(remote, target));
  if (!device || !mac || remotes.length === 0 || !remotes.every((remote) => remote !== undefined)) return 'unknown';
  const { vni, state, flags } = entry;
  const used = entry.used + away;
  const updated = entry.updated + away;
  const record: FdbRecord = { device: device.index, mac, vni, state, flags, used, updated, remotes };
  const { fdb } = target;
  const there = fdb.get(record);
  if (there) {
    // What people have made comes from their file, and what was heard of since is younger: then there is only the age.
    if (!isSameWay(there, record)) return 'unknown';
    if (isMade(there)) fdb.setAges(record, used, updated);
    return 'restored';
  }
  const [first, ...more] = remotes;
  const keeps = target.learns(device, vni, first?.address.length ?? 0);
  if (isMade(record) || isMulticast(mac) || keeps === undefined || !first) return 'unknown';
  const ages = (state & (NUD_PERMANENT | NUD_NOARP)) === 0 && (flags & NTF_EXT_LEARNED) === 0;
  if (ages && updated >= keeps * TICKS) return 'aged';
  let refusal: FdbRefusal | undefined = fdb.insert(record, state, flags, first);
  for (const remote of more) refusal ??= fdb.append(record, remote);
  if (refusal !== undefined) return 'unknown';
  fdb.setAges(record, used, updated);
  return 'restored';
}

function remoteOf(
  { address, port, vni, via }: FdbEntryRecord['remotes'][number],
  { interfaceIndex }: RestoreTarget,
): FdbRemote | undefined {
  const bytes = parseIp(address);
  const ifindex = via === undefined ? 0 : interfaceIndex(via);
  return bytes && ifindex !== undefined ? { address: bytes, port, vni, ifindex } : undefined;
}

function isMulticast(mac: Uint8Array): boolean {
  return ((mac[0] ?? 0) & 1) !== 0 || mac.every((byte) => byte === 0);
}
