/**
 * Goal: a schedule of the simulator becomes one page that needs nothing else, bounded and escaped, and drawing it does
 * not change the run. Method: one brief schedule, played with and without a recorder.
 */
import { expect, it } from "vitest";
import { scheduleReport } from "../../../../src/tools/lab/report/schedule-report.ts";
import { scheduleOf } from "../../../../src/tools/sim/campaign.ts";
import { Recorder } from "../../../../src/tools/sim/recorder.ts";
import { runSchedule } from "../../../../src/tools/sim/run.ts";

it("the report of a schedule draws nodes, messages and what broke of a schedule, and the run is the same as without", async () => {
  const campaign = {
    seed: 7,
    schedules: 1,
    nodes: [4, 4] as const,
    byzantine: undefined,
    profile: "brief" as const,
  };
  const schedule = scheduleOf({ ...campaign, only: undefined, shrink: false }, 0);
  const recorder = new Recorder();
  const run = await runSchedule(schedule, { observe: (nowMs) => recorder.observe(nowMs) });
  expect(run.traceHash).toBe((await runSchedule(schedule)).traceHash);
  const violations = [{ checker: "agreement", atMs: 200, replica: 1, detail: "<b>two blocks</b>" }];
  const page = scheduleReport(
    { schedule, recorder, violations, virtualMs: run.stats.virtualMs },
    "quorate sim --seed 7",
  );
  for (const word of [
    "node3",
    "view 0",
    "pre-prepare from node",
    "broken: agreement",
    "&lt;b&gt;two blocks",
    "sim --seed 7",
  ]) {
    expect(page).toContain(word);
  }
  expect(page).not.toMatch(/<script|https?:|src=|@import|url\(|<b>|NaN|undefined|Infinity/);
  expect(page.match(/<path class="line s/g)!.length).toBeLessThan(400);
});
