/** Control side of the parts of the key (presence.ts) that the tuples of one chain look at, by number. */
import { PartWord } from './layout.js';
import { MOST_PARTS, partSeed } from './presence.js';
import type { SharedWords } from './shared-words.js';

interface Part {
  readonly index: number;
  readonly bits: number;
  tuples: number;
}

export class Parts {
  /** By number; undefined where one is free. */
  private readonly parts: (Part | undefined)[] = [];
  /** By index and bits. */
  private readonly numbers = new Map<number, number>();
  /** Where they stand in shared words; 0: nowhere yet, or not as they are now. */
  private at = 0;
  private written = 0;
  private isStale = true;

  /** Counts a tuple that looks at a part: the part's number, or -1 where there are too many. */
  take(index: number, bits: number): number {
    const id = idOf(index, bits);
    const known = this.numbers.get(id);
    const part = known === undefined ? undefined : this.parts[known];
    if (known !== undefined && part !== undefined) {
      part.tuples++;
      return known;
    }
    const free = this.parts.indexOf(undefined);
    const number = free < 0 ? this.parts.length : free;
    if (number === MOST_PARTS) return -1;
    this.parts[number] = { index, bits, tuples: 1 };
    this.numbers.set(id, number);
    this.isStale = true;
    return number;
  }

  /** Counts a tuple off. */
  release(number: number): void {
    const part = this.parts[number];
    if (part === undefined || --part.tuples > 0) return;
    this.parts[number] = undefined;
    this.numbers.delete(idOf(part.index, part.bits));
    this.isStale = true;
  }

  /** Forgets the words it knew. */
  reset(): void {
    this.at = 0;
    this.isStale = true;
  }

  /** Writes them, if they are not what stands there; returns where. The caller has checked the room. */
  write(shared: SharedWords): number {
    if (!this.isStale) return this.at;
    if (this.at !== 0) shared.release(this.written);
    this.isStale = false;
    this.written = PartWord.FIRST + this.parts.length * PartWord.WORDS;
    this.at = shared.alloc(this.written);
    const { words } = shared;
    words[this.at] = this.parts.length;
    let to = this.at + PartWord.FIRST;
    for (const part of this.parts) {
      words[to + PartWord.INDEX] = part?.index ?? 0;
      words[to + PartWord.BITS] = part?.bits ?? 0;
      words[to + PartWord.SEED] = part === undefined ? 0 : partSeed(part.index, part.bits);
      to += PartWord.WORDS;
    }
    return this.at;
  }
}

function idOf(index: number, bits: number): number {
  return index * 2 ** 32 + (bits >>> 0);
}
