/** Client.events: each event once and in order, over cuts, slow readers, rollbacks, restarts and nodes that lag. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { WebSocket } from "ws";
import { hex0x, utf8 } from "../../src/base/bytes.ts";
import { address, defineModule, event, uint } from "../../src/chain/modules/define-module.ts";
import { BUILT_IN_MODULES } from "../../src/chain/modules/module-set.ts";
import type { EventCursor } from "../../src/chain/types/event-cursor.ts";
import { sha256 } from "../../src/crypto/hash.ts";
import { eventsQuery } from "../../src/rpc/answers/event-query.ts";
import { Client, EventsLostError, Wallet } from "../../src/sdk/client.ts";
import { FileCheckpointer, SqlCheckpointer, type SqlClient } from "../../src/sdk/event-checkpoints.ts";
import { readerOf } from "../../src/sdk/event-fields.ts";
import { EventTrail } from "../../src/sdk/event-trail.ts";
import { alice, bob, chainRef, type FakeNode } from "../rpc/fake-node.ts";
import { MinedNode } from "../rpc/mined-node.ts";
import { atEnd, serve, until } from "../rpc/serve.ts";
import { ReaderData, type ShownItem, settle, truthOf } from "../rpc/websocket/event-streams.ts";
import { VirtualServer } from "./virtual-server.ts";

const webSocket = (url: string, options: object) => new WebSocket(url, options);
const MINTED = eventsQuery({ module: "coinbase" }, BUILT_IN_MODULES);

const opened: MinedNode[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.stop();
});

async function pay(node: FakeNode, payments: number): Promise<void> {
  const { pendingNonce } = node.account(alice.address);
  for (let i = 0; i < payments; i++) {
    const nonce = Number(pendingNonce) + i;
    node.submit(alice.transfer({ chain: chainRef, nonce, to: bob.address, amount: 1n }).bytes);
  }
  await node.commit();
}

describe("client.events", () => {
  it("goes on at the next URL behind the last cursor, also where that node lags and catches up", async () => {
    const [first, second] = [await serve(), await serve()];
    for (const payments of [2, 1, 3]) await pay(first.node, payments);
    await pay(second.node, 2);
    const client = new Client([first.url, second.url], { webSocket, heartbeatMs: 1_000 });
    const order = { module: "bank", fields: { to: hex0x(bob.address) }, from: 1 };
    const places: string[] = [];
    for await (const item of client.events(order)) {
      places.push(`${item.cursor.height}:${item.cursor.index}`);
      if (places.length === 4) {
        await first.server.stop();
        for (const payments of [1, 3, 1]) await pay(second.node, payments);
      }
      if (places.length === 7) break;
    }
    expect(places).toEqual(["1:0", "1:1", "2:0", "3:0", "3:1", "3:2", "4:0"]);
  });

  it("follows an account's transactions and headers, and begins behind the head where nothing is said", async () => {
    const { node, url } = await serve();
    await pay(node, 1);
    const client = new Client(url, { webSocket });
    const stream = client.transactions({ account: bob.address });
    const next = stream.next();
    await until(() => node.listeners("reorg") === 1);
    const blocks = client.blocks({ from: 0 });
    expect((await blocks.next()).value).toMatchObject({ type: "block", header: { height: 0 } });
    await blocks.return();
    await pay(node, 1);
    expect((await next).value).toMatchObject({ type: "transaction", cursor: { height: 2, index: 0 } });
    await stream.return();
  });

  it("throws what a node refuses, and that no node has what comes next", async () => {
    const { url } = await serve();
    const client = new Client(url, { webSocket });
    await expect(client.events({ module: "bnak" }).next()).rejects.toThrow('did you mean "bank"');
    const from = `0:0:0x${"ab".repeat(32)}`;
    await expect(client.events({ from }).next()).rejects.toThrow(EventsLostError);
    await expect(client.events({ from: "here" }).next()).rejects.toThrow("expected a cursor");
  });

  it("needs no WebSocket to be handed to it, also where there is no global one", async () => {
    const { node, url } = await serve();
    await pay(node, 1);
    vi.stubGlobal("WebSocket", undefined);
    try {
      const events = new Client(url, { reconnectMs: 0 }).events({ module: "bank", from: 0 });
      expect((await events.next()).value).toMatchObject({ type: "event", event: "transferred" });
      await events.return();
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it("says at once when no WebSocket can be made, which waiting would not change", async () => {
    const make = () => {
      throw new Error("not allowed here");
    };
    const client = new Client(["http://127.0.0.1:1", "http://127.0.0.1:2"], { webSocket: make });
    await expect(client.events({ from: 0 }).next()).rejects.toThrow("127.0.0.1:2: not allowed here");
  });

  it("ends when its signal says so", async () => {
    const { url } = await serve();
    const controller = new AbortController();
    const next = new Client(url, { webSocket }).events({ from: 0, signal: controller.signal }).next();
    setImmediate(() => controller.abort());
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it("gives and takes values by the types of a declaration", async () => {
    const registry = defineModule(
      { name: "registry", events: { sold: event({ to: address, price: uint(64) }), closed: event({}) } },
      {},
    );
    const to = `0x${"11".repeat(32)}` as const;
    const { filter, read } = readerOf({ module: registry, event: "sold", fields: { price: 5n } });
    expect(filter).toEqual({ module: "registry", event: "sold", fields: { price: "5" } });
    expect(read({ event: "sold", fields: { to, price: "7" } } as never).fields).toEqual({ to, price: 7n });
    expect(() => readerOf({ module: registry, event: "slod" })).toThrow('no event "slod"');
    const client = new Client("http://127.0.0.1:1");
    const sold = client.events({ module: registry, event: "sold" });
    type Sold = Extract<Awaited<ReturnType<(typeof sold)["next"]>>["value"], { type: "event" }>;
    expectTypeOf<Sold["fields"]>().toEqualTypeOf<{ readonly to: `0x${string}`; readonly price: bigint }>();
    expectTypeOf<Sold["event"]>().toEqualTypeOf<"sold">();
  });

  it("ends with what the ledger holds, in order and once, over cuts, lags, rollbacks and restarts", async () => {
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
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant("cut" as const), which: fc.integer({ min: 0, max: 1 }) }),
      },
      { weight: 2, arbitrary: fc.constant({ kind: "catch up" as const }) },
      { weight: 2, arbitrary: fc.constant({ kind: "restart" as const }) },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant("wait" as const), turns: fc.integer({ min: 1, max: 20 }) }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const [main, other] = [await minedNode(), await minedNode()];
        const servers = [new VirtualServer(main.api), new VirtualServer(other.api)];
        const reader = new VirtualReader(servers);
        for (const one of steps) {
          if (one.kind === "mine") await main.generate(one.blocks);
          if (one.kind === "reorganize") await reorganize(main, one.depth);
          if (one.kind === "catch up") await catchUp(other, main);
          if (one.kind === "cut") servers[one.which]!.cut();
          if (one.kind === "restart") await reader.restart();
          for (let i = 0; one.kind === "wait" && i < one.turns; i++)
            await new Promise((resolve) => setImmediate(resolve));
        }
        await main.generate(1);
        await catchUp(other, main);
        const truth = await truthOf(main.api, MINTED);
        const isThere = () => reader.data.items.at(-1)?.cursor.blockHash === truth.at(-1)!.cursor.blockHash;
        for (let i = 0; i < 2_000 && !isThere(); i++) await new Promise((resolve) => setTimeout(resolve, 1));
        await settle();
        await reader.stop();
        expect(reader.data.items).toEqual(truth);
      }),
      { numRuns: 20 },
    );
  });
});

let payees = 0;
/** Another one each time, so that no two branches have the same blocks. */
const payee = () => Wallet.fromSeed(sha256(utf8(`payee ${++payees}`))).address;

async function minedNode(): Promise<MinedNode> {
  const node = await MinedNode.open();
  opened.push(node);
  return node;
}

async function reorganize(node: MinedNode, depth: number): Promise<void> {
  const height = Number(node.chain.head.summary.height);
  if (height < depth) return;
  const rival = await node.rival(height - depth);
  opened.push(rival);
  await rival.generate(depth + 1, payee());
  await node.follow(rival, height - depth + 1);
}

async function catchUp(node: MinedNode, from: MinedNode): Promise<void> {
  for (let at = 1n; at <= from.chain.head.summary.height; at++)
    await node.chain.importBlock(from.chain.sealedBlockAt(at)!);
}

/** Follows at whichever server is there; what it has made of events, and how far it is, survive its restarts together. */
class VirtualReader {
  readonly data = new ReaderData();
  readonly #client: Client;
  readonly #servers: readonly VirtualServer[];
  #controller = new AbortController();
  #running: Promise<void>;
  #cursors: readonly EventCursor[] = [];

  constructor(servers: readonly VirtualServer[]) {
    this.#servers = servers;
    this.#client = new Client(["http://127.0.0.1:1", "http://127.0.0.1:2"], {
      webSocket: (url) => this.#servers[Number(url.at(-4)) - 1]!.connect(),
      heartbeatMs: 60_000,
    });
    this.#running = this.#run();
  }

  async restart(): Promise<void> {
    await this.stop();
    this.#controller = new AbortController();
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#controller;
    const trail = new EventTrail(this.#cursors);
    const from = this.#cursors.length === 0 ? 0 : this.#cursors;
    for await (const item of this.#client.events({ module: "coinbase", from, signal })) {
      this.data.take(item as unknown as ShownItem);
      if (item.type === "rollback") trail.goBack(item.cursor);
      else trail.add(item.cursor);
      this.#cursors = trail.cursors;
    }
  }
}

describe("a checkpoint", () => {
  const cursor = (height: number): EventCursor => ({ height, index: 1, blockHash: `0x${"ab".repeat(32)}` });

  it("in a file is read back, is whole or not there, and names a file that is none", async () => {
    const dir = mkdtempSync(join(tmpdir(), "quorate-checkpoint-"));
    atEnd(() => rmSync(dir, { recursive: true }));
    const path = join(dir, "deep", "shop.cursor");
    const file = new FileCheckpointer(path);
    expect(file.load()).toBeUndefined();
    await file.save(cursor(5), [cursor(4)]);
    expect(new FileCheckpointer(path).load()).toEqual([cursor(5), cursor(4)]);
    expect(readFileSync(path, "utf8").split("\n")[0]).toBe(`5:1:0x${"ab".repeat(32)}`);
    writeFileSync(path, "5:1");
    expect(() => file.load()).toThrow(`in ${path}: move it away`);
  });

  it("in a database is a row by its name, in the transaction that a reader says", async () => {
    const rows = new Map<unknown, unknown>();
    const texts: string[] = [];
    const client: SqlClient = {
      async query(text, params = []) {
        texts.push(text);
        if (text.startsWith("INSERT")) rows.set(params[0], params[1]);
        return {
          rows: text.startsWith("SELECT") && rows.has(params[0]) ? [{ cursors: rows.get(params[0]) }] : [],
        };
      },
    };
    const own = new SqlCheckpointer(client, { name: "shop" });
    expect(await own.load()).toBeUndefined();
    await own.in(client).save(cursor(6), [cursor(5)]);
    expect(await own.load()).toEqual([cursor(6), cursor(5)]);
    expect(texts.filter((text) => text.startsWith("CREATE"))).toHaveLength(1);
    expect(() => new SqlCheckpointer(client, { name: "x", table: "a; drop" })).toThrow("letters, digits");
  });

  it("is saved when its item was dealt with, and not before", async () => {
    const { node, url } = await serve();
    await pay(node, 3);
    const saved: number[] = [];
    const checkpointer = { load: () => undefined, save: ({ index }: EventCursor) => void saved.push(index) };
    const dealt: number[][] = [];
    for await (const { cursor: at } of new Client(url, { webSocket }).events({
      module: "bank",
      from: 0,
      checkpointer,
    })) {
      dealt.push([at.index, ...saved]);
      if (at.index === 2) break;
    }
    expect(dealt).toEqual([[0], [1, 0], [2, 0, 1]]);
  });

  it("remembers some earlier blocks, the far ones sparsely", () => {
    const trail = new EventTrail();
    const at = (height: number) => ({ height, index: 0, blockHash: `0x${height}` });
    for (let height = 0; height < 1_000; height++) trail.add(at(height));
    const heights = trail.cursors.map(({ height }) => height);
    expect(heights.length).toBeLessThanOrEqual(32);
    expect(heights.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, i) => 999 - i));
    expect(heights.at(-1)).toBe(0);
    trail.goBack({ height: 990, index: 0xffffffff, blockHash: "0xother" });
    expect(trail.cursors.slice(0, 2).map(({ height }) => height)).toEqual([990, 989]);
  });
});
