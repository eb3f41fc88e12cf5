/**
 * The forwarding table of every vxlan device: which tunnel endpoint an inner MAC address is behind, in shared memory
 * of fixed size.
 *
 * An entry is found by (device, MAC, VNI) in an open-addressing hash with linear probing, and holds a chain of remotes:
 * one as a rule, several for the replication list of the all-zeros address and of multicast addresses. Everything is
 * preallocated; what is given back is chained through a word of its own.
 *
 * Anybody may write, one at a time: the workers what they learn, the control thread what people say and what has aged.
 * Looking up takes no lock (see shared-lock.ts); neither does the case that every received frame is, an address that
 * is where it was. An entry that is removed closes the gap it leaves in the hash, so there are no tombstones.
 *
 * Time is in tenths of seconds since the table was made, by a clock that does not jump.
 */
import { randomInt } from 'node:crypto';
import { STEADY_OFFSET, SYSTEM_CLOCK } from '../memory/clock.js';
import { SharedLock } from '../memory/shared-lock.js';
import {
  DEVICE_WORDS,
  DeviceWord,
  ENTRY_WORDS,
  EntryWord,
  EVENT_WORDS,
  EventWord,
  FDB_ENTRIES,
  FDB_EVENTS,
  FDB_REMOTES,
  FDB_SLOTS,
  FDB_WORDS,
  FdbAt,
  HeaderWord,
  REMOTE_WORDS,
  RemoteWord,
  SLOT_WORDS,
} from './fdb-layout.js';

const MASK = FDB_SLOTS - 1;

/** The words, and what both sides do with them. `find` apart, whoever calls a method here holds the lock. */
export class FdbStore {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly lock: SharedLock;
  private readonly seed: number;
  /** The steady clock at the table's beginning, in ms. */
  private readonly began: number;

  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(FDB_WORDS * 4);
    this.words = new Int32Array(this.buffer);
    this.lock = new SharedLock(this.words, HeaderWord.LOCK);
    const epoch = new Float64Array(this.buffer, HeaderWord.EPOCH * 4, 1);
    if (buffer === undefined) {
      this.words[HeaderWord.SEED] = randomInt(2 ** 32) | 0;
      epoch[0] = SYSTEM_CLOCK.steady();
    }
    this.seed = this.words[HeaderWord.SEED];
    this.began = epoch[0];
  }

  /** Tenths of seconds since the table was made. */
  time(): number {
    return ((performance.now() + STEADY_OFFSET - this.began) / 100) | 0;
  }

  hash(device: number, high: number, low: number, vni: number): number {
    let hash = Math.imul(this.seed ^ high, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ low ^ (device << 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ vni, 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }

  /** An entry, or -1. Without the lock the answer is only good where the sequence is the same before and after. */
  find(device: number, high: number, low: number, vni: number): number {
    const { words } = this;
    const hash = this.hash(device, high, low, vni);
    let slot = hash & MASK;
    for (let probes = 0; probes < FDB_SLOTS; probes++) {
      const at = FdbAt.SLOTS + slot * SLOT_WORDS;
      const entry = Atomics.load(words, at + 1) - 1;
      if (entry < 0) return -1;
      if (Atomics.load(words, at) === hash) {
        const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
        if (
          Atomics.load(words, row + EntryWord.MAC_HIGH) === high &&
          Atomics.load(words, row + EntryWord.MAC_LOW) === low &&
          Atomics.load(words, row + EntryWord.VNI) === vni &&
          Atomics.load(words, row + EntryWord.DEVICE) === device
        )
          return entry;
      }
      slot = (slot + 1) & MASK;
    }
    return -1;
  }

  /** A new entry without remotes, or -1 where the device may have no more, or the table has no room. */
  insert(device: number, high: number, low: number, vni: number, now: number): number {
    const { words } = this;
    const owner = FdbAt.DEVICES + device * DEVICE_WORDS;
    const limit = Atomics.load(words, owner + DeviceWord.LIMIT);
    if (limit !== 0 && Atomics.load(words, owner + DeviceWord.ENTRIES) >= limit >>> 0) return -1;
    const entry = this.takeEntry();
    if (entry < 0) return -1;
    const hash = this.hash(device, high, low, vni);
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    Atomics.store(words, row + EntryWord.MAC_HIGH, high);
    Atomics.store(words, row + EntryWord.MAC_LOW, low);
    Atomics.store(words, row + EntryWord.DEVICE, device);
    Atomics.store(words, row + EntryWord.VNI, vni);
    Atomics.store(words, row + EntryWord.USED, now);
    Atomics.store(words, row + EntryWord.UPDATED, now);
    Atomics.store(words, row + EntryWord.REMOTE, -1);
    Atomics.store(words, row + EntryWord.REMOTES, 0);
    Atomics.store(words, row + EntryWord.SERIAL, Atomics.add(words, HeaderWord.SERIAL, 1));
    Atomics.store(words, row + EntryWord.HASH, hash);
    Atomics.store(words, row + EntryWord.IN_USE, 1);
    Atomics.add(words, owner + DeviceWord.ENTRIES, 1);
    let slot = hash & MASK;
    while (Atomics.load(words, FdbAt.SLOTS + slot * SLOT_WORDS + 1) !== 0) slot = (slot + 1) & MASK;
    Atomics.store(words, FdbAt.SLOTS + slot * SLOT_WORDS, hash);
    Atomics.store(words, FdbAt.SLOTS + slot * SLOT_WORDS + 1, entry + 1);
    return entry;
  }

  /** Takes an entry away, and its remotes. */
  remove(entry: number): void {
    const { words } = this;
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    this.closeGap(this.slotOf(entry));
    let remote = Atomics.load(words, row + EntryWord.REMOTE);
    while (remote >= 0) {
      const next = this.nextRemote(remote);
      this.giveRemote(remote);
      remote = next;
    }
    Atomics.sub(
      words,
      FdbAt.DEVICES + Atomics.load(words, row + EntryWord.DEVICE) * DEVICE_WORDS + DeviceWord.ENTRIES,
      1,
    );
    Atomics.store(words, row + EntryWord.IN_USE, 0);
    Atomics.store(words, row + EntryWord.NEXT_FREE, Atomics.load(words, HeaderWord.FREE_ENTRY));
    Atomics.store(words, HeaderWord.FREE_ENTRY, entry + 1);
  }

  /** A remote at the end of an entry's chain, to be filled; -1 where there is no room. */
  addRemote(entry: number): number {
    const { words } = this;
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    const remote = this.takeRemote();
    if (remote < 0) return -1;
    Atomics.store(words, FdbAt.REMOTES + remote * REMOTE_WORDS + RemoteWord.NEXT, 0);
    let last = Atomics.load(words, row + EntryWord.REMOTE);
    if (last < 0) {
      Atomics.store(words, row + EntryWord.REMOTE, remote);
    } else {
      for (let next = this.nextRemote(last); next >= 0; next = this.nextRemote(next)) last = next;
      Atomics.store(words, FdbAt.REMOTES + last * REMOTE_WORDS + RemoteWord.NEXT, remote + 1);
    }
    Atomics.add(words, row + EntryWord.REMOTES, 1);
    return remote;
  }

  /** Takes one of several remotes out of an entry's chain. */
  removeRemote(entry: number, remote: number): void {
    const { words } = this;
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    const after = this.nextRemote(remote);
    const first = Atomics.load(words, row + EntryWord.REMOTE);
    if (first === remote) {
      Atomics.store(words, row + EntryWord.REMOTE, after);
    } else {
      let before = first;
      while (this.nextRemote(before) !== remote) before = this.nextRemote(before);
      Atomics.store(words, FdbAt.REMOTES + before * REMOTE_WORDS + RemoteWord.NEXT, after + 1);
    }
    Atomics.sub(words, row + EntryWord.REMOTES, 1);
    this.giveRemote(remote);
  }

  /** The remote behind another in its chain, or -1. */
  nextRemote(remote: number): number {
    return Atomics.load(this.words, FdbAt.REMOTES + remote * REMOTE_WORDS + RemoteWord.NEXT) - 1;
  }

  /** Has the control thread told of an entry and its remote; of one that finds no room only that it was lost. */
  tell(kind: number, entry: number, remote: number): void {
    const { words } = this;
    const at = this.nextEvent();
    if (at < 0) return;
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    words[at + EventWord.KIND] = kind;
    words[at + EventWord.DEVICE] = words[row + EntryWord.DEVICE];
    words[at + EventWord.MAC_HIGH] = words[row + EntryWord.MAC_HIGH];
    words[at + EventWord.MAC_LOW] = words[row + EntryWord.MAC_LOW];
    words[at + EventWord.VNI] = words[row + EntryWord.VNI];
    words[at + EventWord.STATE] = words[row + EntryWord.STATE];
    words[at + EventWord.FLAGS] = words[row + EntryWord.FLAGS];
    const from = FdbAt.REMOTES + remote * REMOTE_WORDS;
    for (let w = 0; w < RemoteWord.NEXT; w++) words[at + EventWord.REMOTE + w] = words[from + w];
    Atomics.add(words, HeaderWord.EVENTS_WRITTEN, 1);
  }

  /** Where the next event's words stand, all zeros; -1, and it counts as lost, where the ring is full. */
  nextEvent(): number {
    const { words } = this;
    const written = Atomics.load(words, HeaderWord.EVENTS_WRITTEN);
    if (((written - Atomics.load(words, HeaderWord.EVENTS_READ)) | 0) >= FDB_EVENTS) {
      Atomics.add(words, HeaderWord.EVENTS_LOST, 1);
      return -1;
    }
    const at = FdbAt.EVENTS + (written & (FDB_EVENTS - 1)) * EVENT_WORDS;
    words.fill(0, at, at + EVENT_WORDS);
    return at;
  }

  private takeEntry(): number {
    const { words } = this;
    const free = Atomics.load(words, HeaderWord.FREE_ENTRY) - 1;
    if (free >= 0) {
      const next = Atomics.load(words, FdbAt.ENTRIES + free * ENTRY_WORDS + EntryWord.NEXT_FREE);
      Atomics.store(words, HeaderWord.FREE_ENTRY, next);
      return free;
    }
    const fresh = Atomics.load(words, HeaderWord.FRESH_ENTRY);
    if (fresh === FDB_ENTRIES) return -1;
    Atomics.store(words, HeaderWord.FRESH_ENTRY, fresh + 1);
    return fresh;
  }

  private takeRemote(): number {
    const { words } = this;
    const free = Atomics.load(words, HeaderWord.FREE_REMOTE) - 1;
    if (free >= 0) {
      Atomics.store(words, HeaderWord.FREE_REMOTE, this.nextRemote(free) + 1);
      return free;
    }
    const fresh = Atomics.load(words, HeaderWord.FRESH_REMOTE);
    if (fresh === FDB_REMOTES) return -1;
    Atomics.store(words, HeaderWord.FRESH_REMOTE, fresh + 1);
    return fresh;
  }

  private giveRemote(remote: number): void {
    const { words } = this;
    const next = Atomics.load(words, HeaderWord.FREE_REMOTE);
    Atomics.store(words, FdbAt.REMOTES + remote * REMOTE_WORDS + RemoteWord.NEXT, next);
    Atomics.store(words, HeaderWord.FREE_REMOTE, remote + 1);
  }

  private slotOf(entry: number): number {
    let slot = Atomics.load(this.words, FdbAt.ENTRIES + entry * ENTRY_WORDS + EntryWord.HASH) & MASK;
    while (Atomics.load(this.words, FdbAt.SLOTS + slot * SLOT_WORDS + 1) !== entry + 1) slot = (slot + 1) & MASK;
    return slot;
  }

  /** Moves up what stands behind an emptied slot and could no longer be found there (Knuth 6.4, algorithm R). */
  private closeGap(gap: number): void {
    const { words } = this;
    for (let slot = (gap + 1) & MASK; ; slot = (slot + 1) & MASK) {
      const at = FdbAt.SLOTS + slot * SLOT_WORDS;
      const entry = Atomics.load(words, at + 1);
      if (entry === 0) break;
      const hash = Atomics.load(words, at);
      if (((slot - hash) & MASK) < ((slot - gap) & MASK)) continue;
      Atomics.store(words, FdbAt.SLOTS + gap * SLOT_WORDS, hash);
      Atomics.store(words, FdbAt.SLOTS + gap * SLOT_WORDS + 1, entry);
      gap = slot;
    }
    Atomics.store(words, FdbAt.SLOTS + gap * SLOT_WORDS + 1, 0);
  }
}
