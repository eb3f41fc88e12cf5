/**
 * Things by number, for a million of them: one word each in an array, where a Map takes five. Numbers far above the
 * others when they came are in a Map: memory is that of how many there are, not of how large they are.
 */
export class Numbered<T> {
  /** By number, up to where they have been dense so far. */
  private dense: (T | undefined)[] = [];
  /** The others. */
  private readonly sparse = new Map<number, T>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(number: number): T | undefined {
    const found = number < this.dense.length ? this.dense[number] : undefined;
    return found === undefined && this.sparse.size > 0 ? this.sparse.get(number) : found;
  }

  set(number: number, item: T): void {
    if (this.get(number) === undefined) this.count++;
    if (number < this.dense.length && !this.sparse.has(number)) {
      this.dense[number] = item;
    } else if (number <= this.dense.length * 2 + LEAST && !this.sparse.has(number)) {
      while (this.dense.length < number) this.dense.push(undefined);
      this.dense.push(item);
    } else {
      this.sparse.set(number, item);
    }
  }

  delete(number: number): void {
    if (this.get(number) === undefined) return;
    this.count--;
    if (!this.sparse.delete(number)) this.dense[number] = undefined;
    if (this.count === 0) this.dense = [];
  }

  /** By number, ascending. What is edited meanwhile may show or not. */
  *values(): Generator<T> {
    const far = [...this.sparse].sort(([a], [b]) => a - b);
    let next = 0;
    for (let number = 0; number < this.dense.length; number++) {
      for (; (far[next]?.[0] ?? number) < number; next++) yield (far[next] as [number, T])[1];
      const item = this.dense[number];
      if (item !== undefined) yield item;
    }
    for (const [, item] of far.slice(next)) yield item;
  }
}

/** An array so long is made at once. */
const LEAST = 16;
