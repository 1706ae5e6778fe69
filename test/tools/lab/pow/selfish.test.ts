/**
 * Goal: a selfish pool earns what Eyal and Sirer say, since honest nodes keep the branch they saw first. Method: short
 * games over the real tree at fixed seeds; the long ones are the command's.
 */
import { describe, expect, it } from "vitest";
import { LabChain } from "../../../../src/tools/lab/pow/lab-chain.ts";
import { judgeSelfish, runSelfish, type SelfishCell } from "../../../../src/tools/lab/pow/selfish.ts";

const chain = new LabChain("none");
const BLOCKS = 5_000;
const play = (cell: SelfishCell) => runSelfish(chain, cell, { seed: 3, part: 0, blocks: BLOCKS });
/** The game that two tests look at. */
const unfollowed = play({ share: 0.3, gamma: 0 });

describe("selfish mining", () => {
  it("earns what the formula says, for all gammas", () => {
    for (const gamma of [0, 0.5, 1]) {
      const cell = { share: 0.3, gamma };
      const result = judgeSelfish(cell, gamma === 0 ? unfollowed : play(cell));
      expect(result.isMatch).toBe(true);
      expect(Math.abs(result.revenue - result.expected)).toBeLessThan(0.03);
      expect(result.pays).toBe(gamma > 0);
    }
  });

  it("costs a small pool that nobody follows", () => {
    const cell = { share: 0.15, gamma: 0 };
    const result = judgeSelfish(cell, runSelfish(chain, cell, { seed: 3, part: 0, blocks: 2_000 }));
    expect(result).toMatchObject({ pays: false, isMatch: true });
    expect(result.threshold).toBeCloseTo(1 / 3, 12);
  });

  it("is told apart from honest mining and from another gamma", () => {
    expect(judgeSelfish({ share: 0.3, gamma: 1 }, unfollowed).isMatch).toBe(false);
    expect(judgeSelfish({ share: 0.2, gamma: 0 }, unfollowed).isMatch).toBe(false);
  });

  it("gives the same chain for the same seed and another for another part", () => {
    const cell = { share: 0.4, gamma: 0.5 };
    const run = (part: number) => runSelfish(chain, cell, { seed: 1, part, blocks: 300 });
    expect(run(0)).toEqual(run(0));
    expect(run(0)).not.toEqual(run(1));
  });
});
