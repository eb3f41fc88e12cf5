/** What workers tell of the forwarding table, read from a ring in it. */
import { EVENT_WORDS, EventWord, FDB_EVENTS, FdbAt, FdbEventKind, HeaderWord } from './fdb-layout.js';
import { type FdbRows, macOf } from './fdb-rows.js';
import type { FdbNotice } from './fdb-types.js';

export class FdbNotices {
  private readonly rows: FdbRows;
  private readonly words: Int32Array;
  private lost = 0;

  constructor(rows: FdbRows) {
    this.rows = rows;
    this.words = rows.words;
  }

  /** What workers have told since the last call. */
  take(): FdbNotice[] {
    const { words } = this;
    Atomics.store(words, HeaderWord.TOLD, 0);
    const notices: FdbNotice[] = [];
    const written = Atomics.load(words, HeaderWord.EVENTS_WRITTEN);
    let read = words[HeaderWord.EVENTS_READ];
    for (; read !== written; read = (read + 1) | 0) {
      notices.push(this.notice(FdbAt.EVENTS + (read & (FDB_EVENTS - 1)) * EVENT_WORDS));
    }
    Atomics.store(words, HeaderWord.EVENTS_READ, read);
    const lost = Atomics.load(words, HeaderWord.EVENTS_LOST);
    if (lost !== this.lost) notices.push({ kind: 'lost', count: (lost - this.lost) | 0 });
    this.lost = lost;
    return notices;
  }

  private notice(at: number): FdbNotice {
    const { words } = this;
    const kind = words[at + EventWord.KIND];
    const device = words[at + EventWord.DEVICE];
    const mac = macOf(words[at + EventWord.MAC_HIGH], words[at + EventWord.MAC_LOW]);
    if (kind === FdbEventKind.L2_MISS) return { kind: 'l2-miss', device, mac };
    const remote = this.rows.readRemote(at + EventWord.REMOTE);
    if (kind === FdbEventKind.L3_MISS) return { kind: 'l3-miss', device, address: remote.address };
    const vni = words[at + EventWord.VNI];
    const state = words[at + EventWord.STATE];
    const flags = words[at + EventWord.FLAGS];
    return { kind: 'learned', record: { device, mac, vni, state, flags, used: 0, updated: 0, remotes: [remote] } };
  }
}
