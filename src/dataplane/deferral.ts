import { DeferredFrames } from '../actions/deferred.js';
import type { Executor } from '../actions/execute.js';
import type { PacketIndex } from '../memory/packets.js';

/** The frames of a batch that wait for actions of the program that embeds vtep, and those whose action was carried out. */
export class Deferral {
  /** What `take` gave last: frames that go on as their `outcome` says. */
  resuming = new DeferredFrames(0);
  private deferred = new DeferredFrames(0);

  /** From now on up to `capacity` frames may wait. */
  allow(capacity: number): void {
    if (this.deferred.capacity > 0) return;
    this.deferred = new DeferredFrames(capacity);
    this.resuming = new DeferredFrames(capacity);
  }

  /** How many frames wait. */
  get waiting(): number {
    return this.deferred.count;
  }

  /** Those that wait, to be carried out and then resumed; others wait in another place from now on. */
  take(): DeferredFrames {
    const taken = this.deferred;
    this.deferred = this.resuming;
    this.resuming = taken;
    return taken;
  }

  /** Sets a frame aside whose run the executor has just answered with DEFERRED; false where there is no room. */
  add(
    executor: Executor,
    packet: PacketIndex,
    device: number,
    hook: number,
    indev: number,
    bytes: number,
    rule: number,
    position: number,
    chain: number,
    loops: number,
    times: number,
  ): boolean {
    const { deferred } = this;
    const n = deferred.add(packet);
    if (n < 0) return false;
    deferred.action[n] = executor.deferredAction;
    deferred.place[n] = executor.deferredAt;
    deferred.row[n] = executor.deferredRow;
    deferred.nesting[n] = executor.depth;
    deferred.device[n] = device;
    deferred.hook[n] = hook;
    deferred.indev[n] = indev;
    deferred.bytes[n] = bytes;
    deferred.rule[n] = rule;
    deferred.position[n] = position;
    deferred.chain[n] = chain;
    deferred.loops[n] = loops;
    deferred.times[n] = times + 1;
    return true;
  }
}
