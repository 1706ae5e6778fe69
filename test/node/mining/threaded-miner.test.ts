/** The replica's miner over real threads: what is solved is returned once, and threads can be changed while it works. */
import { afterEach, describe, expect, it } from "vitest";
import type { Block } from "../../../src/chain/types/block.ts";
import { compactOf, meetsTarget } from "../../../src/chain/types/target.ts";
import { ThreadedMiner } from "../../../src/node/mining/threaded-miner.ts";
import { miner as account, openMinedChain } from "../../chain/pow-fixtures.ts";

const HOPELESS = 0x03000001;
/** 2^12 hashes. */
const EASY = compactOf((1n << 244n) - 1n);
const DEADLINE_MS = 15_000;

const running: ThreadedMiner[] = [];
afterEach(async () => {
  for (const miner of running.splice(0)) await miner.close();
});

function open(): ThreadedMiner {
  const errors: Error[] = [];
  const miner = new ThreadedMiner({ threads: 1 }, { onError: (error) => errors.push(error) });
  running.push(miner);
  return miner;
}

async function template(bits: number): Promise<Block> {
  const chain = await openMinedChain();
  const proposal = { timeMs: chain.genesis.timeMs + 600_000n, proposer: 0, rewardTo: account };
  const block = chain.buildBlock(chain.head.hash, proposal, () => [], true)!;
  return { ...block, header: { ...block.header, bits } };
}

const solve = (miner: ThreadedMiner, block: Block) =>
  new Promise<Block>((resolve) => miner.mine(block, resolve));

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not in time: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("the miner of a replica", () => {
  it("returns what it solved to who asked", async () => {
    const block = await solve(open(), await template(EASY));
    expect(meetsTarget(block.hash, EASY)).toBe(true);
  });

  it("goes on with other threads, with the same block and for the same asker", async () => {
    const miner = open();
    miner.mine(await template(HOPELESS), () => undefined);
    await until(() => miner.hashRate() > 0);
    await miner.setThreads(2);
    expect(miner.threads).toBe(2);
    await until(() => miner.hashRate() > 0);
    const block = await solve(miner, await template(EASY));
    expect(meetsTarget(block.hash, EASY)).toBe(true);
  });

  it("starts nothing by a change of threads while it rests, and nothing after its end", async () => {
    const miner = open();
    await miner.setThreads(2);
    expect(miner.hashRate()).toBe(0);
    await miner.close();
    miner.mine(await template(EASY), () => undefined);
    expect(miner.hashRate()).toBe(0);
  });
});
