/** A worker's side of the forwarding table: where frames go, and what received ones teach. Allocates nothing. */
import { TUNNEL_WORDS, TunnelWord } from '../memory/tunnel.js';
import {
  DEVICE_WORDS,
  DeviceWord,
  ENTRY_WORDS,
  EntryWord,
  EventWord,
  FdbAt,
  FdbEventKind,
  HeaderWord,
  NTF_ROUTER,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_REACHABLE,
  REMOTE_WORDS,
  RemoteWord,
} from './fdb-layout.js';
import { FdbStore } from './fdb-store.js';

/** What became of a source address. */
export const Learned = {
  /** It was where it is, or is now known. */
  YES: 0,
  /** It is elsewhere, by an entry that never moves: the frame is to be dropped. */
  ELSEWHERE: 1,
  /** The table has no room for it, or the device may have no more. */
  NO_ROOM: 2,
} as const;

/** `destinations`: there is no entry. */
export const NO_ENTRY = -1;
/** `destinations`: the records given have no room for all of them. */
export const NO_ROOM = -2;

/** Bits that `look` answers: the entry is for an address on this host (a destination of zeros), and it is a router's. */
export const ENTRY_IS_LOCAL = 1;
export const ENTRY_IS_ROUTER = 2;

/** Tries to read between two changes, before waiting for the one that is under way. */
const ATTEMPTS = 32;

export class FdbLookup {
  /** Tenths of seconds of the table's time; the worker sets it once a batch. */
  now = 0;
  /** Whether events were written since the control thread was last told. */
  hasEvents = false;
  private readonly store: FdbStore;
  private readonly words: Int32Array;
  private lastTenth = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.store = new FdbStore(buffer);
    this.words = this.store.words;
  }

  /** The time of a batch: tenths of a second of the steady clock, modulo 2^32; they tell when one may have gone by. */
  tick(tenth: number): void {
    if (tenth === this.lastTenth) return;
    this.lastTenth = tenth;
    this.now = this.store.time();
  }

  /** The state of the table: what was looked up is still so while this is the same. */
  get sequence(): number {
    return this.store.lock.sequence;
  }

  /**
   * Writes a tunnel record for each destination of an address into `records`, from record `first` on, and marks the
   * entry used. Returns how many, NO_ENTRY, or NO_ROOM where they would be more than up to `limit`.
   */
  destinations(
    device: number,
    high: number,
    low: number,
    vni: number,
    records: Int32Array,
    first: number,
    limit: number,
  ): number {
    const { lock } = this.store;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = lock.sequence;
      if ((before & 1) !== 0) continue;
      const count = this.copy(device, high, low, vni, records, first, limit);
      if (lock.sequence === before) return count;
    }
    lock.exclude();
    const count = this.copy(device, high, low, vni, records, first, limit);
    lock.admit();
    return count;
  }

  private copy(
    device: number,
    high: number,
    low: number,
    vni: number,
    records: Int32Array,
    first: number,
    limit: number,
  ): number {
    const { words } = this;
    const entry = this.store.find(device, high, low, vni);
    if (entry < 0) return NO_ENTRY;
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    if (Atomics.load(words, row + EntryWord.USED) !== this.now) Atomics.store(words, row + EntryWord.USED, this.now);
    let count = 0;
    for (
      let remote = Atomics.load(words, row + EntryWord.REMOTE);
      remote >= 0;
      remote = this.store.nextRemote(remote)
    ) {
      if (first + count >= limit) return NO_ROOM;
      this.writeRecord(device, remote, records, (first + count) * TUNNEL_WORDS);
      count++;
    }
    return count;
  }

  /** Bits of ENTRY_* of an address's entry, or NO_ENTRY. Marks it used. */
  look(device: number, high: number, low: number, vni: number): number {
    const { words, store } = this;
    store.lock.exclude();
    const entry = store.find(device, high, low, vni);
    let found = NO_ENTRY;
    if (entry >= 0) {
      const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
      Atomics.store(words, row + EntryWord.USED, this.now);
      const at = FdbAt.REMOTES + Atomics.load(words, row + EntryWord.REMOTE) * REMOTE_WORDS + RemoteWord.IP;
      const isLocal = (words[at] | words[at + 1] | words[at + 2] | words[at + 3]) === 0;
      const isRouter = (Atomics.load(words, row + EntryWord.FLAGS) & NTF_ROUTER) !== 0;
      found = (isLocal ? ENTRY_IS_LOCAL : 0) | (isRouter ? ENTRY_IS_ROUTER : 0);
    }
    store.lock.admit();
    return found;
  }

  /** The device's defaults, and what the remote says. */
  private writeRecord(device: number, remote: number, records: Int32Array, at: number): void {
    const { words } = this;
    const defaults = FdbAt.DEVICES + device * DEVICE_WORDS + DeviceWord.DEFAULTS;
    const from = FdbAt.REMOTES + remote * REMOTE_WORDS;
    for (let w = 0; w < TUNNEL_WORDS; w++) records[at + w] = Atomics.load(words, defaults + w);
    for (let w = 0; w < 4; w++) records[at + TunnelWord.DST_IP + w] = Atomics.load(words, from + RemoteWord.IP + w);
    records[at + TunnelWord.FAMILY] = Atomics.load(words, from + RemoteWord.FAMILY);
    records[at + TunnelWord.DST_PORT] = Atomics.load(words, from + RemoteWord.PORT);
    records[at + TunnelWord.VNI] = Atomics.load(words, from + RemoteWord.VNI);
    records[at + TunnelWord.IFINDEX] = Atomics.load(words, from + RemoteWord.IFINDEX);
  }

  /**
   * Learns that an address is behind the outer source of the received record at word `record` of `tunnels`
   * (vxlan_snoop in drivers/net/vxlan/vxlan_core.c). The caller has refused zero and multicast addresses.
   */
  learn(device: number, high: number, low: number, vni: number, tunnels: Int32Array, record: number): number {
    const entry = this.store.find(device, high, low, vni);
    // Torn by a writer this is at worst a needless look under the lock, or a wrong entry's time.
    if (entry >= 0 && this.isBehind(entry, device, tunnels, record)) {
      this.refresh(entry);
      return Learned.YES;
    }
    this.store.lock.exclude();
    const result = this.learnAlone(device, high, low, vni, tunnels, record);
    this.store.lock.admit();
    return result;
  }

  private learnAlone(
    device: number,
    high: number,
    low: number,
    vni: number,
    tunnels: Int32Array,
    record: number,
  ): number {
    const { words, store } = this;
    const owner = FdbAt.DEVICES + device * DEVICE_WORDS;
    // The device was set down since the frame was received: its table stays empty.
    if (Atomics.load(words, owner + DeviceWord.OPEN) === 0) return Learned.YES;
    let entry = store.find(device, high, low, vni);
    if (entry >= 0) {
      this.refresh(entry);
      if (this.isBehind(entry, device, tunnels, record)) return Learned.YES;
      const state = Atomics.load(words, FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.STATE);
      if ((state & (NUD_PERMANENT | NUD_NOARP)) !== 0) return Learned.ELSEWHERE;
      store.lock.write();
      const remote = Atomics.load(words, FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.REMOTE);
      this.putSource(remote, device, tunnels, record);
      store.tell(FdbEventKind.LEARNED, entry, remote);
      store.lock.written();
      this.hasEvents = true;
      return Learned.YES;
    }
    store.lock.write();
    entry = store.insert(device, high, low, vni, this.now);
    const remote = entry < 0 ? -1 : store.addRemote(entry);
    if (remote >= 0) {
      const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
      Atomics.store(words, row + EntryWord.STATE, NUD_REACHABLE);
      Atomics.store(words, row + EntryWord.FLAGS, NTF_SELF);
      const at = FdbAt.REMOTES + remote * REMOTE_WORDS;
      const defaults = owner + DeviceWord.DEFAULTS;
      Atomics.store(words, at + RemoteWord.PORT, Atomics.load(words, defaults + TunnelWord.DST_PORT));
      Atomics.store(words, at + RemoteWord.VNI, Atomics.load(words, defaults + TunnelWord.VNI));
      this.putSource(remote, device, tunnels, record);
      store.tell(FdbEventKind.LEARNED, entry, remote);
      this.hasEvents = true;
    } else if (entry >= 0) {
      store.remove(entry);
    }
    store.lock.written();
    return remote < 0 ? Learned.NO_ROOM : Learned.YES;
  }

  /** Has the control thread told of an address without an entry. */
  missed(device: number, high: number, low: number, vni: number): void {
    const { words, store } = this;
    store.lock.exclude();
    const at = store.nextEvent();
    if (at >= 0) {
      words[at + EventWord.KIND] = FdbEventKind.L2_MISS;
      words[at + EventWord.DEVICE] = device;
      words[at + EventWord.MAC_HIGH] = high;
      words[at + EventWord.MAC_LOW] = low;
      words[at + EventWord.VNI] = vni;
      Atomics.add(words, HeaderWord.EVENTS_WRITTEN, 1);
      this.hasEvents = true;
    }
    store.lock.admit();
  }

  /**
   * Has the control thread told of an IP address without a neighbour: `wanted` holds it from word 1 on, in four words,
   * and its family in word 5.
   */
  missedIp(device: number, wanted: Int32Array): void {
    const { words, store } = this;
    store.lock.exclude();
    const at = store.nextEvent();
    if (at >= 0) {
      words[at + EventWord.KIND] = FdbEventKind.L3_MISS;
      words[at + EventWord.DEVICE] = device;
      for (let w = 0; w < 4; w++) words[at + EventWord.REMOTE + RemoteWord.IP + w] = wanted[1 + w];
      words[at + EventWord.REMOTE + RemoteWord.FAMILY] = wanted[5];
      Atomics.add(words, HeaderWord.EVENTS_WRITTEN, 1);
      this.hasEvents = true;
    }
    store.lock.admit();
  }

  /** Whether the control thread must be told that there are events: once until it has fetched them. */
  mustTell(): boolean {
    this.hasEvents = false;
    return Atomics.exchange(this.words, HeaderWord.TOLD, 1) === 0;
  }

  private refresh(entry: number): void {
    const at = FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.UPDATED;
    if (Atomics.load(this.words, at) !== this.now) Atomics.store(this.words, at, this.now);
  }

  /** Whether the first remote of an entry is the outer source of a received record. */
  private isBehind(entry: number, device: number, tunnels: Int32Array, record: number): boolean {
    const { words } = this;
    const remote = Atomics.load(words, FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.REMOTE);
    if (remote < 0) return false;
    const at = FdbAt.REMOTES + remote * REMOTE_WORDS;
    const source = record + TunnelWord.SRC_IP;
    return (
      Atomics.load(words, at + RemoteWord.IP) === tunnels[source] &&
      Atomics.load(words, at + RemoteWord.IP + 1) === tunnels[source + 1] &&
      Atomics.load(words, at + RemoteWord.IP + 2) === tunnels[source + 2] &&
      Atomics.load(words, at + RemoteWord.IP + 3) === tunnels[source + 3] &&
      Atomics.load(words, at + RemoteWord.FAMILY) === tunnels[record + TunnelWord.FAMILY] &&
      Atomics.load(words, at + RemoteWord.IFINDEX) === this.interfaceOf(device, tunnels, record)
    );
  }

  private putSource(remote: number, device: number, tunnels: Int32Array, record: number): void {
    const { words } = this;
    const at = FdbAt.REMOTES + remote * REMOTE_WORDS;
    for (let w = 0; w < 4; w++) Atomics.store(words, at + RemoteWord.IP + w, tunnels[record + TunnelWord.SRC_IP + w]);
    Atomics.store(words, at + RemoteWord.FAMILY, tunnels[record + TunnelWord.FAMILY]);
    Atomics.store(words, at + RemoteWord.IFINDEX, this.interfaceOf(device, tunnels, record));
  }

  /** A link-local source (fe80::/10) says nothing without its interface: the device's lower one. */
  private interfaceOf(device: number, tunnels: Int32Array, record: number): number {
    const isLinkLocal =
      tunnels[record + TunnelWord.FAMILY] === 6 && tunnels[record + TunnelWord.SRC_IP] >>> 22 === 0xfe80 >>> 6;
    if (!isLinkLocal) return 0;
    return Atomics.load(this.words, FdbAt.DEVICES + device * DEVICE_WORDS + DeviceWord.DEFAULTS + TunnelWord.IFINDEX);
  }
}
