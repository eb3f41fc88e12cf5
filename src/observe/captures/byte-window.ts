/** Fills `target` from its beginning with what follows, and returns how many bytes; 0: there is no more. */
export type ReadBytes = (target: Uint8Array) => number;

const FIRST_BYTES = 1024 * 1024;

/** A part of a file, of which more is read as it is wanted, and what is behind is forgotten. */
export class ByteWindow {
  bytes: Uint8Array;
  view: DataView;
  /** Where in `bytes` it goes on. */
  at = 0;
  private readonly read: ReadBytes | undefined;
  /** Bytes that are there. */
  private filled: number;
  /** Where in the file `bytes` begin. */
  private begin = 0;
  private isAtEnd: boolean;

  private constructor(bytes: Uint8Array, filled: number, read: ReadBytes | undefined) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.filled = filled;
    this.read = read;
    this.isAtEnd = read === undefined;
  }

  /** Of what is in memory as a whole. */
  static over(file: Uint8Array): ByteWindow {
    return new ByteWindow(file, file.length, undefined);
  }

  /** Of what is read piece by piece. */
  static reading(read: ReadBytes): ByteWindow {
    return new ByteWindow(new Uint8Array(FIRST_BYTES), 0, read);
  }

  /** Where in the file it goes on. */
  get position(): number {
    return this.begin + this.at;
  }

  /** Whether there are `count` bytes from `at` on. What was lent out before may be overwritten by it. */
  has(count: number): boolean {
    if (this.filled - this.at >= count) return true;
    if (this.isAtEnd) return false;
    this.makeRoom(count);
    while (!this.isAtEnd && this.filled < count) {
      const more = this.read?.(this.bytes.subarray(this.filled)) ?? 0;
      this.filled += more;
      this.isAtEnd = more === 0;
    }
    return this.filled >= count;
  }

  /** Goes on behind `count` bytes, without keeping them; false where there are fewer. */
  skip(count: number): boolean {
    let left = count;
    while (left > 0 && this.has(1)) {
      const step = Math.min(left, this.filled - this.at);
      this.at += step;
      left -= step;
    }
    return left === 0;
  }

  /** Has what goes on stand at the beginning. */
  private makeRoom(count: number): void {
    const rest = this.bytes.subarray(this.at, this.filled);
    if (count > this.bytes.length) {
      const larger = new Uint8Array(2 * count);
      larger.set(rest);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    } else this.bytes.copyWithin(0, this.at, this.filled);
    this.begin += this.at;
    this.filled -= this.at;
    this.at = 0;
  }
}
