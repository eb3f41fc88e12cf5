/** Words that workers see, given out from the front and never taken back: what is superseded stays as it is. */
import { ZERO_WORDS } from './layout.js';

const ALIGN = 16;

export class SharedWords {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  used = ZERO_WORDS;
  /** Words that the newest state consists of; what a copy of it would take, at most. */
  live = ZERO_WORDS;

  /** Untouched pages cost nothing, so `capacity` may be generous. */
  constructor(capacity: number) {
    this.buffer = new SharedArrayBuffer(capacity * Int32Array.BYTES_PER_ELEMENT);
    this.words = new Int32Array(this.buffer);
  }

  get room(): number {
    return this.words.length - this.used;
  }

  /** Offset of `count` zeroed words. The caller has checked `room`. */
  alloc(count: number): number {
    if (count > this.room) throw new RangeError(`shared words: ${count} wanted, ${this.room} left`);
    const offset = this.used;
    this.used += count;
    this.live += count;
    return offset;
  }

  /** The same, at a cache line; takes up to `alignedWords(count)`. */
  allocAligned(count: number): number {
    const skip = -this.used & (ALIGN - 1);
    this.used += skip;
    return this.alloc(count);
  }

  /** The newest state no longer has `count` words. */
  release(count: number): void {
    this.live -= count;
  }
}

/** Most that `allocAligned` takes. */
export function alignedWords(count: number): number {
  return count + ALIGN - 1;
}
