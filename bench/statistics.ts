/** What is said of a few repeated measurements. Ratios are taken pair by pair, so that drift of the machine cancels. */

export interface Summary {
  /** In the order in which they were measured. */
  readonly values: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The middle value, or the mean of the two middle ones. Throws where there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError('the median of nothing');
  return (lower + upper) / 2;
}

export function summarize(values: readonly number[]): Summary {
  return { values, median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Half of the range as a share of the median: 0.05 is written ±5 %. Of zeros it is 0; where only the median is 0, Infinity. */
export function spread({ median, min, max }: Summary): number {
  return max === min ? 0 : (max - min) / 2 / median;
}

/** tested / base of the runs that stood side by side: both lists hold pair i at index i. */
export function pairedRatios(base: readonly number[], tested: readonly number[]): Summary {
  if (base.length !== tested.length) throw new RangeError(`${base.length} runs against ${tested.length}`);
  return summarize(tested.map((value, pair) => value / (base[pair] ?? Number.NaN)));
}
