/** Control side of the table of chains in shared words: from a chain's number to the newest version of its list. */
import type { Chain } from './chain.js';
import { finish, HASH_SEED, mix } from './hash.js';
import { chainVersionWords, Slot, Version } from './layout.js';
import type { SharedWords } from './shared-words.js';
import { allocSlots, freeSlot, isFull, setHead, slotCountFor, slotWords } from './slots.js';

export class ChainSlots {
  /** Offset and count; none before the first chain is written. */
  at = 0;
  slotCount = 0;
  private slotted = 0;

  /** Most words that writing `chains` takes. */
  wordsFor(chains: Iterable<Chain>): number {
    let count = 0;
    let words = 0;
    for (const chain of chains) {
      count++;
      words += chain.wordsToWrite;
    }
    return words + slotWords(slotCountFor(this.slotted + count));
  }

  /** Forgets the words it knew: every chain is written again. */
  reset(): void {
    this.at = 0;
    this.slotCount = 0;
    this.slotted = 0;
  }

  /** Writes a new version of each of the chains; the caller has checked the room. */
  write(shared: SharedWords, chains: ReadonlySet<Chain>, generation: number): void {
    if (isFull(this.slotted + chains.size - 1, this.slotCount)) this.resize(shared, chains.size);
    const { words } = shared;
    for (const chain of chains) {
      const list = chain.write(shared);
      words[list + Version.BORN] = generation;
      const slot = this.slotOf(words, chain.number | 0);
      const old = words[slot + Slot.HEAD];
      words[list + Version.OLDER] = old;
      if (old === 0) {
        words[slot + Slot.HASH] = chain.number | 0;
        this.slotted++;
      } else {
        shared.release(chainVersionWords(words[old + Version.COUNT]));
      }
      setHead(words, slot, list);
    }
  }

  private slotOf(words: Int32Array, chain: number): number {
    const last = this.slotCount - 1;
    for (let i = hashOf(chain) & last; ; i = (i + 1) & last) {
      const slot = this.at + i * Slot.WORDS;
      if (words[slot + Slot.HEAD] === 0 || words[slot + Slot.HASH] === chain) return slot;
    }
  }

  /** New slots for the chains that have tuples, and `more`. The old ones stay for the snapshots that know them. */
  private resize(shared: SharedWords, more: number): void {
    const { words } = shared;
    const { at, slotCount } = this;
    let used = more;
    for (let slot = at; slot < at + slotCount * Slot.WORDS; slot += Slot.WORDS)
      if (words[words[slot + Slot.HEAD] + Version.COUNT] > 0) used++;
    this.slotCount = slotCountFor(used);
    this.at = allocSlots(shared, this.slotCount);
    this.slotted = 0;
    for (let slot = at; slot < at + slotCount * Slot.WORDS; slot += Slot.WORDS) {
      const list = words[slot + Slot.HEAD];
      if (list === 0) continue;
      if (words[list + Version.COUNT] === 0) {
        shared.release(chainVersionWords(0));
        continue;
      }
      const chain = words[slot + Slot.HASH];
      const free = freeSlot(words, this.at, this.slotCount, hashOf(chain));
      words[free + Slot.HASH] = chain;
      setHead(words, free, list);
      this.slotted++;
    }
    shared.release(slotCount * Slot.WORDS);
  }
}

function hashOf(chain: number): number {
  return finish(mix(HASH_SEED, chain));
}
