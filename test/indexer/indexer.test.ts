/** An index of chains inside the test, in a real PostgreSQL server that the test starts. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Genesis } from "../../src/chain/genesis/genesis.ts";
import { formatGenesis, parseGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { BlockSource } from "../../src/indexer/block-source.ts";
import { Indexer } from "../../src/indexer/indexer.ts";
import { openPostgres } from "../../src/indexer/postgres.ts";
import type { SqlDatabase } from "../../src/indexer/sql-database.ts";
import { SqlIndex } from "../../src/indexer/sql-index.ts";
import { VerifiedLedger } from "../../src/indexer/verified-ledger.ts";
import { Client } from "../../src/sdk/client.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { devnet } from "../../src/testing/devnet.ts";
import { ownModules } from "../../src/testing/own-modules.ts";
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
    db,
  }: { readonly schema: string; readonly kv?: MemoryKv; readonly db?: SqlDatabase },
): Promise<Opened> {
  const database = db ?? (await openPostgres(server.url));
  const index = await SqlIndex.open(database, { schema, genesis, genesisJson: formatGenesis(genesis) });
  const ledger = await VerifiedLedger.open(genesis, kv);
  const source = new BlockSource(client, genesis.limits);
  return { db: database, index, ledger, indexer: new Indexer({ index, ledger, source, batchBlocks: 3 }) };
}

type Hex = `0x${string}`;
const hexed = (column: string) => `'0x' || encode(${column}, 'hex') as ${column}`;
const DEED = `0x${"ab".repeat(32)}` as const;
const OTHER = `0x${"cd".repeat(32)}` as const;

describe.skipIf(!hasPostgres)(
  "an index in PostgreSQL (skipped: no initdb and postgres on this machine)",
  () => {
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
      const moved = await db.query(
        `select height::int, ${hexed('"to"')}, seal from event_deeds_changed_hands`,
      );
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
      const other = new Indexer({ index, ledger, source: new BlockSource(there, genesis.limits) });
      await other.catchUp();
      expect(await compareWithLedger(db, there)).toEqual([]);
      // As after a kill between the rows' commit and the ledger's: the ledger is still on the abandoned branch.
      net.heal();
      await net.synced();
      await ledger.close();
      await db.close();
      await net.stop();
    });
  },
);
