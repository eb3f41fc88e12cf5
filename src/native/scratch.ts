/**
 * Memory for the control path's system calls. `scratch` serves calls that end before the next one begins; whoever
 * keeps bytes across calls makes a `NativeBuffer` of its own. There is one `scratch` per thread.
 */
import { addressOf } from './libc.js';

/** Bytes that never move, with their address. Lives as long as somebody refers to it. */
export class NativeBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Address of byte 0. */
  readonly address: number;

  constructor(size: number) {
    // A SharedArrayBuffer is always outside the movable heap, whatever its size.
    const buffer = new SharedArrayBuffer(size);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.address = addressOf(this.bytes);
  }

  /** Writes a 64-bit pointer to byte `target` of `buffer` at `at`. */
  pointer(at: number, buffer: NativeBuffer, target: number): void {
    this.view.setBigUint64(at, BigInt(buffer.address + target), true);
  }

  /** The bytes from `from` to the first zero (at most `length` of them), as UTF-8. */
  string(from: number, length: number): string {
    let end = from;
    while (end < from + length && this.bytes[end] !== 0) end++;
    return Buffer.from(this.bytes.slice(from, end)).toString();
  }
}

export const scratch = new NativeBuffer(4096);
