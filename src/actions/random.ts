/** Marsaglia's xorshift32: good enough to choose packets by, without garbage. Not for secrets. */
export class Random {
  private state: number;

  /** `seed` is any 32 bits but 0. */
  constructor(seed: number) {
    this.state = seed | 0 || 1;
  }

  /** Whether this is the one of `count` (1 … 2^32-1, in 32 bits of either sign) that is chosen. */
  oneIn(count: number): boolean {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return (x >>> 0) % (count >>> 0) === 0;
  }
}
