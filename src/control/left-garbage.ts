/**
 * The garbage that a large change leaves. V8 collects old objects when about as many new ones have come, and a daemon at
 * rest makes none: behind a reload that replaced 100,000 filters a process of 180 MiB kept 670, behind the next one 1,220.
 * So it is asked to, behind what has left much. Four reloads of 40,000 other filters each came to 667 MiB, and 380 stayed;
 * with this to 356, and 173.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes that are worth a collection, which takes the control thread about 2 ms for each MiB that stays; workers go on. */
const MUCH = 64 * 2 ** 20;
/** Milliseconds until then: there may be more of it, and whoever asked has the answer first. */
const LATER_MS = 500;

/** What is asked of Node.js. */
export interface Heap {
  /** Bytes of objects, garbage among them. */
  used(): number;
  collect(): void;
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
      if (!this.isMuch) return;
      this.heap.collect();
      this.kept = this.heap.used();
    });
  }

  private get isMuch(): boolean {
    const { kept } = this;
    return this.heap.used() - kept > Math.max(MUCH, kept / 2);
  }
}

class OwnHeap implements Heap {
  private gc: (() => void) | undefined;

  used(): number {
    return getHeapStatistics().used_heap_size;
  }

  collect(): void {
    if (!this.gc) {
      // Contexts that are made from now on have the function.
      setFlagsFromString('--expose-gc');
      this.gc = runInNewContext('gc') as () => void;
    }
    this.gc();
    // The pages that this has emptied go back to the host with the next one; between both others have their turn.
    this.later(this.gc);
  }

  later(work: () => void): void {
    setTimeout(work, LATER_MS).unref();
  }
}
