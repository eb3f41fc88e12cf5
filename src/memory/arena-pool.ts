import type { Arena } from './arena.js';

/** Parts of one size of an arena, for what comes and goes while the arena stays: given back ones are used again. */
export class ArenaPool {
  private readonly arena: Arena;
  private readonly bytes: number;
  private readonly free: Arena[] = [];
  private made = 0;
  readonly limit: number;

  /** `limit` parts of `bytes` bytes at most; they are taken from `arena` as they are needed. */
  constructor(arena: Arena, bytes: number, limit: number) {
    this.arena = arena;
    this.bytes = bytes;
    this.limit = limit;
  }

  /** An empty part. Throws a RangeError where all are in use. */
  take(): Arena {
    const used = this.free.pop();
    if (used !== undefined) return used;
    if (this.made === this.limit) throw new RangeError(`all ${this.limit} parts of the arena are in use`);
    this.made++;
    return this.arena.carve(this.bytes);
  }

  /** Takes a part back. Nothing may refer to its bytes any more. */
  give(part: Arena): void {
    part.reset();
    this.free.push(part);
  }
}
