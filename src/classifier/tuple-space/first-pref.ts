/**
 * The least of a set of prefs that come and go: a binary heap from which those that have gone are taken when they come to
 * the top. Each change costs the logarithm of their number on average, where looking at all of them would cost the
 * number: a tuple may have as many prefs as there are.
 */
export class FirstPref {
  /** Every pref that is there, at least once; and some that are not. */
  private heap: number[] = [];

  /** Adds a pref that was not there. */
  add(pref: number): void {
    const { heap } = this;
    let i = heap.length;
    heap.push(pref);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent] <= pref) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = pref;
  }

  /** The least of those that are there; `none` where there is none. */
  least(there: ReadonlyMap<number, unknown>, none: number): number {
    // What has gone may be most of it.
    if (this.heap.length > there.size * 2 + 16) this.heap = [...there.keys()].sort((a, b) => a - b);
    while (this.heap.length > 0 && !there.has(this.heap[0])) this.pop();
    return this.heap[0] ?? none;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    const count = heap.length;
    if (last === undefined || count === 0) return;
    let i = 0;
    for (;;) {
      let child = i * 2 + 1;
      if (child >= count) break;
      if (child + 1 < count && heap[child + 1] < heap[child]) child++;
      if (heap[child] >= last) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
  }
}
