/** What `performance.now` is behind the clock of the machine: each thread counts from its own beginning. */
const offset = beginning();

function beginning(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6 - performance.now();
}

/** Milliseconds of a clock that never jumps and is the same for all threads (CLOCK_MONOTONIC). */
export function monotonic(): number {
  return performance.now() + offset;
}
