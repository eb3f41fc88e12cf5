/** Hands out the lowest free number from `first` on, as the kernel's idr does for handles and action indices. */
export class FreeNumbers {
  /** A bit for each number that is taken. */
  private words = new Uint32Array(4);
  /** Those far above the others when they were claimed: memory is that of how many there are, not of how large. */
  private readonly sparse = new Set<number>();
  private lowest: number;
  private readonly first: number;

  constructor(first: number) {
    this.first = first;
    this.lowest = first;
  }

  /** Takes the lowest free number. */
  next(): number {
    let number = this.lowest;
    while (this.has(number)) {
      // Words of which every bit is taken are passed over as a whole.
      const isFull = (number & 31) === 0 && this.words[number >>> 5] === 0xffffffff;
      number += isFull ? 32 : 1;
    }
    this.claim(number);
    this.lowest = number + 1;
    return number;
  }

  /** Takes a given number; false where it is taken already. */
  claim(number: number): boolean {
    if (this.has(number)) return false;
    const at = number >>> 5;
    if (at >= this.words.length * 2) {
      this.sparse.add(number);
      return true;
    }
    if (at >= this.words.length) this.grow();
    this.words[at] = (this.words[at] ?? 0) | (1 << (number & 31));
    return true;
  }

  has(number: number): boolean {
    if ((((this.words[number >>> 5] ?? 0) >>> (number & 31)) & 1) === 1) return true;
    return this.sparse.size > 0 && this.sparse.has(number);
  }

  release(number: number): void {
    if (!this.has(number)) return;
    const at = number >>> 5;
    if (!this.sparse.delete(number)) this.words[at] = (this.words[at] ?? 0) & ~(1 << (number & 31));
    if (number >= this.first && number < this.lowest) this.lowest = number;
  }

  private grow(): void {
    const grown = new Uint32Array(this.words.length * 2);
    grown.set(this.words);
    this.words = grown;
  }
}
