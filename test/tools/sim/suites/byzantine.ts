/**
 * Some 2,040 Byzantine schedules and Twins scenarios at the fault limit. A failure names its seed as one command. Long
 * campaigns of other seeds: `npm run sim`, docs/simulation.md.
 */
import { describe, expect, it } from "vitest";
import { type Campaign, playOne } from "../../../../src/tools/sim/campaign.ts";
import type { Profile } from "../../../../src/tools/sim/schedule.ts";

const SETS: readonly { readonly nodes: readonly [number, number]; count: number; profile: Profile }[] = [
  { nodes: [4, 4], count: 2_000, profile: "brief" },
  { nodes: [5, 7], count: 6, profile: "brief" },
  { nodes: [8, 10], count: 2, profile: "brief" },
  { nodes: [4, 4], count: 10, profile: "twins" },
  { nodes: [4, 4], count: 8, profile: "rollback" },
  { nodes: [4, 4], count: 8, profile: "wide" },
  { nodes: [4, 7], count: 4, profile: "full" },
  { nodes: [11, 14], count: 1, profile: "wide" },
];
/** Schedules of a test. */
const BATCH = 500;
const LIMIT_MS = 180_000;

describe("no schedule with as many Byzantine validators as PBFT survives breaks a rule", () => {
  for (const { nodes, count, profile } of SETS) {
    for (let seed = 0; seed < count; seed += BATCH) {
      const schedules = Math.min(BATCH, count - seed);
      it(`${schedules} of profile ${profile} with ${nodes.join(" to ")} validators, seeds from ${seed} on`, {
        timeout: LIMIT_MS,
      }, async () => {
        const campaign: Campaign = {
          seed,
          schedules,
          nodes,
          byzantine: undefined,
          profile,
          only: undefined,
          shrink: true,
        };
        for (let index = 0; index < schedules; index++) {
          const { reason } = await playOne(campaign, index);
          expect(reason).toBeUndefined();
        }
      });
    }
  }
});

describe("a schedule that a checker once complained of wrongly", () => {
  // A replica that lost its database holds places for its own journaled votes above all blocks that it fetched.
  it.each([
    [4, 1_400_040_663, "rollback"],
    [9, 1_300_002_646, "rollback"],
    // All databases with blocks 5 and 6 are lost, and they are below the cut of the journals.
    [4, 1_300_011_585, "rollback"],
    // What was lost comes again faster than a slow disk takes it.
    [4, 3_502_500_107, "rollback"],
    [4, 3_500_800_143, "rollback"],
    // A last wait for an item that has waited long ends at once: k stays, as it must.
    [4, 1_600_002_276, "twins"],
    // A replica joins the others in a view that they asked for as the one before was over: none has failed.
    [4, 7_502_800_960, "brief"],
    // Each block takes one transfer, and which of forty came first is not the same everywhere.
    [7, 930_080_422, "brief"],
    // The window begins above h, by the min_s of a view in which the others are ahead of a slow disk.
    [4, 2_030_530_042, "wide"],
  ] as const)("passes, with %i validators and seed %i", { timeout: LIMIT_MS }, async (n, seed, profile) => {
    const campaign: Campaign = {
      seed,
      schedules: 1,
      nodes: [n, n],
      byzantine: undefined,
      profile,
      only: undefined,
      shrink: false,
    };
    const { reason } = await playOne(campaign, 0);
    expect(reason).toBeUndefined();
  });
});
