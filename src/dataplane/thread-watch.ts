/**
 * Whether a worker's thread is still there. A kernel that meets a fault of its own in a system call ends the thread that made
 * it (an "oops" in dmesg), and nobody tells Node.js: the process goes on, and carries nothing.
 */
import { existsSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

const TASKS = '/proc/self/task';
const INTERVAL_MS = 1000;

/** The kernel's id of the thread that calls; undefined where /proc does not tell. */
export function threadId(): string | undefined {
  try {
    return basename(readlinkSync('/proc/thread-self'));
  } catch {
    return undefined;
  }
}

/** Looks once a second whether a thread is there, and calls `gone` once when it is not. Does not keep the process going. */
export class ThreadWatch {
  private readonly timer: NodeJS.Timeout;

  /** `isThere`: for tests; otherwise /proc says. */
  constructor(
    id: string,
    gone: () => void,
    isThere: (id: string) => boolean = (which) => existsSync(`${TASKS}/${which}`),
    interval = INTERVAL_MS,
  ) {
    this.timer = setInterval(() => {
      if (isThere(id)) return;
      this.stop();
      gone();
    }, interval);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
