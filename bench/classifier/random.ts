/** Numbers below `n`, the same for a seed (xorshift, Marsaglia 2003). */
export type Random = (n: number) => number;

export function randomFrom(seed: number): Random {
  let state = seed | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * n);
  };
}

/** One of several, each as likely as its weight says. */
export function weighted<T>(random: Random, from: readonly (readonly [weight: number, value: T])[]): T {
  let at = random(from.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, value] of from) {
    if (at < weight) return value;
    at -= weight;
  }
  throw new Error('nothing to choose from');
}

/**
 * Ranks below `count` by Zipf's law: rank r comes with probability proportional to 1 / (r + 1). Sampling is by the
 * sums of these, which are held.
 */
export function zipfFrom(random: Random, count: number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1);
    sums[rank] = sum;
  }
  return () => {
    const wanted = (random(2 ** 30) / 2 ** 30) * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? 0) <= wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
