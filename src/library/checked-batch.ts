/**
 * Batches that keep functions to the rules (`checked: true`): what a function is handed is a copy of the frames, in
 * memory of its own with a gap behind each, and is taken away when it has returned. What was changed without a right to
 * is found then; what is kept is gone: a view of it is empty, and its methods throw.
 */
import { VtepError } from './errors.js';
import type { ActionBatch, FrameBatch, TunnelMetadata } from './frame-batch.js';
import type { DropReason } from './reasons.js';

const GAP = 64;
const FILLING = 0xa5;

class Checked<B extends FrameBatch> implements FrameBatch {
  readonly memory: Uint8Array;
  readonly count: number;
  protected readonly inner: B;
  private readonly offsets: number[] = [];

  constructor(inner: B) {
    this.inner = inner;
    this.count = inner.count;
    let at = GAP;
    for (let i = 0; i < this.count; i++) {
      this.offsets.push(at);
      at += inner.length(i) + GAP;
    }
    this.memory = new Uint8Array(at).fill(FILLING);
    for (let i = 0; i < this.count; i++) this.memory.set(inner.bytes(i), this.offset(i));
  }

  offset(i: number): number {
    this.inner.length(i); // refuses what is no frame of the batch, or comes too late
    return this.offsets[i] ?? 0;
  }

  length(i: number): number {
    return this.inner.length(i);
  }

  bytes(i: number): Uint8Array {
    const at = this.offset(i);
    return this.memory.subarray(at, at + this.length(i));
  }

  copy(i: number): Uint8Array {
    return Uint8Array.from(this.bytes(i));
  }

  drop(i: number, reason: DropReason): void {
    this.inner.drop(i, reason);
  }

  /** What the function has done is looked at, and taken over. Throws VtepError 'invalid' where it had no right to it. */
  settle(): void {
    let gap = 0;
    for (let i = 0; i < this.count; i++) {
      const at = this.offset(i);
      this.checkGap(gap, at);
      this.settleFrame(i, this.bytes(i));
      gap = at + this.length(i);
    }
    this.checkGap(gap, this.memory.length);
  }

  /** Whoever has kept any of it holds nothing any more. */
  takeAway(): void {
    const { buffer } = this.memory;
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  }

  protected settleFrame(i: number, bytes: Uint8Array): void {
    if (Buffer.compare(bytes, this.inner.bytes(i)) === 0) return;
    throw new VtepError(
      'invalid',
      `frame ${i} was changed where it is borrowed: of an action, writable(${i}) gives bytes that may be`,
    );
  }

  private checkGap(from: number, to: number): void {
    for (let at = from; at < to; at++) {
      if (this.memory[at] === FILLING) continue;
      throw new VtepError('invalid', `memory was written to at ${at}, where no frame of the batch stands`);
    }
  }
}

export class CheckedFrameBatch extends Checked<FrameBatch> {}

export class CheckedActionBatch extends Checked<ActionBatch> implements ActionBatch {
  private readonly changed = new Set<number>();

  vni(i: number): number {
    return this.inner.vni(i);
  }

  tunnel(i: number): TunnelMetadata | undefined {
    return this.inner.tunnel(i);
  }

  device(i: number): string {
    return this.inner.device(i);
  }

  hook(i: number): 'ingress' | 'egress' {
    return this.inner.hook(i);
  }

  segments(i: number): number {
    return this.inner.segments(i);
  }

  writable(i: number): Uint8Array | undefined {
    if (this.inner.writable(i) === undefined) return undefined;
    this.changed.add(i);
    return this.bytes(i);
  }

  pass(i: number): void {
    this.inner.pass(i);
  }

  keep(i: number): Uint8Array {
    const copy = this.copy(i);
    this.inner.keep(i);
    return copy;
  }

  protected override settleFrame(i: number, bytes: Uint8Array): void {
    // Where it stands since writable(i): its own bytes.
    if (this.changed.has(i)) this.inner.bytes(i).set(bytes);
    else super.settleFrame(i, bytes);
  }
}
