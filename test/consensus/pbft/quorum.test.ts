/** Quorums: the table of the paper's arithmetic and its two facts, for every size we allow. */
import { describe, expect, it } from "vitest";
import { VALIDATORS_MAX } from "../../../src/base/limits.ts";
import { primaryOf, quorumOf } from "../../../src/consensus/pbft/quorum.ts";

describe("a quorum", () => {
  it.each([
    [1, 0, 1],
    [2, 0, 2],
    [3, 0, 2],
    [4, 1, 3],
    [5, 1, 4],
    [6, 1, 4],
    [7, 2, 5],
    [8, 2, 6],
    [9, 2, 6],
    [10, 3, 7],
    [13, 4, 9],
    [16, 5, 11],
    [22, 7, 15],
    [31, 10, 21],
    [100, 33, 67],
  ])("of %i validators tolerates %i and needs %i", (n, f, quorum) => {
    expect(quorumOf(n)).toEqual({ n, f, quorum, weak: f + 1 });
  });

  it("shares a correct validator with any other, and the correct ones make one", () => {
    for (let n = 1; n <= VALIDATORS_MAX; n++) {
      const { f, quorum, weak } = quorumOf(n);
      expect(3 * f).toBeLessThan(n);
      expect(3 * (f + 1)).toBeGreaterThanOrEqual(n);
      expect(2 * quorum - n).toBeGreaterThanOrEqual(f + 1);
      expect(quorum).toBeLessThanOrEqual(n - f);
      expect(weak).toBe(f + 1);
      expect(quorum).toBe(Math.ceil((2 * n) / 3));
    }
  });
});

describe("the primary", () => {
  it("goes round by view, starting at the epoch's number", () => {
    expect([0n, 1n, 2n, 3n, 4n].map((view) => primaryOf(0n, view, 4))).toEqual([0, 1, 2, 3, 0]);
    expect(primaryOf(3n, 2n, 4)).toBe(1);
    expect(primaryOf(0n, (1n << 64n) - 1n, 7)).toBe(1);
  });
});
