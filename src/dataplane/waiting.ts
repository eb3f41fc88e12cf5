/**
 * How a worker waits for more: asleep, or, where it is told to and it pays, by looking again and again for a while.
 *
 * It looks only behind traffic, for a number of microseconds. Whether that pays is learnt: each look that found something
 * gives credit, each that went by in vain takes some, and so does nothing else; without credit the worker sleeps at once,
 * and comes to credit again when it is woken within that time. So somebody who is idle costs nothing, and one frame a second
 * does not have a processor spin a second's share for it.
 */
import type { Arena } from '../memory/arena.js';
import { type Counters, WorkCounter } from '../memory/counters.js';
import { clockGettime } from '../native/libc.js';
import { CLOCK_MONOTONIC } from '../native/socket-constants.js';
import { Timespec } from '../native/structs.js';

/** Milliseconds of sleep at most: a bound for the case that a wake-up were lost. Costs one wake-up in that time. */
const SLEEP = 5000;
/** Times in vain, one after the other, until it sleeps at once. */
const MOST_CREDIT = 8;

/** What is waited on. */
export interface Waited {
  /** As PollSet's. */
  wait(milliseconds: number): number;
}

/** The clock in microseconds, as 32 bits that wrap. */
export interface Clock {
  now(): number;
}

/** Reads the clock without making garbage. */
export class ArenaClock implements Clock {
  private readonly i32: Int32Array;
  private readonly at: number;
  private readonly address: number;

  constructor(arena: Arena) {
    this.i32 = arena.i32;
    this.at = arena.alloc(Timespec.SIZE);
    this.address = arena.address(this.at);
  }

  now(): number {
    clockGettime(CLOCK_MONOTONIC, this.address);
    const { i32, at } = this;
    const nanoseconds = i32[(at + Timespec.NANOSECONDS) >> 2];
    return (Math.imul(i32[(at + Timespec.SECONDS) >> 2], 1_000_000) + ((nanoseconds / 1000) | 0)) | 0;
  }
}

export class Waiting {
  private readonly waited: Waited;
  private readonly counters: Counters;
  private readonly clock: Clock;
  private readonly busyPoll: number;
  /** When the last batch was done with. */
  private since = 0;
  /** The wait at hand follows traffic. */
  private isBehindTraffic = false;
  private credit = MOST_CREDIT;

  /** `busyPoll`: microseconds; 0: it always sleeps, and does not look at the clock. */
  constructor(waited: Waited, counters: Counters, clock: Clock, busyPoll: number) {
    this.waited = waited;
    this.counters = counters;
    this.clock = clock;
    this.busyPoll = busyPoll;
  }

  /** Frames have come in, and are done with. */
  worked(): void {
    if (this.busyPoll === 0) return;
    this.since = this.clock.now();
    this.isBehindTraffic = true;
  }

  /** Returns how many entries are ready, or -errno. */
  wait(): number {
    if (!this.isBehindTraffic) return this.sleep();
    this.isBehindTraffic = false;
    if (this.credit > 0) {
      const ready = this.look();
      if (ready !== 0) {
        if (this.credit < MOST_CREDIT) this.credit++;
        return ready;
      }
      this.credit--;
    }
    const ready = this.sleep();
    // It was woken so soon that looking would have found it.
    if (this.credit === 0 && this.passed() <= this.busyPoll) this.credit = 2;
    return ready;
  }

  private look(): number {
    do {
      const ready = this.waited.wait(0);
      this.counters.work(WorkCounter.BUSY_POLLS, 1);
      if (ready !== 0) return ready;
      this.counters.work(WorkCounter.IDLE_POLLS, 1);
    } while (this.passed() < this.busyPoll);
    return 0;
  }

  private sleep(): number {
    const ready = this.waited.wait(SLEEP);
    this.counters.work(WorkCounter.WAKEUPS, 1);
    return ready;
  }

  private passed(): number {
    return (this.clock.now() - this.since) | 0;
  }
}
