/** Whether something grows: a straight line through what was measured (least squares). */

export interface Sample {
  /** Seconds since the beginning. */
  readonly at: number;
  readonly value: number;
}

export interface Trend {
  /** Per second. */
  readonly slope: number;
  /** What the line grows by from the first sample to the last. */
  readonly growth: number;
  readonly least: number;
  readonly most: number;
}

/**
 * The least of each of `parts` equal stretches: what is in use behind each collection of garbage, and not what waits for
 * the next one.
 */
export function floorsOf(samples: readonly Sample[], parts = 10): Sample[] {
  const size = Math.max(1, Math.ceil(samples.length / parts));
  const stretches = Array.from({ length: Math.ceil(samples.length / size) }, (_, n) =>
    samples.slice(n * size, (n + 1) * size),
  );
  return stretches.map((stretch) => stretch.reduce((least, each) => (each.value < least.value ? each : least)));
}

export function trendOf(samples: readonly Sample[]): Trend {
  const count = samples.length;
  const mean = (of: (sample: Sample) => number): number => samples.reduce((sum, each) => sum + of(each), 0) / count;
  const at = mean((sample) => sample.at);
  const value = mean((sample) => sample.value);
  const spread = samples.reduce((sum, each) => sum + (each.at - at) ** 2, 0);
  const common = samples.reduce((sum, each) => sum + (each.at - at) * (each.value - value), 0);
  const slope = spread === 0 ? 0 : common / spread;
  const values = samples.map((sample) => sample.value);
  const length = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);
  return { slope, growth: slope * length, least: Math.min(...values), most: Math.max(...values) };
}
