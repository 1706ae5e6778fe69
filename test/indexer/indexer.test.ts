/** An index of chains inside the test, in a real PostgreSQL server that the test starts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Genesis } from "../../src/chain/genesis/genesis.ts";
import { formatGenesis, parseGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { BlockSource, WrongNode } from "../../src/indexer/block-source.ts";
import { IndexMetrics } from "../../src/indexer/index-metrics.ts";
import { runIndex } from "../../src/indexer/index-run.ts";
import { Indexer } from "../../src/indexer/indexer.ts";
import { openPostgres } from "../../src/indexer/postgres.ts";
import { grantReader } from "../../src/indexer/reader-role.ts";
import type { SqlDatabase, WrongDatabase } from "../../src/indexer/sql-database.ts";
import { SqlIndex, useSchema } from "../../src/indexer/sql-index.ts";
import { VerifiedLedger } from "../../src/indexer/verified-ledger.ts";
import { Client } from "../../src/sdk/client.ts";
import { SqlCheckpointer } from "../../src/sdk/event-checkpoints.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { ownModules } from "../../src/testing/own-modules.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { Breakage, BreakingDatabase, Killed } from "./breaking-database.ts";
import { deeds } from "./deeds.ts";
import { hasPostgres, PostgresServer } from "./postgres-server.ts";
import { compareWithLedger } from "./rows-of-ledger.ts";

let server: PostgresServer;
beforeAll(async () => {
  if (hasPostgres) server = await PostgresServer.start();
}, 60_000);
afterAll(async () => {
  await server?.stop();
});

interface Net {
  readonly urls: readonly string[];
  readonly fetch: typeof fetch;
  readonly genesis: string;
}

/** A client of one node of a chain inside the test. */
function clientOf(net: Net, node = 0): Client {
  return new Client(net.urls[node] ?? "", { fetch: net.fetch });
}

async function genesisOf(net: Net, modules: Parameters<typeof ownModules>[0] = []): Promise<Genesis> {
  const parsed = parseGenesis(net.genesis);
  if (!parsed.ok) throw new Error(parsed.fault.detail);
  return { ...parsed.value.genesis, ...(await ownModules(modules)) };
}

interface Opened {
  readonly db: SqlDatabase;
  readonly index: SqlIndex;
  readonly ledger: VerifiedLedger;
  readonly indexer: Indexer;
}

async function openIndex(
  client: Client,
  genesis: Genesis,
  {
    schema,
    kv = new MemoryKv(),
    batchBlocks = 3,
    db,
  }: {
    readonly schema: string;
    readonly kv?: MemoryKv;
    readonly db?: SqlDatabase;
    readonly batchBlocks?: number;
  },
): Promise<Opened> {
  const database = db ?? (await openPostgres(server.url));
  const index = await SqlIndex.open(database, { schema, genesis, genesisJson: formatGenesis(genesis) });
  const ledger = await VerifiedLedger.open(genesis, kv);
  const source = new BlockSource(client, genesis.limits);
  return { db: database, index, ledger, indexer: new Indexer({ index, ledger, source, batchBlocks }) };
}

type Hex = `0x${string}`;
const hexed = (column: string) => `'0x' || encode(${column}, 'hex') as ${column}`;
/** Of waiting for what happens in real time. */
const POLL = { timeout: 60_000, interval: 20 };
const WATCH = `
set search_path to killed;
create table seen (op text, height bigint);
create function see() returns trigger language plpgsql as $$
begin insert into killed.seen values (tg_op, coalesce(new.height, old.height)); return null; end $$;
create trigger seen after insert or delete or update on blocks for each row execute function see();`;
const DEED = `0x${"ab".repeat(32)}` as const;
const OTHER = `0x${"cd".repeat(32)}` as const;

const TITLE = hasPostgres
  ? "an index in PostgreSQL"
  : "an index in PostgreSQL: SKIPPED, there is no initdb and postgres on this machine";

describe.skipIf(!hasPostgres)(TITLE, () => {
  it("has the rows of the ledger, those of a module's events and state among them", async () => {
    const net = await devnet({ validators: 4, modules: [deeds] });
    const genesis = await genesisOf(net, [deeds]);
    const client = clientOf(net);
    const [alice, bob] = [net.account("alice").address, net.account("bob").address] as [Hex, Hex];
    for (let i = 0; i < 8; i++)
      await net.final(net.transfer({ from: "alice", to: "bob", amount: BigInt(i), memo: `a\tb\\n\0${i}` }));
    await net.final(net.call(deeds.enter, { deed: DEED, label: "a\thouse\\" }, { from: "alice" }));
    await net.final(net.call(deeds.enter, { deed: OTHER, label: "nul \0" }, { from: "bob" }));
    await net.final(net.call(deeds.give, { deed: DEED, to: bob }, { from: "alice" }));
    await net.final(net.call(deeds.give, { deed: DEED, to: alice }, { from: "alice" }));
    await net.until(() => net.height(0) === net.height());
    const { db, indexer, ledger } = await openIndex(client, genesis, { schema: "rows" });
    expect(await indexer.align()).toBe(true);
    await indexer.catchUp();
    expect(await compareWithLedger(db, client)).toEqual([]);
    const now = await db.query(
      `select ${hexed("key")}, ${hexed("owner")}, label, since::int, grade, value::text as worth, ${hexed("last_owner")},
         ${hexed("seal__mark")}, seal__is_big, seal__sizes, height_, height::int as changed from state_deeds_deeds t order by t.key`,
    );
    const made = { seal__mark: "0x01ff", seal__is_big: true, seal__sizes: [1, 65_535], height_: 7 };
    const worth = "18446744073709551615";
    expect(now).toEqual([
      {
        key: DEED,
        owner: bob,
        label: "a\thouse\\",
        since: 11,
        grade: "low",
        worth,
        last_owner: alice,
        ...made,
        changed: 11,
      },
      {
        key: OTHER,
        owner: bob,
        label: "nul \uFFFD",
        since: 10,
        grade: "high",
        worth,
        last_owner: null,
        ...made,
        changed: 10,
      },
    ]);
    const then = await db.query(
      `select height::int, deleted, ${hexed("owner")}, value::int from history_deeds_by_owner t where deed = $1 order by t.height, t.deleted desc`,
      [Buffer.from(DEED.slice(2), "hex")],
    );
    expect(then).toEqual([
      { height: 9, deleted: false, owner: alice, value: 1 },
      { height: 11, deleted: true, owner: alice, value: null },
      { height: 11, deleted: false, owner: bob, value: 2 },
    ]);
    expect(
      await db.query(`select ${hexed("owner")} from state_deeds_by_owner where deed = $1`, [
        Buffer.from(DEED.slice(2), "hex"),
      ]),
    ).toEqual([{ owner: bob }]);
    expect(await db.query("select value::int as count from state_deeds_count")).toEqual([{ count: 2 }]);
    const moved = await db.query(`select height::int, ${hexed('"to"')}, seal from event_deeds_changed_hands`);
    expect(moved).toEqual([
      { height: 11, to: bob, seal: { mark: "0x01ff", isBig: true, sizes: [1, 65_535] } },
    ]);
    expect(await db.query("select fault from receipts where not success")).toEqual([
      { fault: "DEEDS_NOT_OWNER" },
    ]);
    await ledger.close();
    await db.close();
    await net.stop();
  });

  it("undoes the rows of abandoned blocks of a mined chain", async () => {
    const net = await devnet({ consensus: "pow", nodes: 2, maturity: 1 });
    const genesis = await genesisOf(net);
    const [here, there] = [clientOf(net, 0), clientOf(net, 1)];
    await net.mine(3, { node: 0, to: "alice" });
    await net.synced();
    net.partition([[0], [1]]);
    net.transfer({ from: "alice", to: "bob", amount: 7n, node: 0 });
    await net.mine(2, { node: 0, to: "carol" });
    await net.mine(4, { node: 1, to: "dave" });
    const kv = new MemoryKv();
    const { db, index, indexer, ledger } = await openIndex(here, genesis, { schema: "mined", kv });
    await indexer.align();
    await indexer.catchUp();
    expect(await compareWithLedger(db, here)).toEqual([]);
    const abandoned = kv.crash(kv.unsyncedWrites);
    const other = new Indexer({ index, ledger, source: new BlockSource(there, genesis.limits) });
    await other.catchUp();
    expect(await compareWithLedger(db, there)).toEqual([]);
    net.heal();
    await net.synced();
    await net.mine(1, { node: 0, to: "carol" });
    await indexer.catchUp();
    expect(await compareWithLedger(db, here)).toEqual([]);
    // As after a kill between the commit of the rows and that of the ledger, which still is on the abandoned branch.
    const behind = await VerifiedLedger.open(genesis, abandoned);
    expect(behind.head.summary.height).toBe(5n);
    const again = new Indexer({ index, ledger: behind, source: new BlockSource(here, genesis.limits) });
    expect(await again.align()).toBe(true);
    await again.catchUp();
    expect(await compareWithLedger(db, here)).toEqual([]);
    await behind.close();
    await ledger.close();
    await db.close();
    await net.stop();
  });

  it("has each block once, whether it or the server is killed at every tenth batch", async () => {
    const net = await devnet({ validators: 1, modules: [deeds] });
    const genesis = await genesisOf(net, [deeds]);
    const client = clientOf(net);
    const people = ["alice", "bob"] as const;
    for (let i = 0; i < 60; i++) {
      const [from, to] = [people[i % 2] ?? "alice", people[(i + 1) % 2] ?? "bob"];
      const give = { deed: DEED, to: net.account(to).address as Hex };
      const call =
        i === 0
          ? net.call(deeds.enter, { deed: DEED, label: "x" }, { from })
          : net.call(deeds.give, give, { from });
      await net.final(call);
    }
    const audit = await openPostgres(server.url);
    const breakage = new Breakage();
    let kv = new MemoryKv();
    let lives = 0;
    for (let isWatched = false, isDone = false; !isDone; lives++) {
      const db = new BreakingDatabase(await openPostgres(server.url), breakage, () => server.kill());
      try {
        const { ledger, indexer } = await openIndex(client, genesis, {
          schema: "killed",
          kv,
          db,
          batchBlocks: 1,
        });
        if (!isWatched) {
          await audit.execute(WATCH);
          isWatched = true;
        }
        expect(await indexer.align()).toBe(true);
        await indexer.catchUp();
        await ledger.close();
        isDone = true;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        await server.restart();
        // Unsynced writes of the ledger are lost as well, now and then.
        kv = kv.crash(lives % 3 === 0 ? 0 : kv.unsyncedWrites);
      }
      await db.close().catch(() => undefined);
    }
    expect(lives).toBe(breakage.breaks + 1);
    expect(breakage.breaks).toBeGreaterThanOrEqual(6);
    await audit.close().catch(() => undefined);
    const db = await openPostgres(server.url);
    await useSchema(db, "killed");
    expect(await compareWithLedger(db, client)).toEqual([]);
    const seen = await db.query(
      "select op, count(*)::int, count(distinct height)::int as blocks from seen group by op",
    );
    expect(seen).toEqual([{ op: "INSERT", count: 61, blocks: 61 }]);
    // The second call is refused: bob does not own it yet.
    expect(await db.query("select count(*)::int from history_deeds_deeds")).toEqual([{ count: 59 }]);
    const [deed] = await db.query(`select ${hexed("owner")} from state_deeds_deeds`);
    expect(net.entry("deeds", "deeds", DEED)).toMatchObject({ owner: deed?.owner });
    await db.close();
    await net.stop();
  });

  it("refuses blocks that no quorum has signed, and makes no row of them", async () => {
    const net = await devnet({ validators: 4 });
    const genesis = await genesisOf(net);
    for (let i = 0; i < 4; i++) await net.final(net.transfer({ from: "alice", to: "bob", amount: 1n }));
    const forge: typeof fetch = async (input, init) => {
      const response = await net.fetch(input, init);
      const answer = JSON.parse(await response.text());
      for (const one of Array.isArray(answer.result) ? answer.result : []) {
        // The last byte of the last signature, of block 3.
        if (one.height === 3) one.seal = `${one.seal.slice(0, -2)}${one.seal.endsWith("00") ? "01" : "00"}`;
      }
      return new Response(JSON.stringify(answer));
    };
    const client = new Client(net.urls[0] ?? "", { fetch: forge });
    const { db, index, indexer, ledger } = await openIndex(client, genesis, { schema: "forged" });
    await indexer.align();
    const failed = await indexer.catchUp().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(WrongNode);
    expect(failed).toMatchObject({
      code: "INVALID_BLOCK",
      message: expect.stringMatching(/block 3 .*bad-signature/),
    });
    expect(await db.query("select max(height)::int as top, count(*)::int as blocks from blocks")).toEqual([
      { top: 2, blocks: 3 },
    ]);
    // An honest node goes on from there.
    const honest = new Indexer({
      index: index,
      ledger,
      source: new BlockSource(clientOf(net), genesis.limits),
    });
    await net.until(() => net.height(0) === net.height());
    await honest.catchUp();
    expect(await compareWithLedger(db, clientOf(net))).toEqual([]);
    await ledger.close();
    await db.close();
    await net.stop();
  });

  it("brings the schema of an older program up to date, and keeps the rows that it wrote", async () => {
    const net = await devnet({ validators: 1 });
    const genesis = await genesisOf(net);
    const open = async () => {
      const db = await openPostgres(server.url);
      const owner = { schema: "older", genesis, genesisJson: formatGenesis(genesis) };
      return { db, index: await SqlIndex.open(db, owner) };
    };
    const standing = async (db: SqlDatabase) => [
      await db.query("select version from schema_version order by version"),
      await db.query("select indexname from pg_indexes where schemaname = 'older' and tablename = 'events'"),
      await db.query("select height, block_hash from cursor"),
    ];
    const { db } = await open();
    await db.execute("insert into cursor (height, block_hash) values (7, '\\x07')");
    const newest = await standing(db);
    // What version 1 left: neither the index nor the row that says it is there.
    await db.execute("drop index events_hash; delete from schema_version where version > 1");
    expect(await standing(db)).not.toEqual(newest);
    await db.close();
    const again = await open();
    expect(await standing(again.db)).toEqual(newest);
    expect(newest[0]).toHaveLength(2);
    await again.db.close();
    await net.stop();
  });

  it("says which database it may not write into: of another chain, newer, or written by another process", async () => {
    const [one, other] = [await devnet({ validators: 1 }), await devnet({ validators: 1, accounts: 3 })];
    const [genesis, foreign] = [await genesisOf(one), await genesisOf(other)];
    const db = await openPostgres(server.url);
    const open = (connection: SqlDatabase, of: Genesis) =>
      SqlIndex.open(connection, {
        schema: "refused",
        genesis: of,
        genesisJson: formatGenesis(of),
        lockTries: 1,
      });
    await open(db, genesis);
    const second = await openPostgres(server.url);
    await expect(open(second, genesis)).rejects.toMatchObject({ code: "IN_USE" });
    await db.close();
    await expect
      .poll(() => open(second, foreign).catch((error: WrongDatabase) => error.code), POLL)
      .toBe("WRONG_CHAIN");
    await second.execute("insert into schema_version (version) values (99)");
    await expect(open(second, genesis)).rejects.toMatchObject({
      code: "NEWER_SCHEMA",
      message: expect.stringContaining("version 99"),
    });
    await second.close();
    await one.stop();
    await other.stop();
  });

  it("holds checkpoints of readers, each in the transaction that writes what its event meant", async () => {
    const clients = Array.from({ length: 4 }, () => new pg.Client({ connectionString: server.url }));
    const cursor = (height: number) => ({ height, index: 1, blockHash: `0x${"ab".repeat(32)}` });
    try {
      await Promise.all(clients.map((client) => client.connect()));
      // All make the table at once.
      const all = clients.map((client, i) => new SqlCheckpointer(client, { name: `reader ${i}` }));
      expect(await Promise.all(all.map((one) => one.load()))).toEqual(clients.map(() => undefined));
      const [client, other] = clients as [pg.Client, pg.Client];
      const own = all[0]!;
      await client.query("create table sold (height integer primary key)");
      const sell = async (height: number, end: "commit" | "rollback") => {
        await client.query("begin");
        await client.query("insert into sold values ($1)", [height]);
        await own.in(client).save(cursor(height), [cursor(height - 1)]);
        await client.query(end);
      };
      await sell(6, "commit");
      await sell(7, "rollback");
      await all[1]!.save(cursor(3));
      expect((await client.query("select height from sold")).rows).toEqual([{ height: 6 }]);
      const again = new SqlCheckpointer(other, { name: "reader 0" });
      expect(await again.load()).toEqual([cursor(6), cursor(5)]);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });

  it("lets a reader read and nothing else", async () => {
    const net = await devnet({ validators: 1 });
    const genesis = await genesisOf(net);
    const { db, indexer, ledger } = await openIndex(clientOf(net), genesis, { schema: "read" });
    await indexer.align();
    expect(await grantReader(db, "read", "dashboard")).toBe(true);
    expect(await grantReader(db, "read", "dashboard")).toBe(false);
    await expect(grantReader(db, "nowhere", "dashboard")).rejects.toMatchObject({ code: "NO_INDEX" });
    const reader = await openPostgres(server.url.replace("tester@", "dashboard@"));
    expect(await reader.query("select count(*)::int from balances")).toEqual([{ count: 10 }]);
    await reader.execute("set default_transaction_read_only to off");
    for (const sql of ["delete from blocks", "create table x ()", "insert into cursor values (true, 1, '')"])
      await expect(reader.execute(sql)).rejects.toMatchObject({ code: "42501" });
    await reader.close();
    await ledger.close();
    await db.close();
    await net.stop();
  });

  it("goes on by itself when node and database were away, and counts that", async () => {
    const net = await devnet({ validators: 1 });
    const state = { isNodeAway: false };
    const asked: typeof fetch = (input, init) =>
      state.isNodeAway ? Promise.reject(new TypeError("fetch failed")) : net.fetch(input, init);
    const folder = mkdtempSync(join(tmpdir(), "quorate-index-"));
    const metrics = new IndexMetrics();
    const port = await metrics.listen(0);
    const stop = new AbortController();
    const failed: string[] = [];
    let height = -1n;
    const running = runIndex({
      open: () => openPostgres(server.url),
      schema: "away",
      client: new Client(net.urls, { fetch: asked }),
      folder,
      follow: true,
      signal: stop.signal,
      progress: (progress) => {
        height = progress.height;
        metrics.note(progress);
      },
      retrying: (kind) => {
        failed.push(kind);
        metrics.retried(kind);
      },
    });
    const grow = () => net.final(net.transfer({ from: "alice", to: "bob", amount: 1n }));
    await grow();
    await expect.poll(() => height, POLL).toBe(1n);
    state.isNodeAway = true;
    await expect.poll(() => failed, POLL).toContain("node");
    state.isNodeAway = false;
    await server.kill();
    await grow();
    await expect.poll(() => failed, POLL).toContain("database");
    await server.restart();
    await expect.poll(() => height, POLL).toBe(2n);
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toContain("quorate_index_height 2");
    expect(text).toMatch(/quorate_index_retries_total\{kind="database"\} [1-9]/);
    stop.abort();
    await running;
    await metrics.close();
    rmSync(folder, { recursive: true, force: true });
    await net.stop();
  });
});
