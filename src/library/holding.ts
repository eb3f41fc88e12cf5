import { VtepError } from './errors.js';
import type { DropReason } from './reasons.js';
import type { Device } from './types.js';

export interface HoldingOptions {
  /** How many frames are held at most, 1 or more. */
  readonly most: number;
  /** What frames are counted under for which there is no room, and those that are held when it is closed. */
  readonly full: DropReason;
}

interface Held {
  readonly due: number;
  /** Of those that are due together the first that came goes first. */
  readonly order: number;
  readonly frame: Uint8Array;
}

/**
 * Frames that are held for a while, and then come in on a device: a bounded number, on one timer. For functions that
 * delay or reorder; what they are handed is borrowed, so a held frame is a copy.
 */
export class Holding {
  private readonly device: Device;
  private readonly options: HoldingOptions;
  /** A heap: the first is due first. */
  private readonly heap: Held[] = [];
  private timer: NodeJS.Timeout | undefined;
  /** When the timer goes off. */
  private timerAt = Number.POSITIVE_INFINITY;
  private order = 0;
  private isClosed = false;

  constructor(device: Device, options: HoldingOptions) {
    if (!Number.isInteger(options.most) || options.most < 1)
      throw new VtepError('invalid', `most: ${options.most} frames cannot be held`);
    this.device = device;
    this.options = options;
  }

  /** How many are held now. */
  get size(): number {
    return this.heap.length;
  }

  /** Holds a frame, which is the holding's from now on, for so many milliseconds; false: there was no room, which is counted. */
  hold(frame: Uint8Array, milliseconds: number): boolean {
    if (this.isClosed || this.heap.length >= this.options.most) {
      this.device.drop(this.options.full);
      return false;
    }
    const due = performance.now() + Math.max(0, milliseconds);
    this.push({ due, order: this.order++, frame });
    this.arm();
    return true;
  }

  /** Lets go of everything that is held, which is counted. Safe to call twice, and behind the device's own end. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.timer);
    const { length } = this.heap;
    this.heap.length = 0;
    try {
      if (length > 0) this.device.drop(this.options.full, length);
    } catch (error) {
      // Whose device has gone needs no count of it.
      if (!(error instanceof VtepError && error.code === 'closed')) throw error;
    }
  }

  private readonly release = (): void => {
    this.timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    try {
      for (let first = this.heap[0]; first && first.due <= now; first = this.heap[0]) {
        this.shift();
        this.device.send(first.frame);
      }
    } catch (error) {
      if (!(error instanceof VtepError && error.code === 'closed')) throw error;
      this.close();
      return;
    }
    this.arm();
  };

  private arm(): void {
    const [first] = this.heap;
    if (!first || first.due >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = first.due;
    this.timer = setTimeout(this.release, Math.max(0, Math.ceil(first.due - performance.now())));
  }

  private push(held: Held): void {
    const { heap } = this;
    let at = heap.push(held) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const other = heap[above];
      if (!other || !isBefore(held, other)) break;
      heap[at] = other;
      at = above;
    }
    heap[at] = held;
  }

  private shift(): void {
    const { heap } = this;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      if (!a) break;
      const isRight = b !== undefined && isBefore(b, a);
      const least = isRight ? b : a;
      if (!isBefore(least, last)) break;
      heap[at] = least;
      at = isRight ? left + 1 : left;
    }
    heap[at] = last;
  }
}

function isBefore(a: Held, b: Held): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
