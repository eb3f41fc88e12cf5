/** The kernel's numbers of this process's threads, from /proc. Not for the hot path. */
import { existsSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Stands for a thread of which /proc does not tell: no kernel has such a number, and it counts as there. */
const UNKNOWN = 0x3fff_ffff;

/** The number of the thread that calls. */
export function threadNumber(): number {
  try {
    return Number(basename(readlinkSync('/proc/thread-self'))) || UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}

/** Whether a thread of this process is still there; true where /proc does not tell. */
export function isThread(number: number, tasks = '/proc/self/task'): boolean {
  return number === UNKNOWN || existsSync(`${tasks}/${number}`) || !existsSync(tasks);
}
