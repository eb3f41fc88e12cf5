/**
 * One arena per worker: a shared WebAssembly memory that holds every buffer, descriptor column, iovec, mmsghdr and
 * control message. It never moves and never grows, so raw addresses stay valid, views stay attached, and the
 * garbage collector has nothing to do. Pages that nobody touches cost nothing.
 *
 * Inside the arena a place is a byte offset (a small integer). Only the structures that the kernel reads hold
 * addresses; they are written as two 32-bit halves, never as a BigInt.
 */
import { addressOf } from '../native/libc.js';

/** The part of WebAssembly.Memory that is used here (TypeScript declares it for browsers only). */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (pages: { initial: number; maximum: number; shared: true }) => SharedMemory };
  }
).WebAssembly;

const PAGE = 65536;
const TWO_32 = 4294967296;

export class Arena {
  readonly memory: SharedMemory;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  /** Address of byte 0. */
  readonly base: number;
  private readonly baseLow: number;
  private readonly baseHigh: number;
  /** The first offset whose address has another upper half than byte 0's. */
  private readonly carry: number;
  private readonly first: number;
  private readonly limit: number;
  private used: number;

  /** `bytes` is rounded up to whole pages of 64 KiB. (The other form is `carve`'s.) */
  constructor(bytes: number, within?: { arena: Arena; offset: number }) {
    if (within === undefined) {
      const pages = Math.ceil(bytes / PAGE);
      this.memory = new Memory({ initial: pages, maximum: pages, shared: true });
      this.first = 64; // offset 0 stays free, so that 0 can mean "none"
      this.limit = pages * PAGE;
    } else {
      this.memory = within.arena.memory;
      this.first = within.offset;
      this.limit = within.offset + bytes;
    }
    this.used = this.first;
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.base = addressOf(this.u8);
    this.baseHigh = Math.floor(this.base / TWO_32);
    this.baseLow = this.base - this.baseHigh * TWO_32;
    this.carry = TWO_32 - this.baseLow;
  }

  get size(): number {
    return this.u8.length;
  }

  /**
   * Reserves `bytes` (zeroed) at a multiple of `align` (a power of two, at most 65,536) for the life of the arena.
   * Throws a RangeError where the arena is too small: sizes are fixed at start, so that is a programming error.
   */
  alloc(bytes: number, align = 64): number {
    const offset = (this.used + align - 1) & -align;
    if (offset + bytes > this.limit)
      throw new RangeError(`arena: ${bytes} bytes wanted at ${offset}, end ${this.limit}`);
    this.used = offset + bytes;
    return offset;
  }

  /**
   * A part of this arena, of the same memory and offsets, that can be emptied and used again: for what comes and
   * goes with devices.
   */
  carve(bytes: number): Arena {
    return new Arena(bytes, { arena: this, offset: this.alloc(bytes) });
  }

  /** Gives everything allocated back, zeroed. Whoever still holds an offset into it must not use it. */
  reset(): void {
    this.u8.fill(0, this.first, this.used);
    this.used = this.first;
  }

  /** A column of `length` 32-bit integers, cache-line aligned. */
  column(length: number): Int32Array {
    return this.i32.subarray(this.alloc(length * 4) >> 2).subarray(0, length);
  }

  /** The address of `offset`, for system calls. */
  address(offset: number): number {
    return this.base + offset;
  }

  /** Writes the address of `target` into the 8 bytes at `at` (a multiple of 4). */
  writeAddress(at: number, target: number): void {
    const i = at >> 2;
    const crossed = target >= this.carry;
    this.i32[i] = (this.baseLow + target) | 0;
    this.i32[i + 1] = crossed ? this.baseHigh + 1 : this.baseHigh;
  }

  /** Writes `struct iovec { void *base; size_t length }` at `at` (16 bytes, a multiple of 4). */
  writeIovec(at: number, offset: number, length: number): void {
    const i = at >> 2;
    this.i32[i] = (this.baseLow + offset) | 0;
    this.i32[i + 1] = offset >= this.carry ? this.baseHigh + 1 : this.baseHigh;
    this.i32[i + 2] = length;
    this.i32[i + 3] = 0;
  }
}
