/**
 * The few statistics that benchmarks report: percentiles by nearest rank, medians, and a distribution in short.
 * Pure; an empty sample has no percentile and gives NaN, which no figure hides.
 */

export interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The percentile by the nearest rank. @param sorted ascending @param share 0 < share <= 1 */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.max(rank, 1) - 1] ?? Number.NaN;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const upper = sorted.length >> 1;
  const { [upper]: high = Number.NaN, [upper - 1]: low = Number.NaN } = sorted; // NaN when empty
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

export function summarize(samples: ArrayLike<number>): Distribution {
  const sorted = Float64Array.from(samples).sort();
  return {
    count: sorted.length,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    max: sorted.at(-1) ?? Number.NaN,
  };
}
