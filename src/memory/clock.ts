/** What time it is. Read once a batch: reading a clock makes garbage. */
export interface Clock {
  /** Milliseconds since the epoch. */
  wall(): number;
  /** Milliseconds since some moment, with a fraction, never going back, and the same on all threads. */
  steady(): number;
}

/** What `performance.now` is behind CLOCK_MONOTONIC: each thread counts from its own beginning. */
const offset = beginning();

function beginning(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6 - performance.now();
}

/** The machine's. */
export const SYSTEM_CLOCK: Clock = { wall: () => Date.now(), steady: () => performance.now() + offset };

/** A clock that stands still until it is set: for what is to come out the same each time. */
export class SetClock implements Clock {
  /** Milliseconds since the epoch. */
  now: number;

  constructor(now: number) {
    this.now = now;
  }

  wall(): number {
    return Math.trunc(this.now);
  }

  steady(): number {
    return this.now;
  }
}
