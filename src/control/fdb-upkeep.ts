/** What becomes of forwarding tables by themselves: what workers have learned and missed is told, what is old forgotten. */
import { NUD_STALE } from '../devices/fdb-layout.js';
import type { FdbNotice, FdbRecord, FdbRecords, FdbRemote } from '../devices/fdb-records.js';
import { VXLAN_AGEING } from '../iproute/vxlan-options.js';
import type { FdbChange, FdbDevice } from './fdb-entries.js';

/** Seconds between two looks for what has aged, at most (FDB_AGE_INTERVAL). */
const AGE_INTERVAL = 10;
/** The table counts time in tenths of seconds. */
export const TICKS = 10;

export interface UpkeepHost {
  device(index: number): FdbDevice | undefined;
  tell(change: FdbChange): void;
  /** An entry has changed, or these of its destinations. */
  changed(type: 'learned' | 'deleted', record: FdbRecord, remotes: readonly FdbRemote[]): void;
}

export class FdbUpkeep {
  private readonly table: FdbRecords;
  private readonly host: UpkeepHost;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(table: FdbRecords, host: UpkeepHost) {
    this.table = table;
    this.host = host;
    this.ageIn(AGE_INTERVAL * TICKS);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** The workers have notices. */
  hear(): void {
    for (const notice of this.table.notices()) this.tell(notice);
  }

  private tell(notice: FdbNotice): void {
    const { host } = this;
    if (notice.kind === 'lost') {
      host.tell({ type: 'lost', count: notice.count });
      return;
    }
    const device = host.device(notice.kind === 'learned' ? notice.record.device : notice.device);
    if (!device) return;
    switch (notice.kind) {
      case 'learned':
        host.changed('learned', notice.record, notice.record.remotes);
        break;
      case 'l2-miss':
        host.tell({ type: 'l2-miss', dev: device.name, mac: notice.mac });
        break;
      case 'l3-miss':
        host.tell({ type: 'l3-miss', dev: device.name, address: notice.address });
        break;
    }
  }

  /** Forgets what has not been heard of for too long, and looks again when the next may be due (vxlan_cleanup). */
  age(): void {
    if (this.closed) return;
    const ageing = (index: number): number => {
      const options = this.host.device(index)?.vxlan;
      return (options?.ageing ?? VXLAN_AGEING) * TICKS;
    };
    // The kernel makes an entry stale before it forgets it, and says so.
    const next = this.table.age(ageing, AGE_INTERVAL * TICKS, (record) =>
      this.host.changed('deleted', { ...record, state: NUD_STALE }, record.remotes),
    );
    this.ageIn(next);
  }

  private ageIn(ticks: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.age(), (ticks * 1000) / TICKS);
    this.timer.unref();
  }
}
