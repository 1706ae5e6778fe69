/** What the explorer asks beside everybody's methods: the pool's list, and the engine's events of late. */
import { expect, it } from "vitest";
import { asHash } from "../../src/base/bytes.ts";
import { EngineRecord, RARE_KEPT, VOTES_KEPT } from "../../src/node/api/engine-record.ts";
import type { NodeEvents } from "../../src/rpc/api.ts";
import { Client } from "../../src/sdk/client.ts";
import { alice, bob, chainRef } from "./fake-node.ts";
import { serve } from "./serve.ts";

const hash = asHash(new Uint8Array(32).fill(7));
const vote = (atMs: number): NodeEvents["consensus"] => ({
  atMs,
  event: { type: "commit", from: 1, view: 0n, height: BigInt(atMs), hash },
});

it("JSON-RPC lists the pool, of one sender or of all, as far as was asked", async () => {
  const { node, url } = await serve();
  const client = new Client(url);
  node.submit(alice.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 1n }).bytes);
  node.submit(bob.transfer({ chain: chainRef, nonce: 0, to: bob.address, amount: 2n }).bytes);
  const all = await client.call("mempool_list", {});
  expect(all.items.map(({ from, executable }) => [from, executable])).toEqual([
    [alice.addressHex, true],
    [bob.addressHex, true],
  ]);
  expect((await client.call("mempool_list", { limit: 1 })).items).toHaveLength(1);
  expect((await client.call("mempool_list", { address: bob.addressHex })).items[0]?.call?.amount).toBe("2");
});

it("JSON-RPC tells the engine's events as the subscription does", async () => {
  const { node, url } = await serve();
  node.engineRecord.push(vote(5), { atMs: 6.5, event: { type: "view-change", from: 2, view: 3n } });
  expect(await new Client(url).call("consensus_getEvents", {})).toEqual([
    { t: 5, type: "commit", from: 1, view: 0, seq: 5, digest: `0x${"07".repeat(32)}` },
    { t: 6, type: "view-change", from: 2, view: 3 },
  ]);
});

it("JSON-RPC keeps the last events, and no flood of votes pushes out what is rare", () => {
  const record = new EngineRecord();
  record.note({ atMs: 0, event: { type: "checkpoint-stable", height: 9n } });
  for (let t = 1; t <= 3 * VOTES_KEPT; t++) record.note(vote(t));
  const kept = record.recent(VOTES_KEPT);
  expect([kept.length, kept[0]?.event.type, kept.at(-1)?.atMs]).toEqual([
    VOTES_KEPT + 1,
    "checkpoint-stable",
    3 * VOTES_KEPT,
  ]);
  expect(record.recent(2)).toHaveLength(3);
  for (let t = 0; t < 3 * RARE_KEPT; t++) record.note({ atMs: t, event: { type: "recovered", height: 1n } });
  expect(record.recent(1)).toHaveLength(RARE_KEPT + 1);
});
