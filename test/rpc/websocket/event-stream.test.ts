/** Streams: history first, then what comes, on one chain and over reorganisations, whatever the reader's pace. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { hex0x, utf8 } from "../../../src/base/bytes.ts";
import { BUILT_IN_MODULES } from "../../../src/chain/modules/module-set.ts";
import { sha256 } from "../../../src/crypto/hash.ts";
import { eventsQuery } from "../../../src/rpc/answers/event-query.ts";
import { Wallet } from "../../../src/sdk/client.ts";
import { alice, bob, chainRef, FakeNode } from "../fake-node.ts";
import { MinedNode } from "../mined-node.ts";
import { connect, rpc, serve, until } from "../serve.ts";
import { openInto, ReaderData, type ShownItem, settle, truthOf } from "./event-streams.ts";

const opened: MinedNode[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

const PAID = eventsQuery({ module: "bank" }, BUILT_IN_MODULES);

async function payIn(node: FakeNode, payments: number): Promise<void> {
  const { pendingNonce } = node.account(alice.address);
  for (let i = 0; i < payments; i++) {
    const nonce = Number(pendingNonce) + i;
    node.submit(alice.transfer({ chain: chainRef, nonce, to: bob.address, amount: 1n }).bytes);
  }
  await node.commit();
}

describe("sub_subscribe with a height or a cursor", () => {
  it("replays a module's events and goes live, each with its cursor, without gap or double", async () => {
    const { node, url } = await serve();
    await payIn(node, 2);
    await payIn(node, 0);
    const peer = await connect(url);
    const filter = { module: "bank", event: "transferred", fields: { to: hex0x(bob.address) } };
    expect(await peer.call("sub_subscribe", { topic: "events", filter, from: 1 })).toMatchObject({
      result: "0x1",
    });
    await payIn(node, 1);
    const notifications = [await peer.next(), await peer.next(), await peer.next()] as unknown as {
      params: { result: never };
    }[];
    const items = notifications.map(({ params }) => params.result as Record<string, unknown>);
    expect(items.map(({ cursor }) => cursor)).toMatchObject([
      { height: 1, index: 0 },
      { height: 1, index: 1 },
      { height: 3, index: 0 },
    ]);
    expect(items[0]).toMatchObject({
      type: "event",
      txIndex: 0,
      module: "bank",
      event: "transferred",
      kind: 1,
      fields: { from: hex0x(alice.address), to: hex0x(bob.address), amount: "1" },
    });
    const other = await connect(url);
    await other.call("sub_subscribe", { topic: "events", filter, from: items[0]!.cursor, batch: 10 });
    expect(await other.next()).toMatchObject({ params: { seq: 1, result: items.slice(1) } });
  });

  it("streams headers and an account's transactions", async () => {
    const { node, url } = await serve();
    await payIn(node, 1);
    const peer = await connect(url);
    await peer.call("sub_subscribe", { topic: "newHeads", from: 0 });
    expect(await peer.next()).toMatchObject({ params: { result: { type: "block", header: { height: 0 } } } });
    expect(await peer.next()).toMatchObject({
      params: { result: { cursor: { height: 1, index: 0xffffffff }, header: { height: 1 } } },
    });
    await peer.call("sub_unsubscribe", { id: "0x1" });
    await peer.call("sub_subscribe", { topic: "tx", filter: { account: hex0x(bob.address) }, from: 0 });
    expect(await peer.next()).toMatchObject({
      params: {
        result: {
          type: "transaction",
          cursor: { height: 1, index: 0 },
          tx: { module: "bank" },
          receipt: { status: "success" },
        },
      },
    });
  });

  it("refuses a module, an event, a beginning that cannot be, and says what there is", async () => {
    const { url } = await serve();
    const peer = await connect(url);
    const refused = async (params: object) =>
      (await peer.call("sub_subscribe", params)) as unknown as {
        error: { message: string; data: { code: string } };
      };
    expect((await refused({ topic: "events", filter: { module: "bnak" } })).error.message).toContain(
      'no module "bnak"; did you mean "bank"?',
    );
    expect((await refused({ topic: "newHeads", from: 2 })).error.data.code).toBe("BLOCK_NOT_FOUND");
    expect((await refused({ topic: "newHeads", from: "x:y" })).error.message).toContain("a cursor");
    expect((await refused({ topic: "consensus", from: 0 })).error.message).toContain("not for consensus");
    const cursor = (height: number) => `${height}:0:0x${"ab".repeat(32)}`;
    expect((await refused({ topic: "events", from: cursor(9) })).error.data.code).toBe("CURSOR_AHEAD");
    expect((await refused({ topic: "events", from: cursor(0) })).error.message).toContain("of another chain");
  });

  it("sends no more ahead than the window until the reader acknowledges", async () => {
    const node = await FakeNode.open();
    await payIn(node, 10);
    const data = new ReaderData();
    const stream = await openInto(node, { query: PAID, from: { height: 0n }, batch: 2, window: 2 }, data);
    await settle();
    expect(data.items.length).toBe(4);
    stream.acknowledge(1);
    await settle();
    expect(data.items.length).toBe(6);
    stream.acknowledge(3);
    stream.acknowledge(99); // more than was sent is what was sent
    await settle();
    stream.acknowledge(99);
    await settle();
    expect(data.items.length).toBe(10);
    stream.stop();
  });

  it("waits for a reader that has stopped reading, and drops nothing", async () => {
    const { node, url } = await serve();
    // Large headers, so that the system's socket buffers are soon full.
    const top = node.head();
    node.head = () => ({ ...top, summary: { ...top.summary, height: 100n } });
    let read = 0;
    node.headAt = async (height) => {
      read++;
      const header = { ...top.header, previousHash: top.hash };
      return { ...top, header, summary: { ...top.summary, height, extra: new Uint8Array(100_000) } };
    };
    const peer = await connect(url);
    peer.socket.pause();
    const params = { topic: "newHeads", from: 0 };
    peer.socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "sub_subscribe", params }));
    await until(() => read > 3);
    for (let i = 0; i < 500; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBeLessThan(80);
    peer.socket.resume();
    await peer.next();
    for (let height = 0; height <= 100; height++) {
      expect(await peer.next()).toMatchObject({
        params: { seq: height + 1, result: { header: { height } } },
      });
    }
  });

  it("tells a reader who has seen nothing for long how far it is", async () => {
    const node = await FakeNode.open();
    for (let i = 0; i < 3; i++) await node.commit();
    const data = new ReaderData();
    const api = node;
    const top = node.head();
    api.head = () => ({ ...top, summary: { ...top.summary, height: 2_001n } });
    api.headAt = async (height) => ({
      ...top,
      header: { ...top.header, previousHash: top.hash },
      summary: { ...top.summary, height },
    });
    api.receiptsAt = async () => [];
    const stream = await openInto(api, { query: PAID, from: { height: 0n } }, data);
    await settle();
    expect(data.last).toMatchObject({ height: 1_999, index: 0xffffffff });
    stream.stop();
  });
});

it("a node gives pages of events and of an account's transactions by chain_getEvents", async () => {
  const { node, url } = await serve();
  await payIn(node, 3);
  await payIn(node, 1);
  const ask = async (params: object) => (await rpc(url, "chain_getEvents", params)).result;
  const filter = { module: "bank", fields: { to: hex0x(bob.address) } };
  const first = await ask({ filter, limit: 2 });
  expect(first).toMatchObject({ items: [{ txIndex: 0 }, { txIndex: 1 }], isEnd: false });
  const second = await ask({ filter, from: first.next });
  expect(second.items.map(({ cursor }: ShownItem) => [cursor.height, cursor.index])).toEqual([
    [1, 2],
    [2, 0],
  ]);
  expect(await ask({ filter, from: second.next })).toEqual({ items: [], next: second.next, isEnd: true });
  expect(await ask({ filter: { account: hex0x(bob.address) }, from: 2 })).toMatchObject({
    items: [{ type: "transaction", cursor: { height: 2, index: 0 } }],
  });
  expect(
    await rpc(url, "chain_getEvents", { filter: { account: hex0x(bob.address), module: "bank" } }),
  ).toMatchObject({
    error: { data: { code: "INVALID_PARAMS" } },
  });
});

describe("a stream of a mined chain", () => {
  async function mined(): Promise<MinedNode> {
    const node = await MinedNode.open();
    opened.push(node);
    return node;
  }
  const MINTED = eventsQuery({ module: "coinbase" }, BUILT_IN_MODULES);

  let payees = 0;
  /** Another one each time, so that no two branches have the same blocks. */
  const payee = () => Wallet.fromSeed(sha256(utf8(`payee ${++payees}`))).address;

  /** The chain leaves its last blocks for a longer branch. */
  async function reorganize(node: MinedNode, depth: number): Promise<void> {
    const height = Number(node.chain.head.summary.height);
    const rival = await node.rival(height - depth);
    opened.push(rival);
    await rival.generate(depth + 1, payee());
    await node.follow(rival, height - depth + 1);
  }

  it("tells a rollback as an event, live and to a reader whose cursor's block has left the chain", async () => {
    const node = await mined();
    await node.generate(4);
    const [live, late] = [new ReaderData(), new ReaderData()];
    const stream = await openInto(node.api, { query: MINTED, from: { height: 1n } }, live);
    await settle();
    const before = live.last!;
    await reorganize(node, 2);
    await settle();
    const rollback = stream.texts.map((text) => JSON.parse(text)).find(({ type }) => type === "rollback");
    expect(rollback).toMatchObject({
      cursor: { height: 2, index: 0xffffffff },
      abandoned: { height: 4, blockHash: before.blockHash },
    });
    expect(live.items).toEqual(await truthOf(node.api, MINTED));
    const again = await openInto(node.api, { query: MINTED, from: { cursors: [before] } }, late);
    await settle();
    expect(JSON.parse(again.texts[0]!)).toEqual(rollback);
    expect(late.items).toEqual(live.items.slice(2));
    for (const one of [stream, again]) one.stop();
  });

  it("ends with what the ledger holds, in order and once, whatever breaks off, rolls back or waits", async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant("mine" as const), blocks: fc.integer({ min: 1, max: 3 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("reorganize" as const),
          depth: fc.integer({ min: 1, max: 3 }),
        }),
      },
      { weight: 3, arbitrary: fc.constant({ kind: "reconnect" as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: "pause" as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: "resume" as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: "settle" as const }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 14 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, batch) => {
          const node = await mined();
          const data = new ReaderData();
          let open = () => {};
          let isPaused = false;
          let waiting = Promise.resolve();
          const before = async () => {
            while (isPaused) await waiting;
          };
          const resume = () => {
            isPaused = false;
            open();
          };
          const connected = () =>
            openInto(
              node.api,
              {
                query: MINTED,
                from: data.last === undefined ? { height: 0n } : { cursors: [data.last] },
                batch,
              },
              data,
              before,
            );
          let stream = await connected();
          for (const one of steps) {
            if (one.kind === "mine") await node.generate(one.blocks);
            if (one.kind === "reorganize" && node.chain.head.summary.height > BigInt(one.depth))
              await reorganize(node, one.depth);
            if (one.kind === "settle") await settle();
            if (one.kind === "resume") resume();
            if (one.kind === "pause" && !isPaused) {
              isPaused = true;
              waiting = new Promise((resolve) => {
                open = resolve;
              });
            }
            if (one.kind === "reconnect") {
              stream.stop();
              stream = await connected();
            }
          }
          resume();
          await settle();
          stream.stop();
          expect(data.items).toEqual(await truthOf(node.api, MINTED));
        },
      ),
      { numRuns: 25 },
    );
  });
});
