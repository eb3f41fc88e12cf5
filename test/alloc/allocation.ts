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
