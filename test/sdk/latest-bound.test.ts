/** The count behind the latest read, for every number of validators, liars, signers and answers that there can be. */
import { describe, expect, it } from "vitest";
import { quorumOf } from "../../src/consensus/pbft/quorum.ts";
import { boundOf, claimsNeeded } from "../../src/sdk/latest-bound.ts";

/** All counts of liars, of correct signers of the block, and of who answers. */
function* cases(n: number) {
  const { f, quorum } = quorumOf(n);
  for (let liars = 0; liars <= f; liars++)
    for (let signed = quorum - liars; signed <= n - liars; signed++)
      for (let signers = 0; signers <= signed; signers++)
        for (let others = 0; others <= n - liars - signed; others++)
          for (let lying = 0; lying <= liars; lying++) yield { signers, others, lying };
}

const heights = (count: number, height: bigint) => Array.from({ length: count }, () => height);
const FINAL = 10n;

describe("a latest read of 1 to 13 validators", () => {
  const sizes = Array.from({ length: 13 }, (_, i) => i + 1);

  it("no final block is above the bound, whoever answers and however low the liars claim", () => {
    for (const n of sizes)
      for (const { signers, others, lying } of cases(n)) {
        const claims = [...heights(signers, FINAL), ...heights(others, 3n), ...heights(lying, 0n)];
        const bound = boundOf(claims, n);
        if (bound === undefined) expect(claims.length).toBeLessThan(claimsNeeded(n));
        else if (bound < FINAL)
          expect.fail(`n ${n}: ${signers} signers, ${others} others, ${lying} liars: ${bound}`);
      }
  });

  it("one claim fewer would miss a final block", () => {
    for (const n of sizes.filter((size) => size > 3)) {
      const { f, quorum } = quorumOf(n);
      const few = claimsNeeded(n) - 1;
      // Those that did not sign, and liars: none of them says so.
      expect(n - quorum + f).toBe(few);
      expect(boundOf(heights(few, 0n), n)).toBeUndefined();
    }
  });

  it("the correct ones alone are enough, and where they all answer f liars do not move the bound up", () => {
    for (const n of sizes) {
      const { f } = quorumOf(n);
      for (let lying = 0; lying <= f; lying++)
        expect(boundOf([...heights(n - f, FINAL), ...heights(lying, 99n)], n)).toBe(FINAL);
    }
  });
});
