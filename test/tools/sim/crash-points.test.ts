/**
 * Crash points. Goal: wherever one replica loses power, it comes back without contradicting itself and the chain goes
 * on. Method: a run without faults counts what each node does; then one run for each of these moments, some with a
 * second crash while it recovers.
 */
import { expect, it } from "vitest";
import { generateSchedule } from "../../../src/tools/sim/generate.ts";
import { type Moments, runSchedule } from "../../../src/tools/sim/run.ts";
import type { Crash, Schedule } from "../../../src/tools/sim/schedule.ts";

const calm = generateSchedule({ seed: 9, nodes: 4, byzantine: 0, profile: "calm" });
const KINDS = ["write", "flush", "action"] as const;
/** Every so many-th of each kind. All: `npm run crashpoints`. */
const STEP = { write: 2, flush: 2, action: 40 };

function withCrash(node: number, kind: keyof Moments, count: number, second: number): Schedule {
  const common = { node, downMs: 20, kept: count % 2, torn: count % 3 === 0 };
  const crashes: Crash[] = [{ ...common, id: "c0", when: { kind, count } }];
  if (second > 0) crashes.push({ ...common, id: "c1", when: { kind, count: count + second } });
  return { ...calm, crashes };
}

it("a cluster survives a crash at every second durable write of a replica, and at other moments, once and twice", {
  timeout: 90_000,
}, async () => {
  const { stats } = await runSchedule(calm);
  let crashed = 0;
  for (const node of [0, 2]) {
    for (const kind of KINDS) {
      for (let count = 1; count <= stats.moments[node]![kind]; count += STEP[kind]) {
        const { violations, stats: own } = await runSchedule(withCrash(node, kind, count, count % 4));
        expect(violations, `node ${node}, ${kind} ${count}`).toEqual([]);
        crashed += own.costs.faults.get(`crash ${kind}`) ?? 0;
      }
    }
  }
  expect(crashed).toBeGreaterThan(50);
});
