/** Hands out the lowest free number from `first` on, as the kernel's idr does for handles and action indices. */
export class FreeNumbers {
  private readonly taken = new Set<number>();
  private lowest: number;
  private readonly first: number;

  constructor(first: number) {
    this.first = first;
    this.lowest = first;
  }

  /** Takes the lowest free number. */
  next(): number {
    while (this.taken.has(this.lowest)) this.lowest++;
    this.taken.add(this.lowest);
    return this.lowest;
  }

  /** Takes a given number; false where it is taken already. */
  claim(number: number): boolean {
    if (this.taken.has(number)) return false;
    this.taken.add(number);
    return true;
  }

  has(number: number): boolean {
    return this.taken.has(number);
  }

  release(number: number): void {
    if (!this.taken.delete(number)) return;
    if (number >= this.first && number < this.lowest) this.lowest = number;
  }
}
