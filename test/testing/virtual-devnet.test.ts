/**
 * quorate/testing as a user's test would use it. Goal: the documented examples work, start in a blink and take
 * virtual time only.
 */
import { describe, expect, it } from "vitest";
import { devnet, Refused } from "../../src/testing/virtual-devnet.ts";

describe("devnet()", () => {
  it("moves money between accounts and says where it became final", async () => {
    const net = await devnet({ validators: 4, balance: 100n });
    const id = net.transfer({ from: "alice", to: "bob", amount: 5n });
    const final = await net.final(id);
    expect(final).toEqual({ id, height: 1, index: 0, status: "success" });
    expect([net.balance("alice"), net.balance("bob")]).toEqual([95n, 105n]);
    await net.stop();
  });

  it("goes on without one of four, and the fourth catches up when it is back", async () => {
    const net = await devnet();
    net.crash(3);
    await net.final(net.transfer({ from: "alice", to: "bob", amount: 5n }));
    net.restart(3);
    expect(await net.until(() => net.height(3) === 1)).toBe(true);
    expect(net.balance("bob", 3)).toBe(1_000_005n);
    await net.stop();
  });

  it("halts while no side of a partition has a quorum, and goes on when it heals", async () => {
    const net = await devnet();
    net.partition([
      [0, 1],
      [2, 3],
    ]);
    const id = net.transfer({ from: "alice", to: "bob", amount: 5n });
    await expect(net.final(id, 3_000)).rejects.toThrow("is not final after 3000 ms: node 0 is at height 0");
    net.heal();
    expect((await net.final(id)).height).toBe(1);
    await net.stop();
  });

  it("survives the loss of everything that is not on a disk", async () => {
    const net = await devnet();
    await net.final(net.transfer({ from: "alice", to: "bob", amount: 5n }));
    for (const node of [0, 1, 2, 3]) net.crash(node);
    expect(() => net.transfer({ from: "alice", to: "bob", amount: 5n })).toThrow("every node is down");
    for (const node of [0, 1, 2, 3]) net.restart(node);
    await net.advance(0);
    expect(net.height()).toBeGreaterThanOrEqual(1);
    await net.final(net.transfer({ from: "alice", to: "carol", amount: 5n }));
    expect([net.balance("alice"), net.balance("carol")]).toEqual([999_990n, 1_000_005n]);
    await net.stop();
  });

  it("takes what a wallet signed, and refuses with the node's code", async () => {
    const net = await devnet({ validators: 1 });
    const { wallet } = net.account("alice");
    const order = { chain: net.chain, to: net.account("bob").address, amount: 1n };
    const id = net.submit(wallet.transfer({ ...order, nonce: 0n }));
    await net.final(id);
    const again = () => net.submit(wallet.transfer({ ...order, nonce: 0n }));
    expect(again).toThrow(Refused);
    expect(again).toThrow("TX_NONCE");
    await net.stop();
  });

  it("gives the same chain for the same calls", async () => {
    const status = async () => {
      const net = await devnet({ seed: 7 });
      for (let i = 0; i < 5; i++) await net.final(net.transfer({ from: "alice", to: "bob", amount: 1n }));
      await net.stop();
      return net.nowMs;
    };
    expect(await status()).toBe(await status());
  });

  it("names an option that no chain can have, with what is expected", async () => {
    await expect(devnet({ validators: 0 })).rejects.toThrow(
      "validators: 0; expected an integer from 1 to 100",
    );
    await expect(devnet({ accounts: 1.5 })).rejects.toThrow("accounts: 1.5");
    await expect(devnet({ balance: -1n })).rejects.toThrow("balance: -1");
    await expect(devnet({ delayMsMax: Number.NaN })).rejects.toThrow("delayMsMax: NaN");
    await expect(devnet({ consensus: "pow", nodes: 101 })).rejects.toThrow("nodes: 101");
    await expect(devnet({ consensus: "poa" as never })).rejects.toThrow(
      'consensus: "poa"; expected "pbft" or "pow"',
    );
  });

  it("starts in less than 100 ms", async () => {
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const started = performance.now();
      const net = await devnet({ validators: 4 });
      times.push(performance.now() - started);
      await net.stop();
    }
    expect(Math.min(...times)).toBeLessThan(100);
  });
});
