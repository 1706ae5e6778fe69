/** The chance of a reversal against Rosenfeld's own table, and against the plain formula where it keeps its digits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reversalProbability } from "../../../src/consensus/pow/reversal.ts";

const DEPTHS = [1, 2, 3, 4, 5, 6, 8, 10];
const TABLE: Readonly<Record<string, readonly number[]>> = {
  "0.05": [0.1, 0.0145, 0.0023163, 0.0003872, 0.0000664, 0.0000116, 0.0000004, 0.0],
  "0.1": [0.2, 0.056, 0.01712, 0.005456, 0.0017818, 0.0005914, 0.0000672, 0.0000079],
  "0.15": [0.3, 0.1215, 0.0532238, 0.0242063, 0.0112573, 0.0053137, 0.0012192, 0.000287],
  "0.2": [0.4, 0.208, 0.11584, 0.066688, 0.0391629, 0.0233084, 0.0084795, 0.0031582],
  "0.25": [0.5, 0.3125, 0.2070312, 0.1411133, 0.0978546, 0.068655, 0.0345997, 0.0178066],
  "0.3": [0.6, 0.432, 0.32616, 0.252072, 0.1976173, 0.1564496, 0.1000251, 0.0651067],
  "0.35": [0.7, 0.5635, 0.4703388, 0.3996915, 0.3434386, 0.2973674, 0.2264623, 0.1749472],
  "0.4": [0.8, 0.704, 0.63488, 0.579584, 0.5331354, 0.4930037, 0.4262064, 0.372184],
  "0.45": [0.9, 0.8505, 0.8137462, 0.7834244, 0.7571581, 0.7337548, 0.6929921, 0.6579282],
};

/** As printed: 1 - sum over m of C(m+z-1, m) (p^z q^m - p^m q^z). */
function plain(q: number, z: number): number {
  const p = 1 - q;
  let [choose, sum] = [1, 0];
  for (let m = 0; m <= z; m++) {
    sum += choose * (p ** z * q ** m - p ** m * q ** z);
    choose *= (m + z) / (m + 1);
  }
  return 1 - sum;
}

describe("the probability of a reversal", () => {
  it.each(Object.entries(TABLE))("is Rosenfeld's for an attacker with %s of the hash power", (share, row) => {
    for (const [i, expected] of row.entries()) {
      expect(reversalProbability(Number(share), DEPTHS[i]!)).toBeCloseTo(expected, 6.9);
    }
  });

  it("falls below a thousandth at the depths that the paper names", () => {
    const depths = { 0.02: 3, 0.06: 4, 0.1: 6, 0.14: 8, 0.2: 13, 0.26: 21, 0.3: 32, 0.4: 133 };
    for (const [share, z] of Object.entries(depths)) {
      expect(reversalProbability(Number(share), z)).toBeLessThan(0.001);
      expect(reversalProbability(Number(share), z - 1)).toBeGreaterThanOrEqual(0.001);
    }
  });

  it("agrees with the printed formula, and never rises with depth", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 0.499, noNaN: true }),
        fc.integer({ min: 1, max: 40 }),
        (q, z) => {
          expect(reversalProbability(q, z)).toBeCloseTo(plain(q, z), 9);
          expect(reversalProbability(q, z + 1)).toBeLessThanOrEqual(reversalProbability(q, z));
        },
      ),
    );
  });

  it("keeps its digits where the printed formula has none left", () => {
    const deep = reversalProbability(0.1, 100);
    expect(deep).toBeGreaterThan(1e-46);
    expect(deep).toBeLessThan(1e-42);
    expect(reversalProbability(0.45, 1_000_000)).toBeLessThan(1e-40);
  });

  it("is certain without a block, and for half of the hash power", () => {
    expect(reversalProbability(0.1, 0)).toBe(1);
    expect(reversalProbability(0.5, 1_000)).toBe(1);
    expect(reversalProbability(0, 1)).toBe(0);
  });
});
