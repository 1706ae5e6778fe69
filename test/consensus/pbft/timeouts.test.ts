/**
 * How long a replica waits before it asks for another primary. Goal: each timer runs from when to when the rules
 * say, for the length that they say, so that a slow or silent primary is left and a good one never is.
 * Source: pbft.md 1.7.
 */
import { describe, expect, it } from "vitest";
import type { Block } from "../../../src/chain/types/block.ts";
import { buildBlock, sealOf } from "./fixture.ts";
import { preparedIn, ViewBench } from "./viewbench.ts";

/** Commits a block by the bench's own agreement in `view`, the bench being a backup. */
function agree(bench: ViewBench, block: Block, view = 0n): void {
  const self = bench.engine.status().self!;
  const others = [0, 1, 2, 3].filter((i) => i !== self);
  const primary = Number(view % 4n);
  bench.acceptIn(view, block);
  bench.receive(...others.filter((i) => i !== primary).map((i) => bench.vote("prepare", i, block, view)));
  bench.receive(...others.map((i) => bench.vote("commit", i, block, view)));
  const { hash, summary } = block;
  const { height, stateRoot, nextValidatorsHash } = summary;
  const sealed = { head: block, seal: sealOf(bench.fixture, block, self, view) };
  bench.step({ kind: "head-changed", head: { height, hash, stateRoot, nextValidatorsHash }, sealed });
}

/** Blocks of the primary of `view` on top of `parent`. */
function blocksOf(bench: ViewBench, view: bigint, parent: Block, count: number): Block[] {
  const blocks: Block[] = [];
  for (let i = 1; i <= count; i++) {
    const on = blocks.at(-1) ?? parent;
    blocks.push(
      buildBlock(bench.fixture, on, Number(view % 4n), bench.fixture.genesis.timeMs + BigInt(1_000 * i)),
    );
  }
  return blocks;
}

const ordered = (bench: ViewBench) => bench.of("set-timer").map(({ timer }) => timer.name);

/** Replica 3 in view 1, with one view change behind it and work to wait for. */
function inViewOne(): ViewBench {
  const bench = new ViewBench(3).start().work(1);
  bench.fire("request");
  bench.open(1n, [0, 1, 2]);
  expect(bench.engine.status()).toMatchObject({ view: 1n, mode: "normal", attempt: 1 });
  return bench;
}

describe("T_req", () => {
  it("watches the oldest item: a primary that commits other blocks meanwhile gains nothing by it", () => {
    const bench = new ViewBench(1).start().work(1);
    for (const height of [1, 2, 3]) {
      agree(bench, bench.block(height));
      expect(ordered(bench)).not.toContain("request");
      bench.work(1);
      expect(ordered(bench)).not.toContain("request");
    }
    bench.fire("request");
    expect(bench.said("view-change").view).toBe(1n);
  });

  it("starts anew for the next oldest when the oldest is committed", () => {
    const bench = new ViewBench(1).start().work(1);
    agree(bench, bench.block(1));
    bench.work(2);
    expect(ordered(bench)).toContain("request");
  });

  it("leads above the view of a certificate that is held, once it has asked in vain what that view led to", () => {
    const bench = new ViewBench(1).start();
    bench.headChanged(1, 2n);
    bench.work(2);
    bench.fire("request");
    expect(bench.engine.status()).toMatchObject({ view: 0n, mode: "normal" });
    bench.fire("request");
    expect(bench.said("view-change").view).toBe(3n);
  });

  it("runs at the primary, too", () => {
    expect(new ViewBench(0).start().work().delay("request")).toBe(2_000);
  });

  it("runs for a proposal that was accepted and is not committed, though the pool is empty", () => {
    const bench = new ViewBench(1).start();
    bench.acceptIn(0n, bench.block(1));
    expect(bench.engine.status().waitingFor).toEqual({ kind: "height", height: 1n });
    expect(bench.delay("request")).toBe(2_000);
    bench.receive(bench.vote("prepare", 2, bench.block(1)));
    bench.receive(...[0, 2].map((from) => bench.vote("commit", from, bench.block(1))));
    bench.headChanged(1);
    expect(bench.delay("request")).toBeUndefined();
  });

  it("runs for what a NEW-VIEW carries over, even before its body is here", () => {
    const bench = new ViewBench(3).start();
    bench.open(1n, [0, 1, 2], { entries: [preparedIn(bench.fixture, bench.block(1), 0n, 3)] });
    expect(bench.engine.status().waitingFor).toEqual({ kind: "height", height: 1n });
    expect(bench.delay("request")).toBe(2_000);
  });

  it("runs when an empty block is due and none comes, not before", () => {
    const bench = new ViewBench(1, { settings: { emptyBlocksMs: 5_000 } }).start();
    expect(bench.delay("request")).toBeUndefined();
    bench.fire("empty");
    expect(bench.engine.status().waitingFor).toEqual({ kind: "heartbeat" });
    expect(bench.delay("request")).toBe(2_000);
  });

  it("is put off while blocks arrive by state transfer: the primary is not to blame for them", () => {
    const bench = new ViewBench(1).start().work(1);
    bench.headChanged(1);
    expect(ordered(bench)).toContain("request");
    expect(bench.engine.status().attempt).toBe(0);
  });

  it("does not run for the pool at H, where only stability is missing", () => {
    const bench = new ViewBench(1, { depth: 8 }).start();
    for (let height = 1; height <= 8; height++) bench.headChanged(height);
    bench.work(1);
    expect(bench.engine.status()).toMatchObject({
      lastCommitted: 8n,
      highWatermark: 8n,
      waitingFor: undefined,
    });
    expect(bench.delay("request")).toBeUndefined();
  });

  it("waits for one more interval when a checkpoint may be missing only here", () => {
    const bench = new ViewBench(1).start();
    for (let height = 1; height <= 4; height++) bench.headChanged(height);
    bench.work(1).fire("request");
    expect(bench.sent()).toEqual(["status"]);
    expect(bench.delay("request")).toBe(1_000);
    bench.fire("request");
    expect(bench.said("view-change").view).toBe(1n);
  });
});

describe("the back-off", () => {
  it("doubles with each view change in a row, up to T_max", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    const lengths: number[] = [];
    for (let view = 1n; view <= 7n; view++) {
      if (view === 4n) bench.fire("status"); // a new interval: more VIEW-CHANGEs are looked at
      if (view === 3n || view === 7n) bench.ask(view, [0, 1]);
      else bench.ask(view, [0, 2]);
      lengths.push(bench.delay("new-view")!);
      bench.fire("new-view");
    }
    expect(lengths).toEqual([4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it("stops counting where the timeout stops growing, so that a few quick commits make it short again", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    for (let view = 1n; view <= 11n; view++) {
      bench.fire("status"); // a new interval: more VIEW-CHANGEs are looked at
      bench.ask(view, view % 4n === 0n ? [1, 2] : view % 4n === 1n ? [0, 2] : [0, 1]);
      bench.fire("new-view");
    }
    expect(bench.engine.status()).toMatchObject({ view: 12n, attempt: 5 });
  });

  it("counts one less after a commit within a quarter of the timeout", () => {
    const bench = inViewOne();
    const [first, second] = blocksOf(bench, 1n, bench.block(0), 2);
    expect(bench.delay("request")).toBe(4_000);
    expect(bench.delay("quick")).toBe(1_000);
    agree(bench, first!, 1n);
    expect(bench.engine.status().attempt).toBe(0);
    bench.work(2);
    expect(bench.delay("request")).toBe(2_000);
    expect(bench.delay("quick")).toBeUndefined();
    agree(bench, second!, 1n);
    expect(bench.engine.status().attempt).toBe(0);
  });

  it("stays as it is after a slow one", () => {
    const bench = inViewOne();
    bench.fire("quick");
    agree(bench, blocksOf(bench, 1n, bench.block(0), 1)[0]!, 1n);
    expect(bench.engine.status().attempt).toBe(1);
  });

  it("stays as it is after blocks by state transfer", () => {
    const bench = inViewOne();
    bench.headChanged(1);
    expect(bench.engine.status()).toMatchObject({ attempt: 1, lastCommitted: 1n });
  });

  it("is not touched by a planned rotation", () => {
    const bench = new ViewBench(3, { rotation: 1 }).start();
    for (let height = 1; height <= 4; height++) agree(bench, bench.block(height));
    const checkpoint = (from: number) =>
      bench.sign({ type: "checkpoint", from, epoch: 0n, ...bench.head(4) });
    bench.deliver(checkpoint(0), checkpoint(1));
    expect(bench.reason()).toBe("rotation");
    expect(bench.engine.status()).toMatchObject({ view: 1n, mode: "view-change", attempt: 0 });
    expect(bench.said("view-change")).toMatchObject({ stableCheckpoint: 4n, certified: [] });
    bench.ask(1n, [0, 1], { stable: bench.block(4) });
    expect(bench.delay("new-view")).toBe(2_000);
  });
});

describe("planned rotation", () => {
  const stableAt = (bench: ViewBench, height: number) => {
    const sign = (from: number) => bench.sign({ type: "checkpoint", from, epoch: 0n, ...bench.head(height) });
    bench.deliver(...[0, 1, 2, 3].filter((i) => i !== bench.engine.status().self).map(sign));
  };

  it("comes at each R-th checkpoint only", () => {
    const bench = new ViewBench(3, { rotation: 2 }).start();
    for (let height = 1; height <= 8; height++) {
      agree(bench, bench.block(height));
      if (height === 4) stableAt(bench, 4);
      expect(bench.engine.status().view).toBe(0n);
    }
    stableAt(bench, 8);
    expect(bench.engine.status().view).toBe(1n);
  });

  it("moves nobody who has moved on by itself, so it does not fire twice", () => {
    const bench = new ViewBench(3, { rotation: 1 }).start();
    for (let height = 1; height <= 4; height++) agree(bench, bench.block(height));
    bench.work().fire("request");
    if (bench.engine.status().mode === "normal") bench.fire("request");
    expect(bench.engine.status()).toMatchObject({ view: 1n, mode: "view-change" });
    stableAt(bench, 4);
    expect(bench.engine.status().view).toBe(1n);
  });

  it("is off at 0", () => {
    const bench = new ViewBench(3).start();
    for (let height = 1; height <= 4; height++) agree(bench, bench.block(height));
    stableAt(bench, 4);
    expect(bench.engine.status()).toMatchObject({ view: 0n, stableCheckpoint: 4n });
  });
});

describe("T_nv", () => {
  it("counts whoever asks for the view or a higher one", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    bench.ask(1n, [0]);
    expect(bench.delay("new-view")).toBeUndefined();
    bench.ask(5n, [2]);
    expect(bench.delay("new-view")).toBe(4_000);
    expect(bench.engine.status().view).toBe(1n);
  });

  it("never runs at a replica that asks alone: it stays one view ahead", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    for (let i = 0; i < 10; i++) {
      bench.fire("resend");
      expect(bench.said("view-change").view).toBe(1n);
    }
    expect(bench.delay("new-view")).toBeUndefined();
  });

  it("runs on after the NEW-VIEW until a new height is committed", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    bench.ask(1n, [0, 2]);
    bench.open(1n, [0, 1, 2]);
    expect(bench.delay("new-view")).toBe(4_000);
    expect(bench.delay("request")).toBeUndefined();
    agree(bench, blocksOf(bench, 1n, bench.block(0), 1)[0]!, 1n);
    expect(bench.delay("new-view")).toBeUndefined();
    expect(bench.delay("request")).toBeDefined();
  });

  it("ends at once with the NEW-VIEW when nothing is pending", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    bench.idle();
    bench.ask(1n, [0, 2]);
    bench.open(1n, [0, 1, 2]);
    expect(bench.delay("new-view")).toBeUndefined();
    expect(bench.engine.status().mode).toBe("normal");
  });

  it("moves on when the new view leads to nothing", () => {
    const bench = new ViewBench(3).start().work();
    bench.fire("request");
    bench.ask(1n, [0, 2]);
    bench.open(1n, [0, 1, 2]);
    bench.fire("new-view");
    expect(bench.said("view-change").view).toBe(2n);
    expect(bench.reason()).toBe("new-view-timeout");
  });
});

describe("T_fair", () => {
  const settings = { fairnessTimeoutMs: 5_000, requestTimeoutMs: 1_000 };
  /** Block 1 is committed by agreement; it holds as many transactions as a block may. */
  const commitFull = (bench: ViewBench) => {
    const block = bench.block(1);
    const head = { ...block, summary: { ...block.summary, txCount: 100 } };
    bench.step({
      kind: "head-changed",
      head: bench.head(1),
      sealed: { head, seal: sealOf(bench.fixture, block, 1) },
    });
  };

  it("asks for another primary when a transaction has waited too long though blocks had room", () => {
    const bench = new ViewBench(1, { settings }).start().work(1);
    expect(bench.delay("fairness")).toBe(5_000);
    bench.work(1, 5_000).fire("fairness");
    expect(bench.reason()).toBe("unfair");
    expect(bench.said("view-change").view).toBe(1n);
  });

  it("does not when the last block was full", () => {
    const bench = new ViewBench(1, { settings }).start().work(1);
    commitFull(bench);
    bench.work(1, 5_000).fire("fairness");
    expect(bench.engine.status().mode).toBe("normal");
    expect(bench.delay("fairness")).toBeDefined();
  });

  it("does not when the one that waited is gone and another has just come", () => {
    const bench = new ViewBench(1, { settings }).start().work(1);
    bench.work(2, 1_000).fire("fairness");
    expect(bench.engine.status().mode).toBe("normal");
    expect(bench.delay("fairness")).toBe(4_000);
  });

  it("gives the same transaction twice the time in the next view, and another one no more than before", () => {
    for (const [mark, expected] of [
      [1, 10_000],
      [2, 5_000],
    ] as const) {
      const bench = new ViewBench(3, { settings }).start().work(1);
      bench.work(1, 5_000).fire("fairness");
      bench.work(mark, 5_000);
      bench.open(1n, [0, 1, 2]);
      expect(bench.delay("fairness")).toBe(expected);
    }
  });

  it("is capped by T_max", () => {
    const bench = new ViewBench(3, { settings: { ...settings, timeoutMaxMs: 8_000 } }).start().work(1);
    bench.work(1, 5_000).fire("fairness");
    bench.open(1n, [0, 1, 2]);
    expect(bench.delay("fairness")).toBe(8_000);
  });

  it("begins with the view: what waited before counts from its NEW-VIEW", () => {
    const bench = new ViewBench(3, { settings }).start().work(1);
    bench.fire("request");
    bench.open(1n, [0, 1, 2]);
    expect(ordered(bench)).toContain("fairness");
  });

  it("begins anew with a view that was entered without asking for it", () => {
    const bench = new ViewBench(3, { settings }).start().work(1);
    bench.open(1n, [0, 1, 2]);
    expect(ordered(bench)).toContain("fairness");
  });
});
