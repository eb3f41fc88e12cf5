import { MAX_DEVICES } from '../memory/counters.js';
import { FreeNumbers } from './free-numbers.js';

/**
 * The indices of devices. A mirred names its target by index, and the kernel's goes nowhere once its device is
 * deleted: so an index that actions still send to is not another device's until the last of them has gone.
 */
export class DeviceIndices {
  private readonly indices = new FreeNumbers(0);
  private readonly holds = new Map<number, number>();
  /** Given back, and held. */
  private readonly leaving = new Set<number>();
  private taken = 0;

  /** The lowest free index, or -1 where all are taken. */
  next(): number {
    if (this.taken === MAX_DEVICES) return -1;
    this.taken++;
    return this.indices.next();
  }

  /** Gives an index back. */
  release(index: number): void {
    if (this.holds.has(index)) this.leaving.add(index);
    else this.free(index);
  }

  /** An action sends to the index from now on. */
  hold(index: number): void {
    this.holds.set(index, (this.holds.get(index) ?? 0) + 1);
  }

  /** Whether an action sends to the index. */
  isHeld(index: number): boolean {
    return this.holds.has(index);
  }

  /** Takes one `hold` back. */
  drop(index: number): void {
    const left = (this.holds.get(index) ?? 0) - 1;
    if (left > 0) {
      this.holds.set(index, left);
      return;
    }
    this.holds.delete(index);
    if (this.leaving.delete(index)) this.free(index);
  }

  private free(index: number): void {
    this.taken--;
    this.indices.release(index);
  }
}
