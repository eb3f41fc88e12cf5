/** The control thread's side of the forwarding table: edits and ageing, under its lock, and lists. */
import { TUNNEL_WORDS } from '../memory/tunnel.js';
import {
  ADDED_BY_USER,
  DEVICE_WORDS,
  DeviceWord,
  ENTRY_REMOTES,
  ENTRY_WORDS,
  EntryWord,
  FDB_ENTRIES,
  FdbAt,
  HeaderWord,
} from './fdb-layout.js';
import { FdbNotices } from './fdb-notices.js';
import { FdbRows, halves } from './fdb-rows.js';
import { FdbStore } from './fdb-store.js';
import type { FdbKey, FdbListed, FdbListener, FdbNotice, FdbRecord, FdbRefusal, FdbRemote } from './fdb-types.js';

/** Entries that `age` takes away in one call: some 10 ms of work. */
const AGE_STEP = 4096;

export class FdbRecords {
  listener: FdbListener | undefined;
  private readonly store = new FdbStore();
  private readonly words = this.store.words;
  private readonly rows = new FdbRows(this.store);
  private readonly told = new FdbNotices(this.rows);
  /** This thread holds the lock, and is changing the table. */
  private isTogether = false;

  /** For workers. */
  get buffer(): SharedArrayBuffer {
    return this.store.buffer;
  }

  /** Whether a thread that has ended by now was writing, and nobody knows what stands there. */
  isTorn(): boolean {
    const { lock } = this.store;
    lock.exclude();
    lock.admit();
    return lock.isTorn;
  }

  /** A device's limit of entries (0: none), and the tunnel record of what its remotes do not say themselves. */
  setDevice(device: number, limit: number, defaults: Int32Array): void {
    this.change(() => {
      const at = FdbAt.DEVICES + device * DEVICE_WORDS;
      for (let w = 0; w < TUNNEL_WORDS; w++) Atomics.store(this.words, at + DeviceWord.DEFAULTS + w, defaults[w]);
      Atomics.store(this.words, at + DeviceWord.LIMIT, limit | 0);
    });
  }

  /** Whether workers may learn addresses for a device. */
  setOpen(device: number, open: boolean): void {
    this.change(() => {
      Atomics.store(this.words, FdbAt.DEVICES + device * DEVICE_WORDS + DeviceWord.OPEN, open ? 1 : 0);
    });
  }

  /** Tenths of seconds since the table was made. */
  time(): number {
    return this.store.time();
  }

  get(key: FdbKey): FdbListed | undefined {
    return this.alone(() => {
      const entry = this.rows.find(key);
      if (entry < 0) return undefined;
      const said = this.listener?.saidOf(key);
      return { ...this.rows.read(entry), ...(said && { said }) };
    });
  }

  /** Every entry of a device, or of all, the youngest first, as the kernel lists them. */
  list(device?: number): FdbListed[] {
    return [...this.each(device)];
  }

  /**
   * The same, each read when it is asked for: a full table takes as long to read as a hundred others. Those that are there
   * now are listed, but for what goes before its turn comes.
   */
  each(device?: number): Iterable<FdbListed> {
    return this.inOrder(this.order(device), device);
  }

  /** Numbers of entries, the youngest first; above them, in one number with each, its age in entries made since. */
  private order(device: number | undefined): Float64Array {
    const { words } = this;
    const fresh = words[HeaderWord.FRESH_ENTRY];
    const newest = Atomics.load(words, HeaderWord.SERIAL);
    const order = new Float64Array(fresh);
    let found = 0;
    for (let entry = 0; entry < fresh; entry++) {
      const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
      // One that was made meanwhile is the youngest.
      if (this.rows.isLive(row, device))
        order[found++] = Math.max(0, (newest - words[row + EntryWord.SERIAL]) | 0) * FDB_ENTRIES + entry;
    }
    return order.subarray(0, found).sort();
  }

  private *inOrder(order: Float64Array, device: number | undefined): Generator<FdbListed> {
    for (const place of order) {
      const entry = place % FDB_ENTRIES;
      const record = this.alone(() => {
        return this.rows.isLive(FdbAt.ENTRIES + entry * ENTRY_WORDS, device) ? this.rows.read(entry) : undefined;
      });
      if (record) yield record;
    }
  }

  /** Adds an entry with one remote. */
  insert(key: FdbKey, state: number, flags: number, remote: FdbRemote): FdbRefusal | undefined {
    return this.change(() => {
      if (this.rows.find(key) >= 0) return 'exists';
      const { high, low } = halves(key.mac);
      const entry = this.store.insert(key.device, high, low, key.vni, this.store.time());
      if (entry < 0) return 'full';
      const row = this.store.addRemote(entry);
      if (row < 0) {
        this.store.remove(entry);
        return 'full';
      }
      this.rows.setEntry(entry, state, flags);
      this.rows.putRemote(row, remote);
      if (this.rows.isMade(entry)) this.listener?.said(key, remote.address);
      return undefined;
    });
  }

  /** Makes an entry again that was there, and is not, as it was read at `at`: with the age that it has by now. */
  putBack({ device, mac, vni, state, flags, used, updated, remotes, serial, said }: FdbListed, at: number): void {
    const [first, ...more] = remotes;
    const key = { device, mac, vni };
    this.change(() => {
      if (!first || this.insert(key, state, flags, first) !== undefined) return;
      for (const remote of more) this.append(key, remote);
      if (said) {
        this.listener?.unsaid(key);
        for (const address of said) this.listener?.said(key, address);
      }
      const row = FdbAt.ENTRIES + this.rows.find(key) * ENTRY_WORDS;
      Atomics.store(this.words, row + EntryWord.USED, at - used);
      Atomics.store(this.words, row + EntryWord.UPDATED, at - updated);
      Atomics.store(this.words, row + EntryWord.SERIAL, serial);
    });
  }

  /** Gives an entry the age that an earlier table had for it: tenths of seconds since it was used, and heard of. */
  setAges(key: FdbKey, used: number, updated: number): void {
    this.change(() => {
      const entry = this.rows.find(key);
      if (entry < 0) return;
      const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
      Atomics.store(this.words, row + EntryWord.USED, this.store.time() - used);
      Atomics.store(this.words, row + EntryWord.UPDATED, this.store.time() - updated);
    });
  }

  /** Gives an entry another state and other flags. */
  setState(key: FdbKey, state: number, flags: number): void {
    this.change(() => {
      const entry = this.rows.find(key);
      if (entry < 0) return;
      this.rows.setEntry(entry, state, flags);
      this.saidAnew(key, entry);
      Atomics.store(this.words, FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.UPDATED, this.store.time());
    });
  }

  /** Adds a remote to an entry, unless it has it. */
  append(key: FdbKey, remote: FdbRemote): FdbRefusal | undefined {
    return this.change(() => {
      const entry = this.rows.find(key);
      if (entry < 0) return 'none';
      if (this.rows.remoteOf(entry, remote) >= 0) return undefined;
      if (this.words[FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.REMOTES] >= ENTRY_REMOTES)
        return 'too-many-remotes';
      const row = this.store.addRemote(entry);
      if (row < 0) return 'full';
      this.rows.putRemote(row, remote);
      if (this.rows.isMade(entry)) this.listener?.said(key, remote.address);
      return undefined;
    });
  }

  /** Puts a remote in the place of an entry's first one, unless the entry has it. */
  replaceRemote(key: FdbKey, remote: FdbRemote): FdbRefusal | undefined {
    return this.change(() => {
      const entry = this.rows.find(key);
      if (entry < 0) return 'none';
      if (this.rows.remoteOf(entry, remote) >= 0) return undefined;
      this.rows.putRemote(this.words[FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.REMOTE], remote);
      this.saidAnew(key, entry);
      return undefined;
    });
  }

  /** Takes a remote from an entry, and the entry with the last one; without `remote` all of it. */
  remove(key: FdbKey, remote?: FdbRemote): FdbRefusal | undefined {
    return this.change(() => {
      const entry = this.rows.find(key);
      if (entry < 0) return 'none';
      const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
      if (remote !== undefined) {
        const which = this.rows.remoteOf(entry, remote);
        if (which < 0) return undefined;
        if (this.words[row + EntryWord.REMOTES] > 1) {
          if (this.rows.isMade(entry)) this.listener?.unsaid(key, remote.address);
          this.store.removeRemote(entry, which);
          return undefined;
        }
      }
      if (this.rows.isMade(entry)) this.listener?.unsaid(key);
      this.store.remove(entry);
      return undefined;
    });
  }

  /**
   * Takes away what may age (learned, or said to be dynamic, by nobody else's control plane) and was not heard of for
   * as many tenths of seconds as `ageing` has for its device; hands each record to `told`. Returns the tenths of
   * seconds after which the next one may be due, at most `most` (vxlan_cleanup). No more than AGE_STEP go at once: a
   * flood's addresses would keep everybody waiting.
   */
  age(ageing: (device: number) => number, most: number, told: (record: FdbRecord) => void): number {
    const { words } = this;
    let next = most;
    let steps = AGE_STEP;
    for (let entry = 0; entry < words[HeaderWord.FRESH_ENTRY]; entry++) {
      const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
      if (!this.rows.canAge(row)) continue;
      const limit = ageing(words[row + EntryWord.DEVICE]);
      const left = (): number => limit - (this.store.time() - Atomics.load(words, row + EntryWord.UPDATED));
      if (left() > 0) {
        next = Math.min(next, left());
        continue;
      }
      const gone = this.change(() => {
        // Heard of meanwhile, or another's by now.
        if (!this.rows.canAge(row) || left() > 0) return undefined;
        const record = this.rows.read(entry);
        if (this.rows.isMade(entry)) this.listener?.unsaid(record);
        this.store.remove(entry);
        return record;
      });
      if (!gone) continue;
      told(gone);
      if (--steps === 0) return 1;
    }
    return Math.max(1, next);
  }

  /** What workers have told since the last call. */
  notices(): FdbNotice[] {
    return this.told.take();
  }

  // ---- under the lock ------------------------------------------------------------------------------------------

  /** Does several edits of which the workers see all or none. */
  together<T>(work: () => T): T {
    return this.change(work);
  }

  private alone<T>(work: () => T): T {
    if (this.isTogether) return work();
    const { lock } = this.store;
    lock.exclude();
    try {
      return work();
    } finally {
      lock.admit();
    }
  }

  private change<T>(work: () => T): T {
    if (this.isTogether) return work();
    const { lock } = this.store;
    return this.alone(() => {
      this.isTogether = true;
      lock.write();
      try {
        return work();
      } finally {
        lock.written();
        this.isTogether = false;
      }
    });
  }

  /** What somebody has said of an entry is now all that it has. */
  private saidAnew(key: FdbKey, entry: number): void {
    const { listener } = this;
    if (!listener) return;
    listener.unsaid(key);
    if (this.rows.isMade(entry)) for (const { address } of this.rows.read(entry).remotes) listener.said(key, address);
  }
}

export type {
  FdbKey,
  FdbListed,
  FdbListener,
  FdbNotice,
  FdbRecord,
  FdbRefusal,
  FdbRemote,
} from './fdb-types.js';
export { isSameRemote } from './fdb-types.js';
export { ADDED_BY_USER };
