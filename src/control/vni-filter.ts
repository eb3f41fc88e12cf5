/**
 * The VNI filters of devices with `vnifilter`, as `bridge vni` edits and shows them: the kernel's
 * drivers/net/vxlan/vxlan_vnifilter.c.
 */
import { isIpMulticast } from '../iproute/address.js';
import { CommandError, type VxlanOptions } from '../iproute/commands.js';
import type { VniRange, VniState, VniStatistics } from '../iproute/fdb-types.js';
import { MAX_VNIS, VniCounter, type VniCounters } from '../memory/vni-counters.js';
import { FreeNumbers } from './free-numbers.js';
import { fdbAnswers, fdbRefused } from './refusal.js';
import type { TakenVni } from './underlay-pool.js';

interface Vni {
  /** All zeros, and none at all, are the device's own. */
  remote?: Uint8Array;
  readonly row: number;
}

/** What editing a filter does beyond it. */
export interface VniEffects {
  /** Whether another device takes the VNI on the same port. */
  isInUse(vni: number): boolean;
  /** Frames of the VNI without another entry go to `after` from now on, and no longer to `before`. */
  redirect(vni: number, before: Uint8Array | undefined, after: Uint8Array | undefined): void;
  /** Receives a multicast group, or not any more. */
  join(group: Uint8Array): void;
  leave(group: Uint8Array): void;
}

/** Rows of counters for the VNIs of all devices. */
export class VniRows {
  readonly counters: readonly VniCounters[];
  private readonly numbers = new FreeNumbers(0);
  private used = 0;
  /** Given back in a transaction, which may want them again. */
  private held: Set<number> | undefined;

  /** `counters`: the set of each worker. */
  constructor(counters: readonly VniCounters[]) {
    this.counters = counters;
  }

  /** Whether so many more have room. */
  hasRoom(more: number): boolean {
    return this.used + more <= MAX_VNIS;
  }

  take(): number {
    this.used++;
    const row = this.numbers.next();
    for (const set of this.counters) set.clear(row);
    return row;
  }

  /** A transaction begins: what is given back is nobody's until `release`. */
  hold(): void {
    this.held = new Set();
  }

  release(): void {
    const rows = this.held ?? [];
    this.held = undefined;
    for (const row of rows) this.give(row);
  }

  /** Takes a row, with its statistics, that was given back in the same transaction. */
  takeAgain(row: number): void {
    this.held?.delete(row);
  }

  give(row: number): void {
    if (this.held) {
      this.held.add(row);
      return;
    }
    this.used--;
    this.numbers.release(row);
  }
}

/** The VNIs of a filter as they were. */
export type VniSnapshot = ReadonlyMap<number, Readonly<Vni>>;

export class VniFilter {
  private readonly rows: VniRows;
  private readonly effects: VniEffects;
  private readonly vnis = new Map<number, Vni>();

  constructor(rows: VniRows, effects: VniEffects) {
    this.rows = rows;
    this.effects = effects;
  }

  has(vni: number): boolean {
    return this.vnis.has(vni);
  }

  get taken(): TakenVni[] {
    return [...this.vnis].map(([vni, { row }]) => [vni, row]);
  }

  /** Multicast groups of its VNIs, each as often as it is named. */
  get groups(): Uint8Array[] {
    return [...this.vnis.values()].flatMap(({ remote }) => (remote && isIpMulticast(remote) ? [remote] : []));
  }

  /** Adds VNIs, or gives them another remote. Throws CommandError, and has changed nothing then. */
  add(options: VxlanOptions, ranges: readonly VniRange[], remote: Uint8Array | undefined): void {
    const wanted = numbersOf(ranges);
    if (remote !== undefined && isIpMulticast(remote) && options.dev === undefined) {
      throw fdbRefused('Local interface required for multicast remote group');
    }
    const fresh = new Set(wanted.filter((vni) => !this.vnis.has(vni)));
    for (const vni of fresh) if (this.effects.isInUse(vni)) throw fdbRefused('VNI in use');
    if (!this.rows.hasRoom(fresh.size)) throw new CommandError(`vtep: more than ${MAX_VNIS} VNIs in filters`, 255);
    for (const vni of fresh) this.vnis.set(vni, { row: this.rows.take() });
    for (const vni of wanted) this.update(options, vni, remote, fresh.has(vni));
  }

  /** Takes VNIs away. Throws CommandError, and has changed nothing then. */
  remove(options: VxlanOptions, ranges: readonly VniRange[]): void {
    const wanted = numbersOf(ranges);
    if (wanted.some((vni) => !this.vnis.has(vni))) throw fdbAnswers('No such file or directory');
    for (const vni of wanted) this.drop(options, vni);
  }

  /** Has the VNIs be these. Throws CommandError, and has changed nothing then. */
  adopt(options: VxlanOptions, wanted: readonly VniState[]): void {
    const numbers = new Set(wanted.map(({ vni }) => vni));
    const fresh = wanted.filter(({ vni }) => !this.vnis.has(vni));
    if (fresh.some(({ vni }) => this.effects.isInUse(vni))) throw fdbRefused('VNI in use');
    for (const vni of [...this.vnis.keys()]) if (!numbers.has(vni)) this.drop(options, vni);
    for (const { vni, remote } of wanted) this.add(options, [{ first: vni, last: vni }], remote);
  }

  snapshot(): VniSnapshot {
    return new Map([...this.vnis].map(([vni, one]) => [vni, { ...one }]));
  }

  /** Has the VNIs be as they were earlier in a transaction, with their statistics. */
  restore(options: VxlanOptions, before: VniSnapshot): void {
    for (const vni of [...this.vnis.keys()]) if (!before.has(vni)) this.drop(options, vni);
    for (const [vni, { row, remote }] of before) {
      const now = this.vnis.get(vni);
      if (now?.row !== row) {
        if (now) this.rows.give(now.row);
        this.rows.takeAgain(row);
        this.vnis.set(vni, { row, ...(now?.remote && { remote: now.remote }) });
      }
      this.update(options, vni, remote, now === undefined);
    }
  }

  /** The device's own remote is another from now on. */
  changeDefault(before: VxlanOptions, after: VxlanOptions): void {
    for (const [vni, { remote }] of this.vnis) {
      if (given(remote) === undefined) this.effects.redirect(vni, given(before.remote), given(after.remote));
    }
  }

  /** The device is going. */
  clear(): void {
    for (const { row } of this.vnis.values()) this.rows.give(row);
    this.vnis.clear();
  }

  states(dev: string): VniState[] {
    return [...this.vnis]
      .sort(([a], [b]) => a - b)
      .map(([vni, { remote, row }]) => ({
        dev,
        vni,
        ...(given(remote) && { remote }),
        statistics: this.statisticsOf(row),
      }));
  }

  /** vxlan_vni_update_group */
  private update(options: VxlanOptions, vni: number, remote: Uint8Array | undefined, isNew: boolean): void {
    const one = this.vnis.get(vni);
    if (!one) return;
    const old = given(one.remote);
    const own = given(options.remote);
    const before = isNew ? undefined : (old ?? own);
    const after = given(remote) ?? own;
    if (`${before}` !== `${after}`) this.effects.redirect(vni, before, after);
    if (`${old}` === `${given(remote)}`) return;
    if (old && isIpMulticast(old)) this.effects.leave(old);
    if (remote && isIpMulticast(remote)) this.effects.join(remote);
    if (remote === undefined) delete one.remote;
    else one.remote = remote;
  }

  private drop(options: VxlanOptions, vni: number): void {
    const one = this.vnis.get(vni);
    if (!one) return;
    this.effects.redirect(vni, given(one.remote) ?? given(options.remote), undefined);
    if (one.remote && isIpMulticast(one.remote)) this.effects.leave(one.remote);
    this.vnis.delete(vni);
    this.rows.give(one.row);
  }

  private statisticsOf(row: number): VniStatistics {
    const sum = (counter: number): number =>
      this.rows.counters.reduce((total, set) => total + set.value(row, counter), 0);
    return {
      rxBytes: sum(VniCounter.RX_BYTES),
      rxPackets: sum(VniCounter.RX_PACKETS),
      rxDrops: sum(VniCounter.RX_DROPS),
      rxErrors: sum(VniCounter.RX_ERRORS),
      txBytes: sum(VniCounter.TX_BYTES),
      txPackets: sum(VniCounter.TX_PACKETS),
      txDrops: sum(VniCounter.TX_DROPS),
      txErrors: sum(VniCounter.TX_ERRORS),
    };
  }
}

function numbersOf(ranges: readonly VniRange[]): number[] {
  if (ranges.some(({ last }) => last === 0)) throw fdbRefused('vni start nor end found in vni entry');
  const numbers = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (numbers > MAX_VNIS) throw new CommandError(`vtep: more than ${MAX_VNIS} VNIs in filters`, 255);
  return ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, n) => first + n));
}

/** All zeros are no address. */
function given(address: Uint8Array | undefined): Uint8Array | undefined {
  return address?.some((byte) => byte !== 0) === true ? address : undefined;
}
