/** The chain where blocks can be abandoned: heaviest branch, reorganisation, verdicts, what a restart finds. */
import { describe, expect, it } from "vitest";
import type { HeadChange } from "../../src/chain/chain.ts";
import { readAccount } from "../../src/chain/modules/bank.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { mineOn, miner, openMinedChain } from "./powfixtures.ts";

describe("a mined chain", () => {
  it("goes to the heavier branch and back, telling what it left", async () => {
    const [chain, other] = [await openMinedChain(), await openMinedChain()];
    const changes: HeadChange[] = [];
    chain.onHeadChange((change) => changes.push(change));
    for (let i = 0; i < 2; i++) expect(await chain.importBlock(mineOn(chain))).toEqual({ kind: "imported" });
    const longer = [];
    for (let i = 0; i < 3; i++) {
      const block = mineOn(other, [], 1);
      longer.push(block);
      await other.importBlock(block);
    }
    for (const block of longer.slice(0, 2)) await chain.importBlock(block);
    expect(changes).toHaveLength(2);
    await chain.importBlock(longer[2]!);
    expect(chain.head.hash).toEqual(other.head.hash);
    expect(chain.head.summary.stateRoot).toEqual(other.head.summary.stateRoot);
    expect(changes).toHaveLength(5);
    expect(changes[2]!.reorg?.abandoned).toHaveLength(2);
    expect(await chain.branches!.reorgs(10)).toMatchObject([{ depth: 2, entered: 3 }]);
  });

  it("pays the miner when the coinbase has matured", async () => {
    const chain = await openMinedChain();
    for (let i = 0; i < 3; i++) await chain.importBlock(mineOn(chain));
    expect(readAccount(chain.committed, miner)).toBeUndefined();
    await chain.importBlock(mineOn(chain));
    expect(readAccount(chain.committed, miner)).toEqual({ balance: 50n, nonce: 0n });
  });

  it("opens again where it was", async () => {
    const kv = new MemoryKv();
    const chain = await openMinedChain({ kv });
    for (let i = 0; i < 5; i++) await chain.importBlock(mineOn(chain));
    const again = await openMinedChain({ kv });
    expect(again.head.hash).toEqual(chain.head.hash);
    expect(await again.importBlock(mineOn(again))).toEqual({ kind: "imported" });
  });

  it("takes a block away at the operator's word and brings it back", async () => {
    const chain = await openMinedChain();
    const hashes = [];
    for (let i = 0; i < 3; i++) {
      await chain.importBlock(mineOn(chain));
      hashes.push(chain.head.hash);
    }
    expect(await chain.branches!.invalidate(hashes[1]!)).toBeUndefined();
    expect(chain.head.hash).toEqual(hashes[0]);
    expect(await chain.branches!.reconsider(hashes[1]!)).toBeUndefined();
    expect(chain.head.hash).toEqual(hashes[2]);
  });
});
