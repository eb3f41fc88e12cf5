import type { Arena } from '../memory/arena.js';
import type { FrameVector } from '../memory/vectors.js';
import type { ReasonTable } from './reasons.js';
import { VectorBatch } from './vector-batch.js';

/** Bytes for frames that are put together, of a batch that is handed over at once. */
export const GATHER_BYTES = 2 * 1024 * 1024;
const TWO_32 = 4294967296;
const IOVEC_WORDS = 4;
const MOST_FRAMES = 4096;

/** Finds the frames of a vector: where they stand in one piece, there; else put together in memory of its own. */
export class FrameReader {
  readonly memory: Uint8Array;
  private readonly i32: Int32Array;
  /** The lower half of the arena's address. */
  private readonly base: number;
  private readonly gather: number;
  private readonly batch: VectorBatch;

  constructor(arena: Arena, reasons: ReasonTable) {
    this.memory = arena.u8;
    this.i32 = arena.i32;
    this.base = (arena.base % TWO_32) | 0;
    this.gather = arena.alloc(GATHER_BYTES);
    this.batch = new VectorBatch(arena.u8, reasons, MOST_FRAMES);
  }

  /**
   * The frames from entry `from` on, all of them or as many as there is room for; each behind `skip` bytes. Until the
   * next call: there is one batch, and functions that are handed it have nothing written within.
   */
  read(vector: FrameVector, from: number, skip: number): VectorBatch {
    const { batch } = this;
    batch.begin(vector, from);
    let used = 0;
    for (let f = from; f < vector.count; f++) {
      const first = vector.iovecs.at(vector.iovecStart[f] ?? 0) >> 2;
      const count = vector.iovecCount[f] ?? 0;
      const rest = (this.i32[first + 2] ?? 0) - skip;
      const n = f - from;
      if (count === 1 || (count === 2 && rest === 0)) {
        // The header alone, or everything, in the first.
        const at = rest === 0 ? first + IOVEC_WORDS : first;
        batch.offsets[n] = this.offsetAt(at) + (rest === 0 ? 0 : skip);
        batch.lengths[n] = rest === 0 ? (this.i32[at + 2] ?? 0) : rest;
      } else {
        const length = this.join(first, count, skip, used);
        if (length < 0) break;
        batch.offsets[n] = this.gather + used;
        batch.lengths[n] = length;
        used += (length + 63) & ~63;
      }
      batch.count = n + 1;
    }
    return batch;
  }

  /** Copies an entry to `used` of the memory for it; returns its bytes, -1: there is no room. */
  private join(first: number, count: number, skip: number, used: number): number {
    const start = this.gather + used;
    let at = start;
    for (let v = 0; v < count; v++) {
      const word = first + v * IOVEC_WORDS;
      const left = v === 0 ? skip : 0;
      const from = this.offsetAt(word) + left;
      const length = (this.i32[word + 2] ?? 0) - left;
      if (at + length > this.gather + GATHER_BYTES) return -1;
      this.memory.copyWithin(at, from, from + length);
      at += length;
    }
    return at - start;
  }

  /** The arena's offset that an iovec points to. */
  private offsetAt(word: number): number {
    return ((this.i32[word] ?? 0) - this.base) >>> 0;
  }
}
