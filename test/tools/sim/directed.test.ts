/**
 * The shorter directed schedules of the mutations, with the program as it is: whatever they lose, forge and cut, no rule is
 * broken. Each is the first of its kind; test/mutations/run.ts plays them against a program that lacks a rule.
 */
import { describe, expect, it } from "vitest";
import { EPOCH_SCALES } from "../../../src/tools/sim/epochs/epoch-scale.ts";
import { generateSchedule } from "../../../src/tools/sim/generate.ts";
import { runSchedule } from "../../../src/tools/sim/run.ts";
import type { Profile } from "../../../src/tools/sim/schedule.ts";
import { DIRECTED } from "../../mutations/directed.ts";
import type { Hunt } from "../../mutations/mutation.ts";

/** Of virtual time: longer ones cost seconds, and a run of the mutations plays them anyway. */
const LONG_MS = 20_000;

function isSeeded(profile: Hunt["profile"]): profile is Exclude<Hunt["profile"], Profile> {
  return profile === "transitions" || Object.hasOwn(EPOCH_SCALES, profile);
}

describe("a directed schedule breaks no rule", () => {
  for (const [name, hunts] of Object.entries<readonly Hunt[]>(DIRECTED)) {
    if ((hunts[0]!.directed?.gstMs ?? 0) > LONG_MS) continue;
    it(name, async () => {
      const { profile, nodes, byzantine = 1, seed = 0, directed } = hunts[0]!;
      if (isSeeded(profile)) throw new Error(`of ${profile} the seed decides everything`);
      const generated = generateSchedule({ seed, nodes, byzantine, profile });
      const { violations } = await runSchedule({ ...generated, ...directed });
      expect(violations).toEqual([]);
    });
  }
});
