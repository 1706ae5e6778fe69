import { describe, expect, it } from "vitest";
import { runTransition } from "../../../src/tools/sim/epochs/transition-run.ts";

const FROM = Number(process.env.TRANSITIONS_FROM ?? 1);
const COUNT = Number(process.env.TRANSITIONS_COUNT ?? 1);

describe("schedules in which more than f members are gone for good", () => {
  it("break no rule, whoever accepts the transition late or never, crashes, comes back or tries a second file", async () => {
    for (let seed = FROM; seed < FROM + COUNT; seed++) {
      const { violations } = await runTransition({ seed });
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    }
  }, 120_000);

  it("break no rule where those that were gone come back as a quorum, and have epochs of the same numbers", async () => {
    const { violations } = await runTransition({ seed: 8 });
    expect(violations).toEqual([]);
  }, 120_000);
});
