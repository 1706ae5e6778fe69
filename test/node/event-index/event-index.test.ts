/** The node's index of events: it names every height at which something stands, over restarts, branches and pruning. */
import { afterEach, describe, expect, it } from "vitest";
import type { Scheduler } from "../../../src/base/scheduler.ts";
import { BUILT_IN_MODULES } from "../../../src/chain/modules/module-set.ts";
import { EventIndex } from "../../../src/node/event-index/event-index.ts";
import { eventsQuery } from "../../../src/rpc/answers/event-query.ts";
import type {
  EventIndexApi,
  ModuleEventsQuery,
  TransactionsQuery,
} from "../../../src/rpc/event-index-api.ts";
import { searchTx } from "../../../src/rpc/methods/tx-search.ts";
import { MemoryKv } from "../../../src/storage/memory.ts";
import { alice, bob } from "../../rpc/fake-node.ts";
import { MinedNode } from "../../rpc/mined-node.ts";
import { openInto, ReaderData, settle, truthOf } from "../../rpc/websocket/event-streams.ts";

const PAID = eventsQuery({ module: "bank" }, BUILT_IN_MODULES);
const MINTED = eventsQuery({ module: "coinbase" }, BUILT_IN_MODULES);
const OF_BOB: TransactionsQuery = { kind: "transactions", account: bob.address };

/** Rests take a turn. */
const AT_ONCE: Scheduler = {
  now: () => 0,
  after(_ms, run) {
    setImmediate(run);
    return () => undefined;
  },
};

const opened: MinedNode[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

async function mined(kv = new MemoryKv()): Promise<{ node: MinedNode; kv: MemoryKv }> {
  const node = await MinedNode.open({}, { kv });
  opened.push(node);
  return { node, kv };
}

function opening(node: MinedNode, kv: MemoryKv): EventIndex {
  return EventIndex.open({
    kv,
    chain: node.chain,
    modules: () => BUILT_IN_MODULES,
    scheduler: AT_ONCE,
    log: { log: () => undefined },
    failed: (error) => {
      throw error;
    },
  });
}

/** An index that follows the node, all of it built. */
async function indexOf(node: MinedNode, kv: MemoryKv): Promise<EventIndex> {
  const { replica } = node;
  const index = opening(node, kv);
  replica.events.reorgs.subscribe((change) => index.branchChanged(change));
  replica.events.heads.subscribe((change) => index.advance(change));
  index.advance();
  await built(node, index);
  return index;
}

async function built(node: MinedNode, index: EventIndex): Promise<void> {
  for (let i = 0; i < 1_000 && index.status().to < node.chain.head.summary.height; i++)
    await new Promise((resolve) => setImmediate(resolve));
  expect(index.status().to).toBe(node.chain.head.summary.height);
}

async function pay(node: MinedNode, to = bob.address): Promise<void> {
  const { pendingNonce } = node.api.account(alice.address);
  const tx = alice.transfer({ chain: node.chainRef, nonce: Number(pendingNonce), to, amount: 1n });
  expect(node.api.submit(tx.bytes).ok).toBe(true);
  await node.generate(1, alice.address);
}

async function listed(index: EventIndexApi, query: TransactionsQuery | ModuleEventsQuery, to: number) {
  return (await index.heights(query, 0n, BigInt(to)))?.heights.map(Number);
}

describe("the index of events", () => {
  it("names the heights of a module's events and of an account's transactions, and how far it is", async () => {
    const { node, kv } = await mined();
    await node.generate(2, alice.address);
    await pay(node);
    await node.generate(1, alice.address);
    const index = await indexOf(node, kv);
    expect(await listed(index, PAID, 4)).toEqual([3]);
    expect(await listed(index, MINTED, 4)).toEqual([1, 2, 3, 4]);
    expect(await listed(index, OF_BOB, 4)).toEqual([3]);
    expect(await index.heights(PAID, 0n, 9n)).toEqual({ heights: [3n], upTo: 4n });
    expect(await index.heights(PAID, 5n, 9n)).toBeUndefined();
    expect(await index.heights(eventsQuery({}, BUILT_IN_MODULES), 0n, 4n)).toBeUndefined();
    await pay(node);
    await built(node, index);
    expect(await listed(index, OF_BOB, 9)).toEqual([3, 5]);
    await index.stop();
  });

  it("goes on where it was after a restart, behind what has left the chain meanwhile", async () => {
    const { node, kv } = await mined();
    await node.generate(3, alice.address);
    const first = await indexOf(node, kv);
    await first.stop();
    const rival = await node.rival(1);
    opened.push(rival);
    await rival.generate(1, bob.address);
    await pay(rival);
    await rival.generate(1, bob.address);
    await node.follow(rival, 2);
    const { from, to } = EventIndex.open({
      kv,
      chain: node.chain,
      modules: () => BUILT_IN_MODULES,
      scheduler: node.scheduler,
      log: { log: () => undefined },
      failed: (error) => {
        throw error;
      },
    }).status();
    expect([from, to]).toEqual([0n, 1n]);
    const index = await indexOf(node, kv);
    expect(await listed(index, PAID, 9)).toEqual([3]);
    await index.stop();
  });

  it("gives streams what the blocks give, over reorganisations", async () => {
    const { node, kv } = await mined();
    const index = await indexOf(node, kv);
    node.api.eventIndex = () => index;
    const readers = [PAID, OF_BOB].map((query) => ({ query, data: new ReaderData() }));
    const streams = await Promise.all(
      readers.map(({ query, data }) => openInto(node.api, { query, from: { height: 0n } }, data)),
    );
    await pay(node);
    await node.generate(2, alice.address);
    await settle();
    const rival = await node.rival(0);
    opened.push(rival);
    await rival.generate(2, bob.address);
    await pay(rival);
    await rival.generate(2, bob.address);
    await node.follow(rival, 1);
    await pay(node);
    await built(node, index);
    await settle();
    for (const { query, data } of readers) expect(data.items).toEqual(await truthOf(node.api, query));
    for (const stream of streams) stream.stop();
    await index.stop();
  });

  it("goes on at the lowest block that is here, where blocks went before it came to them", async () => {
    const { node, kv } = await mined();
    await node.generate(5, alice.address);
    const index = opening(node, kv);
    await index.pruneBelow(4n);
    expect(index.status()).toMatchObject({ from: 4n, to: 3n });
    index.advance();
    await built(node, index);
    expect(index.status()).toMatchObject({ from: 4n, to: 5n });
    expect((await index.heights(MINTED, 4n, 5n))?.heights).toEqual([4n, 5n]);
    await index.stop();
  });

  it("leads the search for an account's transactions past the blocks without one", async () => {
    const { node, kv } = await mined();
    await pay(node);
    await node.generate(6, alice.address);
    await pay(node);
    const index = await indexOf(node, kv);
    const read: bigint[] = [];
    const { sealedBlockAt } = node.api;
    node.api.sealedBlockAt = (height) => {
      read.push(height);
      return sealedBlockAt.call(node.api, height);
    };
    node.api.eventIndex = () => index;
    const context = { api: node.api, pause: async () => undefined } as never;
    const params = { address: bob.address, limit: 20 } as never;
    const found = await searchTx.call(context, params);
    expect(found.items.map(({ height }) => height)).toEqual([8, 1]);
    expect([found.nextCursor, read]).toEqual([null, [8n, 1n]]);
    await index.stop();
  });

  it("lets go of whole eras below a height", async () => {
    const { node, kv } = await mined();
    await node.generate(3, alice.address);
    const index = await indexOf(node, kv);
    await index.pruneBelow(4_095n);
    expect(index.status().from).toBe(0n);
    expect(await listed(index, MINTED, 3)).toEqual([1, 2, 3]);
    await index.pruneBelow(4_096n);
    expect(index.status()).toMatchObject({ from: 4_096n, to: 4_095n });
    expect(await index.heights(MINTED, 0n, 3n)).toBeUndefined();
    await index.stop();
  });
});
