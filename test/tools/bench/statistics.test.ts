/** Percentiles and medians, against their definitions. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { median, percentile, summarize } from "../../../src/tools/bench/statistics.ts";

const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
  minLength: 1,
  maxLength: 300,
});

describe("percentile", () => {
  it("is a sample that has the share at or below it, and less below the one before", () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 100 }), (values, percent) => {
        const sorted = Float64Array.from(values).sort();
        const found = percentile(sorted, percent / 100);
        const atMost = sorted.filter((value) => value <= found).length;
        const below = sorted.filter((value) => value < found).length;
        expect(values).toContain(found);
        expect(atMost * 100).toBeGreaterThanOrEqual(percent * sorted.length);
        expect(below * 100).toBeLessThan(percent * sorted.length);
      }),
    );
  });

  it("has no value for an empty sample", () => {
    expect(percentile([], 0.5)).toBeNaN();
    expect(median([])).toBeNaN();
  });
});

describe("median", () => {
  it("is the middle value, or between the two in the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

describe("summarize", () => {
  it("counts, and leaves the samples as they were", () => {
    const samples = [5, 1, 3];
    expect(summarize(samples)).toEqual({ count: 3, p50: 3, p99: 5, max: 5 });
    expect(samples).toEqual([5, 1, 3]);
  });
});
