/** How many tunnel endpoints a forwarding table leads to. */
import { ENTRY_WORDS, EntryWord, FdbAt, HeaderWord, REMOTE_WORDS, RemoteWord } from './fdb-layout.js';

/** Remotes of one entry that are looked at: of long lists, which are replication lists, the first of them. */
const LOOKED_AT = 256;

/**
 * Notes the address of every remote, as eight hexadecimal digits a word. Without the lock: what is being changed
 * meanwhile may be missed, or counted as it was, which is good enough for a sentence.
 */
export function addPeers(buffer: SharedArrayBuffer, found: Set<string>): void {
  const words = new Int32Array(buffer);
  const entries = Atomics.load(words, HeaderWord.FRESH_ENTRY);
  for (let entry = 0; entry < entries; entry++) {
    const row = FdbAt.ENTRIES + entry * ENTRY_WORDS;
    if (Atomics.load(words, row + EntryWord.IN_USE) === 0) continue;
    let remote = Atomics.load(words, row + EntryWord.REMOTE);
    for (let n = 0; remote >= 0 && n < LOOKED_AT; n++) {
      const at = FdbAt.REMOTES + remote * REMOTE_WORDS;
      found.add(addressAt(words, at));
      remote = Atomics.load(words, at + RemoteWord.NEXT) - 1;
    }
  }
}

function addressAt(words: Int32Array, at: number): string {
  const count = Atomics.load(words, at + RemoteWord.FAMILY) === 6 ? 4 : 1;
  let text = '';
  for (let w = 0; w < count; w++) {
    text += (Atomics.load(words, at + RemoteWord.IP + w) >>> 0).toString(16).padStart(8, '0');
  }
  return text;
}
