/**
 * What time it is. Read once a batch: reading a clock makes garbage.
 *
 * Whatever ages, waits or is limited goes by the steady clock, as in the kernel by its jiffies: people set the other one,
 * by years where a machine has no battery. The wall clock is for what people read and for what outlives the machine's run.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  wall(): number;
  /** Milliseconds since some moment, with a fraction, never going back, and the same on all threads. */
  steady(): number;
}

/**
 * What `performance.now` is behind CLOCK_MONOTONIC: each thread counts from its own beginning. Added to it, it is the
 * `steady` of SYSTEM_CLOCK, where a call through an interface would make garbage.
 */
export const STEADY_OFFSET: number = beginning();

function beginning(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6 - performance.now();
}

/** The machine's. */
export const SYSTEM_CLOCK: Clock = { wall: () => Date.now(), steady: () => performance.now() + STEADY_OFFSET };

/** The wall clock in microseconds since the epoch, for what people read: it follows where somebody sets the machine's. */
export class FineWallClock {
  private offset = performance.timeOrigin;

  now(): number {
    const wall = Date.now();
    const fine = performance.now() + this.offset;
    // Half a second is more than a slewed clock drifts between two looks, and less than anybody sets one by.
    if (Math.abs(wall - fine) < FOLLOWED_MS) return fine * 1000;
    this.offset += wall - fine;
    return wall * 1000;
  }
}

const FOLLOWED_MS = 500;

/** A clock that stands still until it is set: for what is to come out the same each time. */
export class SetClock implements Clock {
  /** Milliseconds since the epoch. */
  now: number;
  /** Milliseconds by which somebody has set the wall clock forth or back; the steady one does not notice. */
  jumped = 0;

  constructor(now: number) {
    this.now = now;
  }

  wall(): number {
    return Math.trunc(this.now + this.jumped);
  }

  steady(): number {
    return this.now;
  }
}
