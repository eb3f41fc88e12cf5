/** The control thread's side of the forwarding table: plain records, edits, ageing and what workers tell. */
import { TUNNEL_WORDS } from '../memory/tunnel.js';
import {
  ADDED_BY_USER,
  DEVICE_WORDS,
  DeviceWord,
  ENTRY_REMOTES,
  ENTRY_WORDS,
  EntryWord,
  EVENT_WORDS,
  EventWord,
  FDB_ENTRIES,
  FDB_EVENTS,
  FdbAt,
  FdbEventKind,
  HeaderWord,
  NTF_EXT_LEARNED,
  NUD_NOARP,
  NUD_PERMANENT,
  REMOTE_WORDS,
  RemoteWord,
} from './fdb-layout.js';
import { FdbStore } from './fdb-store.js';

/** One destination. */
export interface FdbRemote {
  /** 4 or 16 bytes, network order. */
  readonly address: Uint8Array;
  readonly port: number;
  readonly vni: number;
  /** 0: the route's. */
  readonly ifindex: number;
}

/** What names an entry. */
export interface FdbKey {
  readonly device: number;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  readonly vni: number;
}

export interface FdbRecord extends FdbKey {
  /** Bits of NUD_*. */
  readonly state: number;
  /** Bits of NTF_*, and ADDED_BY_USER. */
  readonly flags: number;
  /** Tenths of seconds ago. */
  readonly used: number;
  readonly updated: number;
  readonly remotes: readonly FdbRemote[];
}

/** An entry with its place in the list: the larger, the younger. */
export interface FdbListed extends FdbRecord {
  readonly serial: number;
  /** What somebody has said of it, wherever learning has moved it; of `get`, where there is a listener. */
  readonly said?: readonly Uint8Array[];
}

export type FdbNotice =
  | { readonly kind: 'learned'; readonly record: FdbRecord }
  | { readonly kind: 'l2-miss'; readonly device: number; readonly mac: Uint8Array }
  | { readonly kind: 'l3-miss'; readonly device: number; readonly address: Uint8Array }
  /** So many found no room in the ring. */
  | { readonly kind: 'lost'; readonly count: number };

/** Why an edit was refused; nothing has changed then. */
export type FdbRefusal = 'exists' | 'none' | 'full' | 'too-many-remotes' | 'not-unicast';

/** Entries that `age` takes away in one call: some 10 ms of work. */
const AGE_STEP = 4096;

/**
 * Is told of edits of the control thread's, before they are in force: of destinations that somebody has said, that is. What
 * workers learn is nobody's saying, also where it moves an entry that somebody has made.
 */
export interface FdbListener {
  said(key: FdbKey, address: Uint8Array): void;
  /** It has gone; without an address all that was said of the entry. */
  unsaid(key: FdbKey, address?: Uint8Array): void;
  /** What was said of an entry, and is not unsaid. */
  saidOf(key: FdbKey): readonly Uint8Array[];
}

export class FdbRecords {
  listener: FdbListener | undefined;
  private readonly store = new FdbStore();
  private readonly words = this.store.words;
  private lost = 0;
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
      const entry = this.find(key);
      if (entry < 0) return undefined;
      const said = this.listener?.saidOf(key);
      return { ...this.read(entry), ...(said && { said }) };
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
      if (this.isLive(row, device))
        order[found++] = Math.max(0, (newest - words[row + EntryWord.SERIAL]) | 0) * FDB_ENTRIES + entry;
    }
    return order.subarray(0, found).sort();
  }

  private *inOrder(order: Float64Array, device: number | undefined): Generator<FdbListed> {
    for (const place of order) {
      const entry = place % FDB_ENTRIES;
      const record = this.alone(() => {
        return this.isLive(FdbAt.ENTRIES + entry * ENTRY_WORDS, device) ? this.read(entry) : undefined;
      });
      if (record) yield record;
    }
  }

  /** Adds an entry with one remote. */
  insert(key: FdbKey, state: number, flags: number, remote: FdbRemote): FdbRefusal | undefined {
    return this.change(() => {
      if (this.find(key) >= 0) return 'exists';
      const { high, low } = halves(key.mac);
      const entry = this.store.insert(key.device, high, low, key.vni, this.store.time());
      if (entry < 0) return 'full';
      const row = this.store.addRemote(entry);
      if (row < 0) {
        this.store.remove(entry);
        return 'full';
      }
      this.setEntry(entry, state, flags);
      this.putRemote(row, remote);
      if (this.isMade(entry)) this.listener?.said(key, remote.address);
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
      const row = FdbAt.ENTRIES + this.find(key) * ENTRY_WORDS;
      Atomics.store(this.words, row + EntryWord.USED, at - used);
      Atomics.store(this.words, row + EntryWord.UPDATED, at - updated);
      Atomics.store(this.words, row + EntryWord.SERIAL, serial);
    });
  }

  /** Gives an entry the age that an earlier table had for it: tenths of seconds since it was used, and heard of. */
  setAges(key: FdbKey, used: number, updated: number): void {
    this.change(() => {
      const entry = this.find(key);
      if (entry < 0) return;
      const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
      Atomics.store(this.words, row + EntryWord.USED, this.store.time() - used);
      Atomics.store(this.words, row + EntryWord.UPDATED, this.store.time() - updated);
    });
  }

  /** Gives an entry another state and other flags. */
  setState(key: FdbKey, state: number, flags: number): void {
    this.change(() => {
      const entry = this.find(key);
      if (entry < 0) return;
      this.setEntry(entry, state, flags);
      this.saidAnew(key, entry);
      Atomics.store(this.words, FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.UPDATED, this.store.time());
    });
  }

  /** Adds a remote to an entry, unless it has it. */
  append(key: FdbKey, remote: FdbRemote): FdbRefusal | undefined {
    return this.change(() => {
      const entry = this.find(key);
      if (entry < 0) return 'none';
      if (this.remoteOf(entry, remote) >= 0) return undefined;
      if (this.words[FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.REMOTES] >= ENTRY_REMOTES)
        return 'too-many-remotes';
      const row = this.store.addRemote(entry);
      if (row < 0) return 'full';
      this.putRemote(row, remote);
      if (this.isMade(entry)) this.listener?.said(key, remote.address);
      return undefined;
    });
  }

  /** Puts a remote in the place of an entry's first one, unless the entry has it. */
  replaceRemote(key: FdbKey, remote: FdbRemote): FdbRefusal | undefined {
    return this.change(() => {
      const entry = this.find(key);
      if (entry < 0) return 'none';
      if (this.remoteOf(entry, remote) >= 0) return undefined;
      this.putRemote(this.words[FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.REMOTE], remote);
      this.saidAnew(key, entry);
      return undefined;
    });
  }

  /** Takes a remote from an entry, and the entry with the last one; without `remote` all of it. */
  remove(key: FdbKey, remote?: FdbRemote): FdbRefusal | undefined {
    return this.change(() => {
      const entry = this.find(key);
      if (entry < 0) return 'none';
      const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
      if (remote !== undefined) {
        const which = this.remoteOf(entry, remote);
        if (which < 0) return undefined;
        if (this.words[row + EntryWord.REMOTES] > 1) {
          if (this.isMade(entry)) this.listener?.unsaid(key, remote.address);
          this.store.removeRemote(entry, which);
          return undefined;
        }
      }
      if (this.isMade(entry)) this.listener?.unsaid(key);
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
      if (!this.canAge(row)) continue;
      const limit = ageing(words[row + EntryWord.DEVICE]);
      const left = (): number => limit - (this.store.time() - Atomics.load(words, row + EntryWord.UPDATED));
      if (left() > 0) {
        next = Math.min(next, left());
        continue;
      }
      const gone = this.change(() => {
        // Heard of meanwhile, or another's by now.
        if (!this.canAge(row) || left() > 0) return undefined;
        const record = this.read(entry);
        if (this.isMade(entry)) this.listener?.unsaid(record);
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
    const remote = this.readRemote(at + EventWord.REMOTE);
    if (kind === FdbEventKind.L3_MISS) return { kind: 'l3-miss', device, address: remote.address };
    const vni = words[at + EventWord.VNI];
    const state = words[at + EventWord.STATE];
    const flags = words[at + EventWord.FLAGS];
    return { kind: 'learned', record: { device, mac, vni, state, flags, used: 0, updated: 0, remotes: [remote] } };
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
    if (this.isMade(entry)) for (const { address } of this.read(entry).remotes) listener.said(key, address);
  }

  /** Whether somebody has said an entry. */
  private isMade(entry: number): boolean {
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    return (
      (this.words[row + EntryWord.STATE] & (NUD_PERMANENT | NUD_NOARP)) !== 0 ||
      (this.words[row + EntryWord.FLAGS] & ADDED_BY_USER) !== 0
    );
  }

  private find({ device, mac, vni }: FdbKey): number {
    const { high, low } = halves(mac);
    return this.store.find(device, high, low, vni);
  }

  private isLive(row: number, device: number | undefined): boolean {
    return (
      Atomics.load(this.words, row + EntryWord.IN_USE) !== 0 &&
      (device === undefined || this.words[row + EntryWord.DEVICE] === device)
    );
  }

  private canAge(row: number): boolean {
    const { words } = this;
    return (
      this.isLive(row, undefined) &&
      (Atomics.load(words, row + EntryWord.STATE) & (NUD_PERMANENT | NUD_NOARP)) === 0 &&
      (Atomics.load(words, row + EntryWord.FLAGS) & NTF_EXT_LEARNED) === 0
    );
  }

  private setEntry(entry: number, state: number, flags: number): void {
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    Atomics.store(this.words, row + EntryWord.STATE, state);
    Atomics.store(this.words, row + EntryWord.FLAGS, flags);
  }

  private read(entry: number): FdbListed {
    const { words, store } = this;
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    const now = store.time();
    const remotes: FdbRemote[] = [];
    for (let remote = words[row + EntryWord.REMOTE]; remote >= 0; remote = store.nextRemote(remote)) {
      remotes.push(this.readRemote(FdbAt.REMOTES + remote * REMOTE_WORDS));
    }
    return {
      device: words[row + EntryWord.DEVICE],
      mac: macOf(words[row + EntryWord.MAC_HIGH], words[row + EntryWord.MAC_LOW]),
      vni: words[row + EntryWord.VNI],
      state: words[row + EntryWord.STATE],
      flags: words[row + EntryWord.FLAGS],
      used: Math.max(0, now - Atomics.load(words, row + EntryWord.USED)),
      updated: Math.max(0, now - Atomics.load(words, row + EntryWord.UPDATED)),
      remotes,
      serial: words[row + EntryWord.SERIAL],
    };
  }

  private readRemote(at: number): FdbRemote {
    const { words } = this;
    const address = new Uint8Array(words[at + RemoteWord.FAMILY] === 6 ? 16 : 4);
    const view = new DataView(address.buffer);
    for (let w = 0; w * 4 < address.length; w++) view.setInt32(w * 4, words[at + RemoteWord.IP + w]);
    return {
      address,
      port: words[at + RemoteWord.PORT],
      vni: words[at + RemoteWord.VNI],
      ifindex: words[at + RemoteWord.IFINDEX],
    };
  }

  private putRemote(remote: number, { address, port, vni, ifindex }: FdbRemote): void {
    const at = FdbAt.REMOTES + remote * REMOTE_WORDS;
    const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
    for (let w = 0; w < 4; w++) {
      Atomics.store(this.words, at + RemoteWord.IP + w, w * 4 < address.length ? view.getInt32(w * 4) : 0);
    }
    Atomics.store(this.words, at + RemoteWord.FAMILY, address.length === 4 ? 4 : 6);
    Atomics.store(this.words, at + RemoteWord.PORT, port);
    Atomics.store(this.words, at + RemoteWord.VNI, vni);
    Atomics.store(this.words, at + RemoteWord.IFINDEX, ifindex);
  }

  private remoteOf(entry: number, { address, port, vni, ifindex }: FdbRemote): number {
    const { words, store } = this;
    const view = new DataView(address.buffer, address.byteOffset, address.byteLength);
    const wanted = [0, 4, 8, 12].map((at) => (at < address.length ? view.getInt32(at) : 0));
    const family = address.length === 4 ? 4 : 6;
    let remote = words[FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.REMOTE];
    for (; remote >= 0; remote = store.nextRemote(remote)) {
      const at = FdbAt.REMOTES + remote * REMOTE_WORDS;
      const isSame =
        words[at + RemoteWord.PORT] === port &&
        words[at + RemoteWord.VNI] === vni &&
        words[at + RemoteWord.IFINDEX] === ifindex &&
        (words[at + RemoteWord.FAMILY] === 6 ? 6 : 4) === family &&
        wanted.every((word, w) => words[at + RemoteWord.IP + w] === word);
      if (isSame) break;
    }
    return remote;
  }
}

export function isSameRemote(a: FdbRemote, b: FdbRemote): boolean {
  return a.port === b.port && a.vni === b.vni && a.ifindex === b.ifindex && Buffer.compare(a.address, b.address) === 0;
}

function halves(mac: Uint8Array): { high: number; low: number } {
  const view = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
  return { high: view.getInt32(0), low: view.getUint16(4) };
}

function macOf(high: number, low: number): Uint8Array {
  const mac = new Uint8Array(6);
  const view = new DataView(mac.buffer);
  view.setInt32(0, high);
  view.setUint16(4, low);
  return mac;
}

export { ADDED_BY_USER };
