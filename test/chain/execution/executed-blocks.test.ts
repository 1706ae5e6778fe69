/** How many executed blocks are held in memory: bounded in number and bytes, and never less than the newest. */
import { describe, expect, it } from "vitest";
import { asHash } from "../../../src/base/bytes.ts";
import { type ExecutedBlock, ExecutedBlocks } from "../../../src/chain/state/ledger-view.ts";
import { build, genesis, openChain } from "../fixtures.ts";
import { miner, openMinedChain } from "../pow-fixtures.ts";

const chain = await openChain();
const template = build(chain);

function executed(number: number, pageBytes: number): ExecutedBlock {
  const hash = asHash(new Uint8Array(32).fill(number));
  const pages = new Map([["page", new Uint8Array(pageBytes)]]);
  return { block: { ...template, hash }, diff: new Map(), pages, receipts: [] };
}

describe("executed blocks in memory", () => {
  it("are dropped from the oldest on when they hold too many bytes", () => {
    const blocks = new ExecutedBlocks(10_000);
    for (let number = 1; number <= 5; number++) blocks.add(executed(number, 4_000));
    const held = [1, 2, 3, 4, 5].filter((number) => blocks.get(executed(number, 0).block.hash) !== undefined);
    expect(held).toEqual([4, 5]);
    expect(blocks.bytes).toBeLessThanOrEqual(10_000);
  });

  it("keep the newest, however much it holds", () => {
    const blocks = new ExecutedBlocks(10_000);
    blocks.add(executed(1, 100));
    blocks.add(executed(2, 50_000));
    expect(blocks.get(executed(1, 0).block.hash)).toBeUndefined();
    expect(blocks.get(executed(2, 0).block.hash)).toBeDefined();
    blocks.dropUpTo(template.summary.height);
    expect(blocks.bytes).toBe(0);
  });

  it("count a block once that is executed again", () => {
    const blocks = new ExecutedBlocks(10_000);
    for (let times = 0; times < 9; times++) blocks.add(executed(1, 4_000));
    expect(blocks.bytes).toBeLessThan(5_000);
  });
});

it("a template of a mined chain is not kept: once it is solved it has another hash", async () => {
  const mined = await openMinedChain();
  const proposal = { timeMs: genesis.timeMs + 600_000n, proposer: 0, rewardTo: miner };
  const block = mined.buildBlock(mined.head.hash, proposal, () => [], true)!;
  expect(mined.headOf(block.hash)).toBeUndefined();
});
