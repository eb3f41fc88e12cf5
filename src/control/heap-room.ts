import { getHeapStatistics } from 'node:v8';

/** Of the heap that a process may have; the rest is for the commands themselves. */
const MOST = 0.92;

/** Whether the heap can take more filters: Node.js ends without a word where it is full. */
export function hasHeapRoom(): boolean {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used < limit * MOST;
}
