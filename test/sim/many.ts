/**
 * Two thousand Byzantine schedules and Twins scenarios at the fault limit, in four files so that two cores share
 * them. A failure names its seed as one command. Long campaigns of other seeds: `npm run sim`, docs/simulation.md.
 */
import { describe, expect, it } from "vitest";
import { type Campaign, playOne } from "../../src/sim/campaign.ts";
import type { Profile } from "../../src/sim/schedule.ts";

/** Per part; the seeds of the parts are disjoint. */
const SETS: readonly { readonly nodes: readonly [number, number]; count: number; profile: Profile }[] = [
  { nodes: [4, 4], count: 455, profile: "brief" },
  { nodes: [5, 7], count: 20, profile: "brief" },
  { nodes: [8, 10], count: 5, profile: "brief" },
  { nodes: [4, 4], count: 20, profile: "twins" },
];
const SEEDS_PER_PART = 1_000_000;

export function manySchedules(part: number): void {
  describe("no schedule with as many Byzantine validators as PBFT survives breaks a rule", () => {
    for (const { nodes, count, profile } of SETS) {
      it(`${count} of profile ${profile} with ${nodes.join(" to ")} validators`, {
        timeout: 110_000,
      }, async () => {
        const campaign: Campaign = {
          seed: part * SEEDS_PER_PART,
          schedules: count,
          nodes,
          byzantine: undefined,
          profile,
          only: undefined,
          shrink: true,
        };
        for (let index = 0; index < count; index++) {
          const { reason } = await playOne(campaign, index);
          expect(reason).toBeUndefined();
        }
      });
    }
  });
}
