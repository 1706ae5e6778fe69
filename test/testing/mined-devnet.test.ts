/**
 * The mined chain of quorate/testing, as a user's test would use it. Goal: blocks on demand, branches and
 * reorganisations, payments that are undone and mined again, and the ordinary client on it.
 */
import { describe, expect, it } from "vitest";
import { Client } from "../../src/sdk/client.ts";
import { devnet, Refused } from "../../src/testing/virtual-devnet.ts";

describe('devnet({ consensus: "pow" })', () => {
  it("mines blocks on demand, with what waits, and pays the account of the node", async () => {
    const net = await devnet({ consensus: "pow", maturity: 2 });
    const id = net.transfer({ from: "alice", to: "bob", amount: 5n });
    expect(await net.included(id)).toBeUndefined();
    const hashes = await net.mine(3);
    await net.synced();
    expect([net.height(0), net.height(1)]).toEqual([3, 3]);
    expect(net.head(1)).toBe(hashes[2]);
    expect(await net.included(id, 1)).toEqual({ height: 1, index: 1, confirmations: 3 });
    expect(net.balance("bob", 1)).toBe(1_000_005n);
    expect(net.balance("node0")).toBeGreaterThan(0n);
    await net.stop();
  });

  it("leaves a branch for a heavier one, undoes its payment, and mines it again", async () => {
    const net = await devnet({ consensus: "pow" });
    net.partition([[0], [1]]);
    const id = net.transfer({ from: "alice", to: "bob", amount: 5n, node: 0 });
    const [abandoned] = await net.mine(1, { node: 0 });
    const entered = await net.mine(2, { node: 1, to: "carol" });
    expect(net.balance("bob", 0)).toBe(1_000_005n);
    net.heal();
    await net.synced();
    expect(net.reorgs).toEqual([{ node: 0, ancestorHeight: 0, abandoned: [abandoned], entered }]);
    expect(await net.included(id, 0)).toBeUndefined();
    expect(net.balance("bob", 0)).toBe(1_000_000n);
    await net.mine(1, { node: 0 });
    expect(await net.included(id, 0)).toEqual({ height: 3, index: 1, confirmations: 1 });
    await net.stop();
  });

  it("keeps its blocks through a crash, and catches up", async () => {
    const net = await devnet({ consensus: "pow" });
    await net.mine(2);
    await net.synced();
    net.crash(1);
    await expect(net.mine(1, { node: 1 })).rejects.toThrow(Refused);
    await net.mine(1);
    net.restart(1);
    await net.advance(0);
    expect(net.height(1)).toBe(2);
    await net.synced();
    expect(net.height(1)).toBe(3);
    await net.stop();
  });

  it("finds blocks by itself at a mean interval, the same for the same seed", async () => {
    const heads = async () => {
      const net = await devnet({ consensus: "pow", blockTimeMs: 1_000, seed: 5 });
      await net.until(() => net.height() >= 5);
      await net.stop();
      return [net.nowMs, net.height()];
    };
    const [nowMs] = await heads();
    expect(nowMs).toBeGreaterThan(500);
    expect((await heads())[0]).toBe(nowMs);
  });

  it("serves the ordinary client, which waits for depth and mines by miner_generate", async () => {
    const net = await devnet({ consensus: "pow", finalityDepth: 2 });
    const client = new Client(net.urls, { fetch: net.fetch, genesis: net.genesis });
    const { wallet } = net.account("alice");
    const { address: to } = net.account("bob");
    const tx = wallet.transfer({ chain: await client.chain(), nonce: 0n, to, amount: 5n });
    await client.send(tx);
    const hashes = await client.call("miner_generate", { blocks: 3 });
    const sent = await client.send(tx, { wait: "final" });
    expect(sent.blockHeight).toBe(1);
    expect(sent.finality).toMatchObject({ depth: 2 });
    expect(hashes[2]).toBe(net.head(0));
    await net.stop();
  });

  it("says where the nodes stand when they do not agree", async () => {
    const net = await devnet({ consensus: "pow" });
    net.partition([[0], [1]]);
    await net.mine(1, { node: 0 });
    await expect(net.synced(2_000)).rejects.toThrow(
      "not on one branch after 2000 ms: node 0 is at height 1, 0x",
    );
    await net.stop();
  });
});
