import type { FdbKey, FdbListed, FdbRecords } from '../devices/fdb-records.js';

interface Touched {
  readonly key: FdbKey;
  readonly before: FdbListed | undefined;
  /** When it was looked at, on the table's clock. */
  readonly at: number;
}

/**
 * What a transaction does to forwarding tables. Workers forward by them meanwhile, and learn: so an entry is noted as it
 * was before the first edit of it, and taken back alone, with its age and its place; what was learned elsewhere stays.
 * The cost is that of the edits, however large the table is.
 */
export class FdbJournal {
  private readonly table: FdbRecords;
  private touched: Map<string, Touched> | undefined;
  private waiting: (() => void)[] = [];

  constructor(table: FdbRecords) {
    this.table = table;
  }

  /** A transaction begins. */
  open(): void {
    this.touched = new Map();
  }

  /** An entry is about to be edited, made or removed. */
  touch(key: FdbKey): void {
    if (!this.touched) return;
    const name = `${key.device} ${key.vni} ${key.mac}`;
    if (this.touched.has(name)) return;
    const { device, mac, vni } = key;
    this.touched.set(name, { key: { device, mac, vni }, before: this.table.get(key), at: this.table.time() });
  }

  /** Tells of an edit: at the end of a transaction, and never where that is taken back. */
  tell(work: () => void): void {
    if (this.touched) this.waiting.push(work);
    else work();
  }

  /** The transaction ends, and its edits stay. */
  keep(): void {
    const { waiting } = this;
    this.touched = undefined;
    this.waiting = [];
    for (const work of waiting) work();
  }

  /** The transaction ends, and what it has edited is as it was. */
  rollBack(): void {
    const touched = [...(this.touched?.values() ?? [])];
    this.touched = undefined;
    this.waiting = [];
    if (touched.length === 0) return;
    this.table.together(() => {
      // What goes makes room for what comes back.
      for (const { key } of touched) this.table.remove(key);
      for (const { before, at } of touched) if (before) this.table.putBack(before, at);
    });
  }
}
