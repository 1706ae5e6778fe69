/**
 * A long run: one replica of four loses power at every durable write and every flush of a run of fifty heights, half
 * of the times again while it recovers. Prints what was played; exit code 1 on a violation.
 *
 *   npm run crashpoints [-- HEIGHTS]
 */
import { generateSchedule } from "../../src/tools/sim/generate.ts";
import { runSchedule } from "../../src/tools/sim/run.ts";
import type { Crash, Schedule, ScheduledSubmission } from "../../src/tools/sim/schedule.ts";

const HEIGHTS = Number(process.argv[2] ?? 50);
/** Longer than an agreement takes, so that each transfer gets a block of its own. */
const APART_MS = 60;
const SEED = 9;

const transfers = Array.from(
  { length: HEIGHTS },
  (_, i): ScheduledSubmission => ({
    id: `w${i}`,
    atMs: APART_MS * i,
    node: i % 4,
    from: i % 3,
    to: 3,
    amount: 1n,
  }),
);
const drawn = generateSchedule({ seed: SEED, nodes: 4, byzantine: 0, profile: "calm" });
const calm: Schedule = {
  ...drawn,
  consensus: { ...drawn.consensus, checkpointInterval: 4, logWindow: 8, rotationInterval: 4 },
  workload: transfers,
  gstMs: APART_MS * HEIGHTS,
  deadlineMs: APART_MS * HEIGHTS + 60_000,
};

const startedMs = performance.now();
const { stats, violations } = await runSchedule(calm);
if (violations.length > 0) throw new Error(violations[0]!.detail);
console.log(`${stats.height} heights without a crash; writes and flushes of each node:`, stats.moments);
let runs = 0;
let crashes = 0;
const failed: string[] = [];
for (let node = 0; node < 4; node++) {
  for (const kind of ["write", "flush"] as const) {
    for (let count = 1; count <= stats.moments[node]![kind]; count++) {
      const common = { node, downMs: 20, kept: count % 2, torn: count % 3 === 0 };
      const list: Crash[] = [{ ...common, id: "c0", when: { kind, count } }];
      if (count % 2 === 0) list.push({ ...common, id: "c1", when: { kind, count: count + 1 + (count % 5) } });
      const result = await runSchedule({ ...calm, crashes: list });
      runs++;
      crashes += result.stats.costs.faults.get(`crash ${kind}`) ?? 0;
      for (const { checker, detail } of result.violations)
        failed.push(`node ${node}, ${kind} ${count}: ${checker}: ${detail}`);
    }
  }
}
const seconds = (performance.now() - startedMs) / 1000;
console.log(
  `${runs} runs, ${crashes} crashes, ${failed.length} violations, ${seconds.toFixed(0)} s, seed ${SEED}`,
);
for (const line of failed.slice(0, 20)) console.log(line);
process.exitCode = failed.length === 0 ? 0 : 1;
