/**
 * Goal: the chain's head, state, tellings and pool on random block trees are those of a naive model. Method: trees
 * from seeds (tree-world.ts); `npm run blocktrees` plays as many as one likes.
 */
import { describe, expect, it, vi } from "vitest";
import { BlockExecutor } from "../../../src/chain/execution/block-executor.ts";
import { runBlockTree } from "./tree-world.ts";

const TREES = 120;
const FULL_TREES = 10;
/** Seeds that show blocks filled without room for their coinbase: about one tree in two does. */
const OVERFULL_SEEDS = [2, 3, 5];
/** Trees that once showed a fault: a head lost as a candidate, a move in stages that ended on a tie, a prefix left out. */
const FOUND = [1_000_046, 1_000_854, 2_002_320, 3_002_649];

describe("the chain on random block trees", () => {
  it(`does what a naive model does on ${TREES} of them`, async () => {
    const sums = { blocks: 0, reorgs: 0, found: 0, restarts: 0 };
    let [depth, deepest] = [0, 0];
    for (const seed of [...FOUND, ...Array(TREES).keys()]) {
      const stats = await runBlockTree(seed).catch((cause) => {
        throw new Error(`seed ${seed}: ${cause.message}`, { cause });
      });
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += stats[name];
      depth = Math.max(depth, stats.depth);
      deepest = Math.max(deepest, stats.deepest);
    }
    // The trees are worth their name.
    expect(depth).toBeGreaterThanOrEqual(50);
    expect(deepest).toBeGreaterThanOrEqual(8);
    expect(sums.reorgs).toBeGreaterThan(TREES / 5);
    expect(sums.found).toBeGreaterThan(TREES / 5);
    expect(sums.restarts).toBeGreaterThan(TREES / 5);
  }, 300_000);

  it(`builds blocks that both take where blocks are always full, on ${FULL_TREES} trees`, async () => {
    const sums = { built: 0, full: 0 };
    for (let seed = 0; seed < FULL_TREES; seed++) {
      const { built, full } = await runBlockTree(seed, { isFull: true }).catch((cause) => {
        throw new Error(`seed ${seed}: ${cause.message}`, { cause });
      });
      sums.built += built;
      sums.full += full;
    }
    expect(sums.full).toBeGreaterThan(FULL_TREES);
    expect(sums.full).toBeGreaterThan(sums.built / 2);
  }, 120_000);

  it("finds blocks that are filled without room for the coinbase within a few trees", async () => {
    const room = vi.spyOn(BlockExecutor.prototype, "roomOn");
    room.mockImplementation(function (this: BlockExecutor) {
      return this.genesis.limits;
    });
    try {
      for (const seed of OVERFULL_SEEDS) {
        await expect(runBlockTree(seed, { isFull: true })).rejects.toThrow("has the form of a valid one");
      }
    } finally {
      room.mockRestore();
    }
  });
});
