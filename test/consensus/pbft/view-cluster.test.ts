/**
 * Whole clusters that change views. Goal: whoever fails, the chain goes on and forks nowhere, at every size and
 * depth of the pipeline; views change on purpose too, and then nobody's timeouts suffers. Agreement and one vote per
 * place are checked after every event by the cluster itself.
 */
import { describe, expect, it } from "vitest";
import { Cluster, type ClusterOptions } from "./cluster.ts";
import { createFixture, type PARAMETERS } from "./fixture.ts";

function cluster(
  n: number,
  options: Partial<ClusterOptions> = {},
  parameters: Partial<typeof PARAMETERS> = {},
) {
  return new Cluster(createFixture(n, parameters), { seed: n, targetHeight: 12n, ...options });
}

const statuses = (run: Cluster) => run.hosts.map((host) => host.engine!.status());
const proposers = (run: Cluster) =>
  run.hosts[0]!.disk.chain.slice(1).map(({ block }) => block.summary.proposer);

/** Why views were left, as the replicas tell it. */
function reasonsOf(run: Cluster): Set<string> {
  const reasons = new Set<string>();
  const observe = run.observe.bind(run);
  run.observe = (host, effect) => {
    observe(host, effect);
    if (effect.kind !== "announce" || effect.event.type !== "view-change") return;
    if (effect.event.reason !== undefined) reasons.add(effect.event.reason);
  };
  return reasons;
}

describe("planned rotation", () => {
  for (const n of [1, 2, 4, 7]) {
    it(`of ${n} replicas gives each its turn, without a timeout`, () => {
      const run = cluster(n, { targetHeight: 15n }, { rotationInterval: 1 });
      const reasons = reasonsOf(run);
      run.start();
      const turned = () =>
        run.reached(15n) && statuses(run).every(({ view, mode }) => view === 3n && mode === "normal");
      expect(run.run(turned, 20_000)).toBe(true);
      // Who learns of the others' rotation before the checkpoint is stable here joins them.
      for (const reason of reasons) expect(["rotation", "join"]).toContain(reason);
      for (const { attempt } of statuses(run)) expect(attempt).toBe(0);
      expect(new Set(proposers(run))).toEqual(new Set([0, 1, 2, 3].map((i) => i % n)));
      expect(run.now()).toBeLessThan(12_000);
    });
  }

  it("happens at each R-th checkpoint and not between", () => {
    const run = cluster(4, { targetHeight: 16n }, { rotationInterval: 2 }).start();
    const views = new Map<bigint, bigint>();
    run.passes = (message) => {
      if (message.type === "pre-prepare") views.set(message.height, message.view);
      return true;
    };
    expect(run.run(() => run.reached(16n), 30_000)).toBe(true);
    for (const [height, view] of views)
      expect([height, view]).toEqual([height, height > 8n && view === 1n ? 1n : 0n]);
  });

  for (const depth of [1, 2, 4, 8]) {
    it(`loses nothing of a pipeline of depth ${depth}, also when mail is lost`, () => {
      const options = { loss: 0.15, delayMs: 100, targetHeight: 24n };
      const run = cluster(4, options, { pipelineDepth: depth, rotationInterval: 1 }).start();
      expect(run.run(() => run.reached(24n), 600_000)).toBe(true);
      expect(run.faults).toEqual([]);
    });
  }
});

describe("a replica that is alone one view ahead", () => {
  it("votes for nothing, commits with the others, and is taken back by rotation, exactly one view on", () => {
    const run = cluster(4, { targetHeight: 100n, settings: { blockTimeMs: 500 } }, { rotationInterval: 3 });
    const votes: bigint[] = [];
    run.linked = (_, to) => to !== 3;
    run.start();
    expect(run.run(() => statuses(run)[3]!.mode === "view-change", 10_000)).toBe(true);
    run.linked = () => true;
    run.passes = (message, from) => {
      if (from === 3 && (message.type === "prepare" || message.type === "commit")) votes.push(message.view);
      return true;
    };
    const back = () => statuses(run)[3]!.mode === "normal";
    expect(run.run(() => back() || run.hosts[0]!.height > 30n, 60_000)).toBe(true);
    expect(back()).toBe(true);
    expect(statuses(run)[3]!.view).toBe(1n);
    expect(votes.every((view) => view >= 1n)).toBe(true);
    expect(run.hosts[3]!.height).toBeGreaterThanOrEqual(8n);
    expect(run.run(() => run.reached(30n), 60_000)).toBe(true);
    expect(votes.length).toBeGreaterThan(0);
  });
});

describe("a primary that fails", () => {
  it("is left, and so is the next one: each in turn, with everything that was accepted kept", () => {
    const run = cluster(
      4,
      { targetHeight: 1_000n, settings: { blockTimeMs: 200 } },
      { pipelineDepth: 4 },
    ).start();
    for (const dead of [0, 1, 2, 3, 0]) {
      const before = run.now();
      const goal = run.hosts.reduce((top, { height }) => (height > top ? height : top), 0n) + 3n;
      const host = run.hosts[dead]!;
      host.crash();
      const others = () => run.hosts.filter((each) => each !== host).every(({ height }) => height >= goal);
      expect(run.run(others, 60_000)).toBe(true);
      expect(run.now() - before).toBeLessThan(20_000);
      host.start();
      expect(run.run(() => run.reached(goal), 20_000)).toBe(true);
    }
  });

  it("with another stops the chain, which goes on by itself when one of them comes back", () => {
    const run = cluster(4, {
      targetHeight: 1_000n,
      settings: { timeoutMaxMs: 8_000, blockTimeMs: 200 },
    }).start();
    expect(run.run(() => run.reached(2n), 20_000)).toBe(true);
    run.hosts[0]!.crash();
    run.hosts[1]!.crash();
    expect(run.run(() => run.hosts.some(({ height }) => height > 4n), 120_000)).toBe(false);
    run.hosts[0]!.start();
    expect(run.run(() => run.reached(6n, [1]), 40_000)).toBe(true);
  });

  for (const depth of [1, 2, 4, 8]) {
    it(`is left at depth ${depth} by 4, 5 and 7 replicas, under loss`, () => {
      for (const n of [4, 5, 7]) {
        const run = cluster(
          n,
          { seed: 10 * n + depth, loss: 0.2, delayMs: 150 },
          { pipelineDepth: depth },
        ).start();
        run.after(100 + 40 * depth, () => run.hosts[0]!.crash());
        expect(run.run(() => run.reached(12n, [0]), 600_000)).toBe(true);
        expect(run.faults).toEqual([]);
      }
    });
  }

  it("that keeps silent about some of its blocks too forks nothing", () => {
    for (const hidden of [[1], [2, 3], [1, 2]]) {
      const run = cluster(4, { targetHeight: 8n }, { pipelineDepth: 4 });
      run.passes = (message, from, to) =>
        from !== 0 || message.type !== "pre-prepare" || !hidden.includes(to);
      run.start();
      expect(run.run(() => run.reached(8n), 120_000)).toBe(true);
    }
  });
});

describe("the smallest clusters", () => {
  it("of one leaves its view when its own blocks do not come, and goes on", () => {
    const run = cluster(1);
    const local = run.local.bind(run);
    run.local = (host, what, task) => {
      if (what !== "build" || run.now() > 5_000) local(host, what, task);
    };
    run.start();
    expect(run.run(() => run.reached(12n), 60_000)).toBe(true);
    expect(statuses(run)[0]).toMatchObject({ mode: "normal" });
    expect(statuses(run)[0]!.view).toBeGreaterThan(0n);
  });

  it("of two need both, to change a view as well, and go on under loss", () => {
    const run = cluster(2, { loss: 0.3, delayMs: 400 }, { pipelineDepth: 2, rotationInterval: 1 }).start();
    expect(run.run(() => run.reached(12n), 600_000)).toBe(true);
    run.hosts[0]!.crash();
    run.targetHeight = 16n;
    run.hosts[1]!.reportPending();
    expect(run.run(() => run.hosts[1]!.height > 12n, 60_000)).toBe(false);
    run.hosts[0]!.start();
    expect(run.run(() => run.reached(16n), 300_000)).toBe(true);
  });
});
