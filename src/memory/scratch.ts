import type { Arena } from './arena.js';

/** Bytes that a batch may use as it likes, filled from the front and forgotten when the batch ends. */
export class BatchScratch {
  private readonly offset: number;
  private readonly capacity: number;
  private used = 0;

  constructor(arena: Arena, bytes: number) {
    this.offset = arena.alloc(bytes);
    this.capacity = bytes;
  }

  /** Arena offset of `bytes` bytes (a multiple of 64), or -1 where there are not as many left. */
  take(bytes: number): number {
    const at = this.used;
    const end = (at + bytes + 63) & -64;
    if (end > this.capacity) return -1;
    this.used = end;
    return this.offset + at;
  }

  reset(): void {
    this.used = 0;
  }
}
