import { getHeapStatistics } from 'node:v8';

/** Of the heap that a process may have. Node.js ends where four fifths stay in use after some collections in a row. */
const MOST = 0.8;
/** What young objects take, which the limit counts too, and the commands themselves: bytes. */
const LEAST_LEFT = 64 * 1024 * 1024;

/** Whether the heap can take more filters: Node.js ends without a word to anybody where it is full. */
export function hasHeapRoom(): boolean {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return used < Math.min(limit * MOST, limit - LEAST_LEFT);
}
