/**
 * The garbage that a large change leaves. V8 collects old objects when about as many new ones have come, and a daemon at
 * rest makes none: behind a reload that replaced 100,000 filters a process of 180 MiB kept 670, behind the next one 1,220.
 * So it is asked to, behind what has left much. Four reloads of 40,000 other filters each came to 667 MiB, and 380 stayed;
 * with this to 356, and 173.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** Bytes that are worth a collection. */
const MUCH = 64 * 2 ** 20;
/** Milliseconds until then: there may be more of it, and whoever asked has the answer first. */
const LATER_MS = 500;

/** What is asked of Node.js. */
export interface Heap {
  /** Bytes of objects, garbage among them. */
  used(): number;
  collect(): Promise<void>;
  /** Has it done after a while, unless the process ends before. */
  later(work: () => void): void;
}

export class LeftGarbage {
  private readonly heap: Heap;
  /** What there was behind the last collection. */
  private kept = 0;
  private isDue = false;

  constructor(heap: Heap = new OwnHeap()) {
    this.heap = heap;
  }

  /** A change is over. Where it has left much, that is collected soon. */
  look(): void {
    if (this.isDue || !this.isMuch) return;
    this.isDue = true;
    this.heap.later(() => {
      this.isDue = false;
      // V8 may have done it meanwhile.
      if (this.isMuch) void this.collect();
    });
  }

  private async collect(): Promise<void> {
    this.isDue = true;
    await this.heap.collect();
    this.isDue = false;
    this.kept = this.heap.used();
  }

  private get isMuch(): boolean {
    const { kept } = this;
    return this.heap.used() - kept > Math.max(MUCH, kept / 2);
  }
}

/** Milliseconds between two looks at how far it is, and how many there are at most. */
const STEP_MS = 5;
const STEPS = 400;
/** Entries of an array that is made for V8 to see whether it is time: too long for the young objects. */
const LONG = 32_768;

/**
 * V8 is not told to collect, which would hold the thread for about a millisecond a MiB that stays, but that it is time to:
 * then it marks beside the program and in steps between its work. 250 MiB of 500 were gone within 100 ms, none of them
 * longer than 21; `gc()` took 165.
 */
class OwnHeap implements Heap {
  used(): number {
    return getHeapStatistics().used_heap_size;
  }

  async collect(): Promise<void> {
    let isDone = false;
    const observer = new PerformanceObserver((list) => {
      isDone ||= list.getEntries().some(isMajor);
    });
    observer.observe({ entryTypes: ['gc'] });
    // Percent of the old objects' limit.
    setFlagsFromString('--incremental-marking-hard-trigger=1');
    try {
      for (let step = 0; step < STEPS && !isDone; step++) {
        new Array(LONG).fill(step);
        await wait(STEP_MS, undefined, { ref: false });
      }
    } finally {
      setFlagsFromString('--incremental-marking-hard-trigger=0');
      observer.disconnect();
    }
  }

  later(work: () => void): void {
    setTimeout(work, LATER_MS).unref();
  }
}

function isMajor(entry: object): boolean {
  const detail: unknown = 'detail' in entry ? entry.detail : undefined;
  if (typeof detail !== 'object' || detail === null || !('kind' in detail)) return false;
  return detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
