/** How much a piece of synchronous work allocates on the JavaScript heap. */
import { GCProfiler, getHeapStatistics } from 'node:v8';

export interface Allocation {
  /** Bytes, whether or not they were collected meanwhile. */
  readonly bytes: number;
  readonly collections: number;
}

/**
 * Runs `work` and adds what the heap grew by to what collections took out of it meanwhile. A collection tells the heap
 * before and after itself, and needs no event loop for that. The measurement itself allocates a few hundred bytes.
 */
export function allocationOf(work: () => void): Allocation {
  const profiler = new GCProfiler();
  profiler.start();
  const before = getHeapStatistics().used_heap_size;
  work();
  const after = getHeapStatistics().used_heap_size;
  const { statistics } = profiler.stop();
  const collected = statistics.reduce(
    (sum, { beforeGC, afterGC }) => sum + beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize,
    0,
  );
  return { bytes: after - before + collected, collections: statistics.length };
}

export interface Steady extends Allocation {
  /** How often the work ran. */
  readonly runs: number;
}

/** How long code may take to become optimised: seconds, where the compiler's threads get little of the machine. */
const DEADLINE = 30_000;

/**
 * Repeats `work` until two runs in a row allocate at most `bound` bytes each, and gives the second; at the deadline, in
 * milliseconds, the run that allocated least. Code that V8 has not optimised yet boxes numbers, and optimising allocates
 * too; both pass, whenever V8 pleases. What the work itself allocates never does, so that no bound below it is met.
 */
export function steadyAllocationOf(work: () => void, bound: number, deadline = DEADLINE): Steady {
  const end = performance.now() + deadline;
  let best: Allocation = { bytes: Number.POSITIVE_INFINITY, collections: 0 };
  let within = 0;
  for (let runs = 1; ; runs++) {
    const allocation = allocationOf(work);
    if (allocation.bytes < best.bytes) best = allocation;
    within = allocation.bytes <= bound ? within + 1 : 0;
    if (within === 2) return { ...allocation, runs };
    if (performance.now() > end) return { ...best, runs };
  }
}

/** The least that one of `runs` runs allocates, of work that is known to be optimised but for what it allocates. */
export function leastAllocationOf(work: () => void, runs = 4): Allocation {
  return Array.from({ length: runs }, () => allocationOf(work)).reduce((a, b) => (b.bytes < a.bytes ? b : a));
}
