/** Entries and destinations of the forwarding table, read and written whole. Whoever edits holds the lock. */
import {
  ADDED_BY_USER,
  ENTRY_WORDS,
  EntryWord,
  FdbAt,
  NTF_EXT_LEARNED,
  NUD_NOARP,
  NUD_PERMANENT,
  REMOTE_WORDS,
  RemoteWord,
} from './fdb-layout.js';
import type { FdbStore } from './fdb-store.js';
import type { FdbKey, FdbListed, FdbRemote } from './fdb-types.js';

export class FdbRows {
  readonly words: Int32Array;
  private readonly store: FdbStore;

  constructor(store: FdbStore) {
    this.store = store;
    this.words = store.words;
  }

  /** Whether somebody has said an entry. */
  isMade(entry: number): boolean {
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    return (
      (this.words[row + EntryWord.STATE] & (NUD_PERMANENT | NUD_NOARP)) !== 0 ||
      (this.words[row + EntryWord.FLAGS] & ADDED_BY_USER) !== 0
    );
  }

  /** Number of an entry; -1: there is none. */
  find({ device, mac, vni }: FdbKey): number {
    const { high, low } = halves(mac);
    return this.store.find(device, high, low, vni);
  }

  /** Whether there is an entry in a row, of this device where one is named. */
  isLive(row: number, device: number | undefined): boolean {
    return (
      Atomics.load(this.words, row + EntryWord.IN_USE) !== 0 &&
      (device === undefined || this.words[row + EntryWord.DEVICE] === device)
    );
  }

  /** Whether what is in a row goes by age: nobody has made it for good. */
  canAge(row: number): boolean {
    const { words } = this;
    return (
      this.isLive(row, undefined) &&
      (Atomics.load(words, row + EntryWord.STATE) & (NUD_PERMANENT | NUD_NOARP)) === 0 &&
      (Atomics.load(words, row + EntryWord.FLAGS) & NTF_EXT_LEARNED) === 0
    );
  }

  setEntry(entry: number, state: number, flags: number): void {
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    Atomics.store(this.words, row + EntryWord.STATE, state);
    Atomics.store(this.words, row + EntryWord.FLAGS, flags);
  }

  read(entry: number): FdbListed {
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

  /** The remote whose words begin at `at`. */
  readRemote(at: number): FdbRemote {
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

  putRemote(remote: number, { address, port, vni, ifindex }: FdbRemote): void {
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

  /** Number of an entry's remote; -1: it has none such. */
  remoteOf(entry: number, { address, port, vni, ifindex }: FdbRemote): number {
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

export function halves(mac: Uint8Array): { high: number; low: number } {
  const view = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
  return { high: view.getInt32(0), low: view.getUint16(4) };
}

export function macOf(high: number, low: number): Uint8Array {
  const mac = new Uint8Array(6);
  const view = new DataView(mac.buffer);
  view.setInt32(0, high);
  view.setUint16(4, low);
  return mac;
}
