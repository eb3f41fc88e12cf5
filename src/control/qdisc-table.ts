/** The qdiscs that have hooks, ingress and clsact, by device, and what has passed each since it was made. */
import type { FilterParent } from '../iproute/commands.js';
import { type Counters, DeviceCounter } from '../memory/counters.js';
import type { FilterBlock } from './filter-block.js';
import { byRank } from './filter-chain.js';
import type { Journal } from './journal.js';

export interface Hooks {
  readonly ingress: FilterBlock;
  /** Of clsact only. */
  readonly egress?: FilterBlock;
}

export interface Qdisc extends Hooks {
  readonly kind: 'ingress' | 'clsact';
  /** What the device's hook had counted when the qdisc was made. */
  readonly before: HookCounts;
  /** Ascending in order of creation. */
  rank: number;
}

export interface HookCounts {
  readonly packets: number;
  readonly bytes: number;
  readonly drops: number;
}

export class QdiscTable {
  private readonly counters: Pick<Counters, 'deviceValue'>;
  private readonly journal: Journal;
  private readonly qdiscs = new Map<number, Qdisc>();
  private ranks = 0;

  /** Edits are noted in `journal`. */
  constructor(counters: Pick<Counters, 'deviceValue'>, journal: Journal) {
    this.counters = counters;
    this.journal = journal;
  }

  get(device: number): Qdisc | undefined {
    return this.qdiscs.get(device);
  }

  values(): Iterable<Qdisc> {
    return this.qdiscs.values();
  }

  add(device: number, kind: Qdisc['kind'], hooks: Hooks): void {
    this.qdiscs.set(device, { kind, ...hooks, before: this.counts(device), rank: this.ranks++ });
    this.journal.note(() => this.qdiscs.delete(device));
  }

  remove(device: number): void {
    const qdisc = this.qdiscs.get(device);
    if (!qdisc) return;
    this.qdiscs.delete(device);
    this.journal.note(() => this.qdiscs.set(device, qdisc));
  }

  /** In order of creation. */
  inOrder(): (Qdisc & { readonly device: number })[] {
    return byRank([...this.qdiscs].map(([device, qdisc]) => ({ device, ...qdisc })));
  }

  /** Has qdiscs shown in the order of these devices. */
  order(devices: readonly number[]): void {
    for (const device of devices) {
      const qdisc = this.qdiscs.get(device);
      if (!qdisc) continue;
      const { rank } = qdisc;
      qdisc.rank = this.ranks++;
      this.journal.note(() => {
        qdisc.rank = rank;
      });
    }
  }

  /** What has passed a qdisc. */
  counted(device: number, { before }: Qdisc): HookCounts {
    const now = this.counts(device);
    return {
      packets: now.packets - before.packets,
      bytes: now.bytes - before.bytes,
      drops: now.drops - before.drops,
    };
  }

  private counts(device: number): HookCounts {
    const { counters } = this;
    return {
      packets: counters.deviceValue(device, DeviceCounter.HOOK_PACKETS),
      bytes: counters.deviceValue(device, DeviceCounter.HOOK_BYTES),
      drops: counters.deviceValue(device, DeviceCounter.HOOK_DROPS),
    };
  }
}

/**
 * The block that a parent names (the tcf_block functions of net/sched/sch_ingress.c): an ingress qdisc has one,
 * whatever it is called, and `parent ffff:` is no hook of clsact.
 */
export function blockOf(qdisc: Qdisc, parent: FilterParent): FilterBlock | undefined {
  if (qdisc.kind === 'ingress') return qdisc.ingress;
  if (parent === 'ffff:') return undefined;
  return parent === 'egress' ? qdisc.egress : qdisc.ingress;
}
