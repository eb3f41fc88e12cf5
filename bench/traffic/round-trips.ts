/** Round trips, summed up. */

/** Times in µs; all NaN (null in JSON) where nothing came back. */
export interface PingTimes {
  readonly sent: number;
  readonly received: number;
  readonly average: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** The smallest of the sorted values that `share` (0 to 1) of them do not exceed. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** `times` in µs, NaN for each request that was not answered. */
export function summarizeTimes(times: Float64Array): PingTimes {
  const sorted = times.filter((time) => !Number.isNaN(time)).sort();
  const sum = sorted.reduce((total, time) => total + time, 0);
  return {
    sent: times.length,
    received: sorted.length,
    average: sum / sorted.length,
    p50: percentile(sorted, 0.5),
    p90: percentile(sorted, 0.9),
    p99: percentile(sorted, 0.99),
    max: percentile(sorted, 1),
  };
}
