/**
 * One key on two honest nodes, as when a home is copied. Goal: where the two contradict each other the other
 * validators tell and keep the evidence; a node that is shown votes of its key which it did not log stops, and says
 * what may be the cause. Method: schedules of profile twins, watched.
 */
import { expect, it } from "vitest";
import { scheduleOf } from "../../../src/tools/sim/campaign.ts";
import { runSchedule } from "../../../src/tools/sim/run.ts";
import type { NodeId } from "../../../src/tools/sim/schedule.ts";

const SEEDS = [4, 8];

async function play(seed: number) {
  const campaign = {
    seed,
    schedules: 1,
    nodes: [4, 4],
    byzantine: 1,
    profile: "twins",
    only: undefined,
    shrink: false,
  } as const;
  const schedule = scheduleOf(campaign, 0);
  const accused: { readonly by: NodeId; readonly author: number }[] = [];
  const halts: string[] = [];
  const { violations } = await runSchedule(schedule, {
    observers: [
      {
        announced(by, event) {
          if (event.type === "equivocation") accused.push({ by, author: event.from });
          if (event.type === "amnesia") halts.push(event.detail);
        },
      },
    ],
  });
  return { twin: schedule.adversaries[0]!.validator, accused, halts, violations };
}

it("a run of twins accuses the twins and nobody else, and names a copied key as a cause where one of them stops", async () => {
  const runs = await Promise.all(SEEDS.map(play));
  expect(runs.flatMap(({ violations }) => violations)).toEqual([]);
  for (const { twin, accused } of runs) expect(accused.filter(({ author }) => author !== twin)).toEqual([]);
  expect(runs.filter(({ accused }) => accused.length > 0).length).toBeGreaterThan(0);
  const halts = runs.flatMap(({ halts }) => halts);
  expect(halts.length).toBeGreaterThan(0);
  for (const detail of halts) expect(detail).toContain("another node votes with a copy of the key");
});
