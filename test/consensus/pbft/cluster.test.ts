/**
 * Whole clusters on random schedules. Goal: all replicas commit the same blocks whatever is lost, delayed or
 * reordered, at every size and depth of the pipeline, and go on after the crash of one at any point.
 */
import { describe, expect, it } from "vitest";
import { Cluster } from "./cluster.ts";
import { createFixture } from "./fixture.ts";

const HEIGHT = 20n;

describe("a cluster without faults", () => {
  for (let n = 1; n <= 7; n++) {
    for (const pipelineDepth of [1, 2, 4, 8]) {
      it(`of ${n} with a pipeline of ${pipelineDepth} commits the same chain`, () => {
        const cluster = new Cluster(createFixture(n, { pipelineDepth }), { seed: n, targetHeight: HEIGHT });
        expect(cluster.start().run(() => cluster.reached(HEIGHT))).toBe(true);
        expect(cluster.faults).toEqual([]);
        for (const host of cluster.hosts) expect(host.engine!.status().stableCheckpoint).toBeGreaterThan(0n);
      });
    }
  }
});
