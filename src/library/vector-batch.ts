import type { FrameVector } from '../memory/vectors.js';
import { VtepError } from './errors.js';
import type { FrameBatch } from './frame-batch.js';
import type { DropReason, ReasonTable } from './reasons.js';

/** Frames of a vector that leave through a device, as the device's function sees them. One object serves all batches. */
export class VectorBatch implements FrameBatch {
  readonly memory: Uint8Array;
  count = 0;
  readonly offsets: Int32Array;
  readonly lengths: Int32Array;
  private readonly reasons: ReasonTable;
  private vector: FrameVector | undefined;
  private from = 0;

  constructor(memory: Uint8Array, reasons: ReasonTable, capacity: number) {
    this.memory = memory;
    this.reasons = reasons;
    this.offsets = new Int32Array(capacity);
    this.lengths = new Int32Array(capacity);
  }

  /** @internal */
  begin(vector: FrameVector, from: number): void {
    this.vector = vector;
    this.from = from;
    this.count = 0;
  }

  /** @internal */
  end(): void {
    this.vector = undefined;
    this.count = 0;
  }

  offset(i: number): number {
    return this.offsets[this.check(i)] ?? 0;
  }

  length(i: number): number {
    return this.lengths[this.check(i)] ?? 0;
  }

  bytes(i: number): Uint8Array {
    const at = this.offset(i);
    return this.memory.subarray(at, at + this.length(i));
  }

  copy(i: number): Uint8Array {
    const at = this.offset(i);
    return Uint8Array.from(this.memory.subarray(at, at + this.length(i)));
  }

  drop(i: number, reason: DropReason): void {
    this.check(i);
    if (this.vector) this.vector.errno[this.from + i] = -this.reasons.numberOf(reason);
  }

  /** @internal For one of vtep's own reasons. */
  refuse(i: number, reason: number): void {
    if (this.vector) this.vector.errno[this.from + i] = -reason;
  }

  private check(i: number): number {
    if (this.vector === undefined) throw new VtepError('invalid', 'a batch is over when its function has returned');
    if (!(i >= 0 && i < this.count && (i | 0) === i))
      throw new VtepError('invalid', `frame ${i} of a batch of ${this.count}`);
    return i;
  }
}
