/** Goal: only a side with a quorum goes on, and all agree after the healing. Method: splits of four validators. */
import { describe, expect, it } from "vitest";
import { runPartition } from "../../../../src/tools/lab/pbft/partition.ts";
import { partitionReport } from "../../../../src/tools/lab/report/pbft-report.ts";

const OPTIONS = { nodes: 4, seed: 1, splitMs: 1_000 };

describe("a partition in the lab", () => {
  it("into halves stops both, and they agree after the healing", async () => {
    const groups = [
      [0, 1],
      [2, 3],
    ];
    const run = await runPartition({ ...OPTIONS, groups });
    expect(run.result).toMatchObject({ isMatch: true, isForked: false, pending: 0 });
    expect(run.result.sides.map(({ blocks }) => blocks)).toEqual([0, 0]);
    expect(partitionReport(run, "x")).not.toMatch(/NaN|undefined|Infinity/);
  });

  for (const alone of [0, 3]) {
    it(`lets the three go on without validator ${alone}, who catches up`, async () => {
      const groups = [[0, 1, 2, 3].filter((id) => id !== alone), [alone]];
      const { result } = await runPartition({ ...OPTIONS, groups });
      expect(result).toMatchObject({ isMatch: true, isForked: false, pending: 0 });
      expect(result.sides[0]!.blocks).toBeGreaterThan(0);
      expect(result.sides[1]).toMatchObject({ blocks: 0, hasQuorum: false });
      expect(result.sides[1]!.recoveryMs).toBeGreaterThan(0);
    });
  }
});
