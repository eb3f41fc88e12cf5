/**
 * A growing array of 32-bit words in shared memory. Growing copies into a buffer of twice the size; workers go on
 * with the old one until the next snapshot names the new one. Blocks are handed out and taken back by size, so that
 * a program keeps its place for as long as any published snapshot refers to it.
 */
export class SharedWords {
  private array: Int32Array;
  private used = 0;
  private readonly free = new Map<number, number[]>();

  constructor(initial = 1024) {
    this.array = new Int32Array(new SharedArrayBuffer(initial * 4));
  }

  get words(): Int32Array {
    return this.array;
  }

  /** Reserves `length` words and returns where they begin. */
  alloc(length: number): number {
    const recycled = this.free.get(length)?.pop();
    if (recycled !== undefined) return recycled;
    const at = this.used;
    this.used += length;
    this.ensure(this.used);
    return at;
  }

  /** Takes a block back. Only once no worker can read it any more. */
  release(at: number, length: number): void {
    const list = this.free.get(length);
    if (list) list.push(at);
    else this.free.set(length, [at]);
  }

  /** Goes on with a copy: whoever has the words so far sees no change of them any more. */
  detach(): void {
    const copy = new Int32Array(new SharedArrayBuffer(this.array.length * 4));
    copy.set(this.array);
    this.array = copy;
  }

  /** Makes sure that word `length - 1` exists. */
  ensure(length: number): void {
    if (length <= this.array.length) return;
    let size = this.array.length;
    while (size < length) size *= 2;
    const grown = new Int32Array(new SharedArrayBuffer(size * 4));
    grown.set(this.array);
    this.array = grown;
  }
}
