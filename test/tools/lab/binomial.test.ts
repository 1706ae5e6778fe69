/**
 * Goal: the tests that judge the lab are exact. Method: all outcomes of small cases counted one by one, known
 * p-values, and large cases against the normal approximation.
 */
import { describe, expect, it } from "vitest";
import { binomialPValue, confidenceInterval, samePValue } from "../../../src/tools/lab/binomial.ts";

function choose(n: number, k: number): number {
  let value = 1;
  for (let i = 1; i <= k; i++) value = (value * (n - k + i)) / i;
  return value;
}

describe("the exact binomial test", () => {
  it("sums all outcomes that are no likelier than the one seen", () => {
    for (const p of [0.05, 0.3, 0.5, 0.77]) {
      for (const n of [1, 2, 7, 12]) {
        const chance = (k: number) => choose(n, k) * p ** k * (1 - p) ** (n - k);
        for (let k = 0; k <= n; k++) {
          let sum = 0;
          for (let j = 0; j <= n; j++) if (chance(j) <= chance(k) * (1 + 1e-9)) sum += chance(j);
          expect(binomialPValue(k, n, p)).toBeCloseTo(Math.min(1, sum), 12);
        }
      }
    }
  });

  it("knows certain and impossible events", () => {
    expect([binomialPValue(0, 9, 0), binomialPValue(1, 9, 0)]).toEqual([1, 0]);
    expect([binomialPValue(9, 9, 1), binomialPValue(8, 9, 1)]).toEqual([1, 0]);
  });

  it("judges many trials and tiny probabilities", () => {
    // 4.2 standard deviations off, by the normal distribution 2.7e-5.
    expect(binomialPValue(10_297, 20_000, 0.5)).toBeGreaterThan(1e-5);
    expect(binomialPValue(10_297, 20_000, 0.5)).toBeLessThan(5e-5);
    expect(binomialPValue(0, 20_000, 1e-7)).toBe(1);
    expect(binomialPValue(1, 20_000, 1e-7)).toBeCloseTo(0.002, 4);
    expect(binomialPValue(2, 20_000, 1e-7)).toBeCloseTo(2e-6, 7);
  });
});

describe("Fisher's exact test", () => {
  it("gives the classical values", () => {
    // The lady tasting tea: 3 of 4 right.
    expect(samePValue({ successes: 3, trials: 4 }, { successes: 1, trials: 4 })).toBeCloseTo(34 / 70, 12);
    expect(samePValue({ successes: 4, trials: 4 }, { successes: 0, trials: 4 })).toBeCloseTo(2 / 70, 12);
    expect(samePValue({ successes: 0, trials: 50 }, { successes: 0, trials: 70 })).toBe(1);
  });

  it("sees a difference between large counts and none between equal ones", () => {
    const half = { successes: 1_000, trials: 2_000 };
    expect(samePValue(half, { successes: 1_010, trials: 2_000 })).toBeGreaterThan(0.5);
    expect(samePValue(half, { successes: 1_200, trials: 2_000 })).toBeLessThan(1e-9);
  });
});

describe("the confidence interval", () => {
  it("is Wilson's and stays within 0 and 1", () => {
    const { low, high } = confidenceInterval({ successes: 1, trials: 10 });
    expect(low).toBeCloseTo(0.01788, 5);
    expect(high).toBeCloseTo(0.40415, 5);
    expect(confidenceInterval({ successes: 0, trials: 20 }).low).toBe(0);
    expect(confidenceInterval({ successes: 20, trials: 20 }).high).toBe(1);
  });
});
