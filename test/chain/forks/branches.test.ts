/** The chain where blocks can be abandoned: heaviest branch, reorganisation, verdicts, what a restart finds. */

import { describe, expect, it } from "vitest";
import type { HeadChange } from "../../../src/chain/chain.ts";
import { branchesOf } from "../../../src/chain/chain-mode.ts";
import { readAccount } from "../../../src/chain/modules/accounts.ts";
import { decodeSealedBlock, encodeSealedBlock, hashHeader, placeOf } from "../../../src/chain/types/block.ts";
import { bodyKey } from "../../../src/storage/database-keys.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { genesis, mineOn, miner, openMinedChain } from "../pow-fixtures.ts";

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
    expect(await branchesOf(chain).reorgs(10)).toMatchObject([{ depth: 2, entered: 3 }]);
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
    expect(await branchesOf(chain).invalidate(hashes[1]!)).toBeUndefined();
    expect(chain.head.hash).toEqual(hashes[0]);
    expect(await branchesOf(chain).reconsider(hashes[1]!)).toBeUndefined();
    expect(chain.head.hash).toEqual(hashes[2]);
  });
});

describe("what the tree of blocks refuses", () => {
  it("is a peer's whole block whose branch is far too light, and never one that was made here", async () => {
    const chain = await openMinedChain();
    const cheap = mineOn(chain, [], 1);
    const near = [];
    for (let i = 0; i < 150; i++) {
      await chain.importBlock(mineOn(chain));
      if (i === 20) near.push(mineOn(chain, [], 1));
    }
    expect(await chain.importBlock(cheap, "peer")).toEqual({ kind: "too-light", work: 4n, needed: 14n });
    expect(chain.store.head(cheap.block.hash)).toBeUndefined();
    expect(chain.store.bodyBytes(cheap.block.hash)).toBeUndefined();
    expect(await chain.importBlock(near[0]!, "peer")).toEqual({ kind: "imported" });
    expect(await chain.importBlock(cheap)).toEqual({ kind: "imported" });
  });

  it("is a peer's whole block below the least work of a chain, also on the head", async () => {
    const chain = await openMinedChain({ branches: { minimumChainWork: 7n } });
    const first = mineOn(chain);
    expect(await chain.importBlock(first, "peer")).toMatchObject({ kind: "too-light", needed: 7n });
    for (let i = 0; i < 2; i++) expect(await chain.importBlock(mineOn(chain))).toEqual({ kind: "imported" });
    expect(await chain.importBlock(mineOn(chain), "peer")).toEqual({ kind: "imported" });
  });

  it("frees the other branches above a block that is given back", async () => {
    const chain = await openMinedChain();
    const base = mineOn(chain);
    await chain.importBlock(base);
    const left = mineOn(chain, [], 1);
    const right = mineOn(chain, [], 2);
    await chain.importBlock(left);
    await chain.importBlock(right);
    const branches = branchesOf(chain);
    await branches.invalidate(base.block.hash);
    expect(chain.head.summary.height).toBe(0n);
    await branches.reconsider(right.block.hash);
    expect(branches.tree.get(left.block.hash)?.hasInvalidAncestor).toBe(false);
    expect(branches.tree.get(right.block.hash)?.hasInvalidAncestor).toBe(false);
  });

  it("hides no acceptable branch behind one that would undo too much", async () => {
    const branches = { maxReorgDepth: 1 };
    const [chain, deep, near] = await Promise.all([
      openMinedChain({ branches }),
      openMinedChain(),
      openMinedChain(),
    ]);
    for (const second of [0, 0]) await chain.importBlock(mineOn(chain, [], second));
    const fork = chain.sealedBlockAt(1n)!;
    await near.importBlock(fork);
    for (let i = 0; i < 4; i++) await deep.importBlock(mineOn(deep, [], 1));
    for (let i = 0; i < 2; i++) await near.importBlock(mineOn(near, [], 2));
    for (let height = 1n; height <= 4n; height++) await chain.importBlock(deep.sealedBlockAt(height)!);
    expect(chain.head.summary.height).toBe(2n);
    for (let height = 2n; height <= 3n; height++) await chain.importBlock(near.sealedBlockAt(height)!);
    expect(chain.head.hash).toEqual(near.head.hash);
  });

  it("stores nothing of a light list that ends in a false heavy head", async () => {
    const [chain, other] = [await openMinedChain(), await openMinedChain()];
    for (let i = 0; i < 160; i++) await chain.importBlock(mineOn(chain));
    for (let i = 0; i < 3; i++) await other.importBlock(mineOn(other, [], 1));
    const light = [1n, 2n, 3n].map((height) => other.sealedBlockAt(height)!.block);
    const branches = branchesOf(chain);
    expect(await branches.addHeads(light)).toMatchObject({ kind: "too-light", work: 8n, needed: 34n });
    const last = light[2]!;
    const false_ = { ...last, header: { ...last.header, previousHash: last.hash, bits: 0x03000001 } };
    const head = { ...false_, hash: hashHeader(false_.header) };
    expect(await branches.addHeads([...light, head])).toMatchObject({ kind: "invalid" });
    expect(branches.tree.get(light[0]!.hash)).toBeUndefined();
    // A first pass has shown that the branch is heavy enough: now it is stored.
    expect(await branches.addHeads(light, 34n)).toMatchObject({ kind: "added", added: 3 });
  });

  it("calls what the operator took away no fault of the block's, nor what stands on it", async () => {
    const chain = await openMinedChain();
    const other = await openMinedChain();
    for (let i = 0; i < 3; i++) await other.importBlock(mineOn(other));
    const [first, second, third] = [1n, 2n, 3n].map((height) => other.sealedBlockAt(height)!);
    await chain.importBlock(first!);
    await chain.importBlock(second!);
    await branchesOf(chain).invalidate(first!.block.hash);
    expect(await chain.importBlock(third!)).toMatchObject({
      kind: "invalid",
      fault: { code: "invalidated" },
    });
  });

  it("gives up the lightest branches beyond the bounds, on disk too, and can learn them again", async () => {
    const kv = new MemoryKv();
    const settings = { kv, branches: { sideBranchesMax: 3, treeDepth: 1 } };
    const chain = await openMinedChain(settings);
    const siblings = [];
    for (let i = 1; i <= 8; i++) siblings.push(mineOn(chain, [], i));
    for (let i = 0; i < 3; i++) await chain.importBlock(mineOn(chain));
    for (const sibling of siblings) await chain.importBlock(sibling);
    await chain.importBlock(mineOn(chain));
    const again = await openMinedChain(settings);
    const stored = siblings.filter(({ block }) => branchesOf(again).tree.get(block.hash) !== undefined);
    expect(stored).toHaveLength(3);
    const gone = siblings.find(({ block }) => branchesOf(again).tree.get(block.hash) === undefined)!;
    expect(kv.get(bodyKey(placeOf(gone.block)))).toBeUndefined();
    expect(await again.importBlock(gone)).toEqual({ kind: "imported" });
  });

  it("stops at an error of execution, without a mark", async () => {
    const [chain, other] = [await openMinedChain(), await openMinedChain()];
    const block = mineOn(other);
    const broken = { ...block.block.transactions[0]! };
    Object.defineProperty(broken, "payload", {
      get() {
        throw new RangeError("out of memory");
      },
    });
    const branches = branchesOf(chain);
    await branches.addHeads([block.block]);
    await expect(branches.addBody(block.block.hash, [broken])).rejects.toThrow("out of memory");
    expect(branches.tree.get(block.block.hash)).toMatchObject({
      mark: undefined,
      hasInvalidAncestor: false,
    });
  });

  it("takes heads as far as they are due, and calls none of the rest invalid", async () => {
    const chain = await openMinedChain({ now: () => Number(genesis.timeMs) });
    const other = await openMinedChain();
    for (let i = 0; i < 16; i++) await other.importBlock(mineOn(other));
    const heads = Array.from({ length: 16 }, (_, i) => other.sealedBlockAt(BigInt(i + 1))!.block);
    // 12 blocks of 600 s reach the future limit of 7,200 s: the rest is early, which is no verdict.
    expect(await branchesOf(chain).addHeads(heads)).toEqual({ kind: "early", added: 12 });
  });
});

it("the tree of blocks keeps heads in memory of its own", async () => {
  const [maker, chain] = [await openMinedChain(), await openMinedChain()];
  for (let i = 0; i < 3; i++) {
    const { block, seal } = mineOn(maker);
    await maker.importBlock({ block, seal });
    // As a network brings it: views of a message whose memory is used again.
    const message = encodeSealedBlock({ block, seal });
    const decoded = decodeSealedBlock(message, maker.genesis.limits);
    if (!decoded.ok) throw new Error(decoded.fault.detail);
    const { header, summary, hash } = decoded.value.block;
    expect(await branchesOf(chain).addHeads([{ hash, header, summary }])).toMatchObject({ added: 1 });
    message.fill(0xee);
    expect(
      await chain.enqueue(() => branchesOf(chain).addBody(block.hash, block.transactions)),
    ).toBeUndefined();
  }
  expect(chain.head.hash).toEqual(maker.head.hash);
});
