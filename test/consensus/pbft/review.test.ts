/** Corners of the view change that a review found: each was wrong once. */
import { describe, expect, it } from "vitest";
import type { Block } from "../../../src/chain/block.ts";
import { buildBlock } from "./fixture.ts";
import { checkpointOf, ViewBench } from "./viewbench.ts";

/** A block of the primary of view 1. */
function otherBlock(bench: ViewBench, height: number): Block {
  return buildBlock(bench.fixture, bench.block(height - 1), 1, bench.fixture.genesis.timeMs + 999n);
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

describe("patience across views", () => {
  it("begins T_fair anew when a NEW-VIEW comes without having been asked for", () => {
    const bench = new ViewBench(2, { length: 8 }).start() as ViewBench;
    bench.work();
    bench.open(1n, [0, 1, 3]);
    expect(bench.of("set-timer").map(({ timer }) => timer.name)).toContain("fairness");
  });
});

describe("bodies", () => {
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
