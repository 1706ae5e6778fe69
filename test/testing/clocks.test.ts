/**
 * A validator whose clock is an hour ahead, from the transfer to what operators are told, over the nodes' own JSON-RPC.
 * Goal: the chain goes on, its time stays true, and every other node names who is to set a clock.
 */
import { expect, it } from "vitest";
import { Client } from "../../src/sdk/client.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";

const HOUR_MS = 3_600_000;

it("a devnet of the tests goes on while the primary's clock is an hour ahead, keeps true time, and names it", async () => {
  const net = await devnet({ clockOffsetsMs: [HOUR_MS] });
  expect(net.status(1).view).toBe(0n);
  const took: number[] = [];
  for (let i = 0; i < 12; i++) {
    const startedMs = net.nowMs;
    await net.final(net.transfer({ from: "alice", to: "bob", amount: 1n, node: 1 + (i % 3) }));
    took.push(net.nowMs - startedMs);
  }
  expect(net.balance("bob")).toBe(1_000_012n);
  expect(await net.until(() => [1, 2, 3].every((node) => net.height(node) === net.height()))).toBe(true);
  const clients = net.urls.map((url) => new Client(url, { fetch: net.fetch }));
  const startMs = Number((await clients[1]!.block(0))!.time);
  for (let height = 1; height <= net.height(); height++) {
    const { time } = (await clients[1]!.block(height))!;
    expect(Number(time) - startMs).toBeLessThan(HOUR_MS / 2);
  }
  for (const client of clients.slice(1)) {
    const explained = await client.call("consensus_explain");
    expect(JSON.stringify(explained)).toContain("node0");
    expect(JSON.stringify(explained)).toMatch(/clock/);
  }
  // The first waits for the change of view; the others do not wait for node0 again and again.
  expect(Math.max(...took)).toBeLessThan(15_000);
  expect(took.filter((ms) => ms > 1_000).length).toBeLessThan(took.length / 2);
  await net.stop();
});

it("a devnet of the tests is served as well by three true clocks when the fourth is an hour behind", async () => {
  const net = await devnet({ clockOffsetsMs: [0, 0, 0, -HOUR_MS] });
  for (let i = 0; i < 8; i++) await net.final(net.transfer({ from: "alice", to: "bob", amount: 1n }));
  expect(await net.until(() => net.balance("bob", 0) === 1_000_008n)).toBe(true);
  await net.stop();
});

it("a devnet of the tests refuses a clock that no machine has", async () => {
  await expect(devnet({ clockOffsetsMs: [Number.NaN] })).rejects.toThrow("clockOffsetsMs: NaN");
});
