/** The entries of a vxlan device's forwarding table as a whole: saved, adopted from a file, filled into another table. */
import type { FdbListed, FdbRecord, FdbRecords } from '../devices/fdb-records.js';
import { type FdbDevice, isMade, isSameRecord } from './fdb-entries.js';
import type { FdbJournal } from './fdb-journal.js';

export class FdbContents {
  private readonly table: FdbRecords;
  private readonly journal: FdbJournal;
  /** Is told of every entry that `adopt` has changed. */
  private readonly edited: (type: 'changed' | 'deleted', record: FdbRecord) => void;

  constructor(
    table: FdbRecords,
    journal: FdbJournal,
    edited: (type: 'changed' | 'deleted', record: FdbRecord) => void,
  ) {
    this.table = table;
    this.journal = journal;
    this.edited = edited;
  }

  /** The entries that commands have made, the oldest first, as they were typed. */
  made(device: FdbDevice): FdbRecord[] {
    return this.table.list(device.index).filter(isMade).reverse();
  }

  /** Every entry, to `fill` another table with. */
  entries(device: FdbDevice): FdbListed[] {
    return this.table.list(device.index);
  }

  /** Has these be all the entries of a device. */
  fill(device: FdbDevice, entries: readonly FdbListed[]): void {
    for (const record of this.table.list(device.index)) this.table.remove(record);
    for (const entry of entries) this.table.putBack({ ...entry, device: device.index }, this.table.time());
  }

  /** Has the entries that commands make be these, the oldest first; those that are so already are not touched. */
  adopt(device: FdbDevice, wanted: readonly FdbRecord[]): void {
    const changes: (() => void)[] = [];
    this.table.together(() => {
      const nameOf = ({ mac, vni }: FdbRecord): string => `${mac} ${vni}`;
      const kept = new Set<string>();
      const named = new Map(wanted.map((record) => [nameOf(record), record]));
      for (const record of this.table.list(device.index)) {
        const other = named.get(nameOf(record));
        if (other && isSameRecord(record, other)) {
          kept.add(nameOf(record));
        } else if (other || isMade(record)) {
          this.journal.touch(record);
          this.table.remove(record);
          changes.push(() => this.edited('deleted', record));
        }
      }
      for (const { mac, vni, state, flags, remotes } of wanted.filter((record) => !kept.has(nameOf(record)))) {
        const key = { device: device.index, mac, vni };
        const [first, ...more] = remotes;
        this.journal.touch(key);
        if (first) this.table.insert(key, state, flags, first);
        for (const remote of more) this.table.append(key, remote);
        const now = this.table.get(key);
        if (now) changes.push(() => this.edited('changed', now));
      }
    });
    for (const change of changes) change();
  }
}
