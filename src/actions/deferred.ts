/**
 * Frames that wait, within their batch, for an action that is not vtep's own: a function of the program that embeds it.
 * Such functions are called with many frames at a time, so a frame that meets one is set aside, with the place in its
 * rule where it stopped, and goes on from there before the batch is written. Frames of one flow meet the same rules,
 * and keep their order; frames that no such action takes do not wait.
 *
 * Nothing here outlives the batch: packets are borrowed as everywhere.
 */
import type { PacketIndex } from '../memory/packets.js';

/** As a verdict of `Executor.run`: the frame waits for the action `deferredAction`, which stands at `deferredAt`. */
export const DEFERRED = -4;

/** How often one frame may wait within a batch: what jumps back in its rule ends there, as if it had said ok. */
export const DEFER_LIMIT = 32;

/** What became of a frame. */
export const GOES_ON = 0;
export const DROPPED_BY_ACTION = 1;
/** The function has copied what it wants of it: it ends here, and no one counts it as dropped. */
export const KEPT_BY_ACTION = 2;
/** It has no more to do with this rule, as after `action pass`. */
export const PASSED_BY_ACTION = 3;

/** A structure of arrays; entries in the order in which the frames came. */
export class DeferredFrames {
  readonly packet: Int32Array;
  /** The number of the action that it waits for. */
  readonly action: Int32Array;
  /** GOES_ON, and so on. */
  readonly outcome: Int32Array;
  /** Of DROPPED_BY_ACTION: the number of the reason. */
  readonly reason: Int32Array;
  // Where it stopped.
  readonly device: Int32Array;
  readonly hook: Int32Array;
  readonly indev: Int32Array;
  /** Bytes that the hook counts it with. */
  readonly bytes: Int32Array;
  readonly rule: Int32Array;
  /** The place of the action in its rule, and the row of its counters. */
  readonly place: Int32Array;
  readonly row: Int32Array;
  readonly position: Int32Array;
  readonly chain: Int32Array;
  readonly loops: Int32Array;
  readonly nesting: Int32Array;
  readonly times: Int32Array;
  readonly capacity: number;
  count = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    const column = (): Int32Array => new Int32Array(capacity);
    this.packet = column();
    this.action = column();
    this.outcome = column();
    this.reason = column();
    this.device = column();
    this.hook = column();
    this.indev = column();
    this.bytes = column();
    this.rule = column();
    this.place = column();
    this.row = column();
    this.position = column();
    this.chain = column();
    this.loops = column();
    this.nesting = column();
    this.times = column();
  }

  /** The next entry, to be filled in; -1: there is no room. */
  add(packet: PacketIndex): number {
    const n = this.count;
    if (n === this.capacity) return -1;
    this.count = n + 1;
    this.packet[n] = packet;
    this.outcome[n] = GOES_ON;
    this.reason[n] = 0;
    return n;
  }
}

/** Who carries actions out that are not vtep's own. */
export interface CustomActions {
  /** Sets `outcome` and `reason` of the entries for which it is something else than GOES_ON. Never throws. */
  run(frames: DeferredFrames): void;
}
