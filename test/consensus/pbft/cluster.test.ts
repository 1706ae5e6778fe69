/**
 * Whole clusters on random schedules. Goal: all replicas commit the same blocks whatever is lost, delayed or
 * reordered, at every size and depth of the pipeline. Agreement and one vote per place are checked after every
 * event by the cluster itself.
 */
import { describe, expect, it } from "vitest";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { createFixture } from "./fixture.ts";

const HEIGHT = 10n;
const SIZES = [1, 2, 3, 4, 5, 6, 7];
const DEPTHS = [1, 2, 4, 8];

function started(n: number, pipelineDepth: number, options: Partial<ClusterOptions>): Cluster {
  const fixture = createFixture(n, { pipelineDepth });
  return new Cluster(fixture, { seed: 100 * n + pipelineDepth, targetHeight: HEIGHT, ...options }).start();
}

describe("a cluster", () => {
  for (const n of SIZES) {
    it(`of ${n} commits the same chain at every pipeline depth`, () => {
      for (const depth of DEPTHS) {
        const cluster = started(n, depth, {});
        expect(cluster.run(() => cluster.reached(HEIGHT))).toBe(true);
        expect(cluster.faults).toEqual([]);
        for (const host of cluster.hosts) expect(host.engine!.status().stableCheckpoint).toBeGreaterThan(0n);
      }
    });

    it(`of ${n} commits the same chain at every pipeline depth with a third of the mail lost`, () => {
      for (const depth of DEPTHS) {
        const cluster = started(n, depth, { loss: 0.33, delayMs: 300 });
        expect(cluster.run(() => cluster.reached(HEIGHT), 400_000)).toBe(true);
        expect(cluster.faults).toEqual([]);
      }
    });
  }

  it("goes on with f replicas cut off, which catch up when they come back", () => {
    for (const [n, cut] of [
      [4, [3]],
      [7, [5, 6]],
    ] as const) {
      const cluster = started(n, 4, {});
      const isCut = (i: number) => (cut as readonly number[]).includes(i);
      cluster.linked = (from, to) => !isCut(from) && !isCut(to);
      expect(cluster.run(() => cluster.reached(HEIGHT, cut))).toBe(true);
      for (const i of cut) expect(cluster.hosts[i]!.height).toBe(0n);
      cluster.linked = () => true;
      cluster.targetHeight = 30n;
      for (const host of cluster.hosts) host.reportPending();
      expect(cluster.run(() => cluster.reached(30n), 60_000)).toBe(true);
      const settled = () => cluster.hosts.every((host) => host.engine!.status().stableCheckpoint === 28n);
      expect(cluster.run(settled, 20_000)).toBe(true);
    }
  });

  it("stops at f+1 replicas cut off, and commits nothing wrong", () => {
    const cluster = started(4, 2, {});
    cluster.linked = (from, to) => from < 2 && to < 2;
    expect(cluster.run(() => cluster.hosts.some((host) => host.height > 0n), 30_000)).toBe(false);
  });

  it("keeps what it remembers within the window, however long it runs", () => {
    const cluster = started(4, 8, { targetHeight: 120n, loss: 0.05 });
    cluster.hosts[2]!.disk.journal = [];
    const within = () =>
      cluster.hosts.every((host) => {
        const { slots, stableCheckpoint, lastCommitted, checkpoints } = host.engine!.status();
        expect(slots.length).toBeLessThanOrEqual(16);
        expect(checkpoints.length).toBeLessThanOrEqual(4);
        expect(host.disk.journal.length).toBeLessThanOrEqual(3 * 16);
        expect(stableCheckpoint).toBeLessThanOrEqual(lastCommitted);
        return host.height >= 120n;
      });
    expect(cluster.run(within, 400_000)).toBe(true);
  });

  it("is one run for one seed", () => {
    const runs = [1, 1, 2].map((seed) => {
      const cluster = started(4, 2, { seed, loss: 0.2 });
      cluster.run(() => cluster.reached(HEIGHT), 400_000);
      return `${cluster.now()} ${cluster.hosts.map((host) => host.effects)}`;
    });
    expect(runs[0]).toBe(runs[1]);
    expect(runs[0]).not.toBe(runs[2]);
  });

  it("proposes empty blocks when it idles, and stops the heartbeat for none", () => {
    const cluster = started(4, 1, { targetHeight: 0n, settings: { emptyBlocksMs: 2_000 } });
    expect(cluster.run(() => cluster.reached(5n), 15_000)).toBe(true);
    expect(cluster.now()).toBeGreaterThan(10_000);
    const silent = started(4, 1, { targetHeight: 0n });
    expect(silent.run(() => silent.hosts.some((host) => host.height > 0n), 15_000)).toBe(false);
  });

  it("keeps the least time between two blocks", () => {
    const cluster = started(4, 4, { targetHeight: 6n, settings: { blockTimeMs: 500 } });
    expect(cluster.run(() => cluster.reached(6n), 15_000)).toBe(true);
    const times = cluster.hosts[0]!.disk.chain.slice(1).map(({ block }) => Number(block.summary.timeMs));
    for (const [i, time] of times.slice(1).entries()) expect(time - times[i]!).toBeGreaterThanOrEqual(500);
  });

  it("stops a replica whose state differs from what a quorum signed, and goes on without it", () => {
    const cluster = started(4, 1, {});
    cluster.hosts[2]!.corruptState = true;
    expect(cluster.run(() => cluster.reached(HEIGHT, [2]))).toBe(true);
    expect([...cluster.halted]).toEqual([2]);
    expect(cluster.hosts[2]!.engine!.status().mode).toBe("halted");
    expect(cluster.hosts[2]!.height).toBeLessThan(6n);
  });
});
