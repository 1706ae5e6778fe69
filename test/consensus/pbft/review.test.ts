/** Corners of the view change that a review or the simulator found: each was wrong once. */
import { describe, expect, it } from "vitest";
import type { Block } from "../../../src/chain/types/block.ts";
import { buildBlock, sealOf } from "./fixture.ts";
import { checkpointOf, preparedIn, ViewBench } from "./viewbench.ts";

/** A block of the primary of view 1. */
function otherBlock(bench: ViewBench, height: number): Block {
  return buildBlock(bench.fixture, bench.block(height - 1), 1, bench.fixture.genesis.timeMs + 999n);
}

/** Any block there. */
function placeAt(height: number): Pick<Block, "summary"> {
  return { summary: { height: BigInt(height) } as Block["summary"] };
}

describe("a replica below min_s of its view", () => {
  it("votes for nothing, not even for what came before the NEW-VIEW", () => {
    const bench = new ViewBench(2, { length: 8 }).start() as ViewBench;
    const other = otherBlock(bench, 1);
    bench.receive(bench.vote("pre-prepare", 1, other, 1n));
    bench.open(1n, [0, 1, 3], { stable: bench.block(4) });
    expect(bench.kinds()).not.toContain("check-block");
    bench.checked(other);
    expect(bench.sent()).toEqual([]);
  });

  it("adopts min_s once it is executed, though a higher checkpoint is awaited", () => {
    const bench = new ViewBench(2, { length: 8 }).start() as ViewBench;
    for (const height of [1, 2, 3]) bench.headChanged(height);
    bench.open(1n, [0, 1, 3], { stable: bench.block(4) });
    const certificate = checkpointOf(bench.fixture, bench.block(8));
    const { height, hash } = certificate;
    const body = { type: "checkpoint-certificate", from: 3, epoch: 0n, height, hash } as const;
    bench.receive(bench.sign(body, { certificate }));
    bench.headChanged(4);
    expect(bench.engine.status().stableCheckpoint).toBe(4n);
    for (const each of [5, 6, 7, 8]) bench.headChanged(each);
    expect(bench.engine.status().stableCheckpoint).toBe(8n);
  });
});

describe("memory, while a replica syncs up to a distant min_s of its view", () => {
  const opened = () => {
    const bench = new ViewBench(2, { length: 64 }).start() as ViewBench;
    bench.open(1n, [0, 1, 3], { stable: bench.block(64) });
    return bench;
  };

  it("holds the heights that a P from here would cover and the newest 2L", () => {
    const bench = opened();
    for (let height = 1; height < 64; height++) bench.headChanged(height);
    const held = bench.engine.status().slots.map(({ height }) => Number(height));
    const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
    expect(held).toEqual([...range(1, 16), ...range(48, 63)]);
    bench.headChanged(64);
    expect(bench.engine.status()).toMatchObject({ stableCheckpoint: 64n, slots: [] });
  });

  it("forgets the votes above the min_s of a view that it has left", () => {
    const bench = opened();
    bench.receive(bench.vote("prepare", 3, { ...bench.block(1), ...placeAt(66) }, 1n));
    expect(bench.engine.status().slots.map(({ height }) => height)).toEqual([66n]);
    bench.open(5n, [0, 1, 3], { stable: bench.block(24) });
    expect(bench.engine.status().slots).toEqual([]);
  });

  it("wants no CHECKPOINTs below it: the certificate of min_s is there", () => {
    const bench = opened();
    const checkpoint = (height: number) =>
      bench.sign({ type: "checkpoint", from: 3, epoch: 0n, ...bench.head(height) });
    expect([4, 60, 64].map((height) => bench.wants(checkpoint(height)))).toEqual([false, false, false]);
    const above = { ...checkpoint(64), height: 68n } as ReturnType<typeof checkpoint>;
    expect(bench.wants(above)).toBe(true);
  });
});

describe("a primary whose committed heights have a hole", () => {
  const ordersBlock = (known: readonly number[]) => {
    const bench = new ViewBench(0, { length: 8 });
    const recent = known.map((height) => ({
      head: bench.block(height),
      seal: sealOf(bench.fixture, bench.block(height), 0),
    }));
    bench.start(2, [], recent);
    bench.work();
    return bench.kinds().includes("build-block");
  };

  it("proposes nothing, since its PRE-PREPARE counts in a prepared certificate like a PREPARE", () => {
    expect(ordersBlock([1, 2])).toBe(true);
    expect(ordersBlock([2])).toBe(false);
  });
});

describe("timeouts across views", () => {
  it("begins T_fair anew when a NEW-VIEW comes without having been asked for", () => {
    const bench = new ViewBench(2, { length: 8 }).start() as ViewBench;
    bench.work();
    bench.open(1n, [0, 1, 3]);
    expect(bench.of("set-timer").map(({ timer }) => timer.name)).toContain("fairness");
  });
});

describe("the store of bodies", () => {
  it("drops the body of a proposal it never voted for with its view, and keeps what it voted for", () => {
    const bench = new ViewBench(2, { length: 8 }).start() as ViewBench;
    const refused = otherBlock(bench, 2);
    bench.accept(1);
    bench.receive(bench.vote("pre-prepare", 0, refused));
    const holds = (block: Block) => {
      bench.receive(bench.sign({ type: "fetch", from: 3, epoch: 0n, hash: block.hash }));
      return bench.sent().includes("block");
    };
    expect([holds(bench.block(1)), holds(refused)]).toEqual([true, true]);
    bench.open(3n, [0, 1, 3]);
    expect([holds(bench.block(1)), holds(refused)]).toEqual([true, false]);
  });
});

describe("a NEW-VIEW with another block than the one committed here", () => {
  /** Block 1 was committed in `view`; in view 0 another had been prepared, which nobody need have committed. */
  const committedIn = (view: bigint) => {
    const bench = new ViewBench(2, { length: 8 }).start() as ViewBench;
    const other = otherBlock(bench, 1);
    const asking = { entries: [preparedIn(bench.fixture, other, 0n, 2)] };
    bench.headChanged(1, view);
    return { bench, other, asking };
  };
  const restarted = (bench: ViewBench, view: bigint) => {
    const journal = bench.of("journal").map(({ record }) => record);
    const recent = [{ head: bench.block(1), seal: sealOf(bench.fixture, bench.block(1), 2, view) }];
    return new ViewBench(2, { length: 8 }).start(1, journal, recent) as ViewBench;
  };

  it.each([
    ["opened before the view that committed the block", 4n],
    ["one of two by the primary of the view that committed the block", 3n],
  ])("is entered, but not voted for, and does not stop a restart: %s", (_, view) => {
    const { bench, asking } = committedIn(view);
    bench.open(3n, [0, 1, 3], asking);
    expect(bench.engine.status()).toMatchObject({ mode: "normal", view: 3n });
    expect(bench.sent()).toEqual([]);
    expect(restarted(bench, view).engine.status()).toMatchObject({ mode: "normal", view: 3n });
  });

  it("leaves the heights above to the chain that was committed", () => {
    const { bench, asking } = committedIn(3n);
    bench.open(3n, [0, 1, 3], asking);
    bench.acceptIn(3n, buildBlock(bench.fixture, bench.block(1), 3, bench.fixture.genesis.timeMs + 500n));
    expect(bench.engine.status().slots.at(-1)).toMatchObject({ height: 2n, phase: "pre-prepared" });
    expect(bench.effects.map(({ kind }) => kind)).toContain("journal");
  });

  it("shows that its primary contradicted itself where its PRE-PREPARE for the committed block is held", () => {
    const { bench, asking } = committedIn(1n);
    bench.receive(bench.vote("pre-prepare", 1, bench.block(1), 1n));
    bench.open(1n, [0, 1, 3], asking);
    expect(bench.of("report-fault")).toMatchObject([{ author: 1 }]);
    expect(bench.reason()).toBe("equivocation");
  });

  it("stops the replica when the block was committed in an earlier view: a quorum hid it", () => {
    const { bench, asking } = committedIn(2n);
    bench.open(3n, [0, 1, 3], asking);
    expect(bench.engine.status().mode).toBe("halted");
  });
});
