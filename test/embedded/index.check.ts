/**
 * The index in the database that `quorate index` brings along (PGlite): its schema, an upgrade of an older one, and rows against the
 * ledger, those of the chain's own modules among them. `npm run check:embedded`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { formatGenesis, parseGenesis } from "../../src/chain/genesis/genesis-file.ts";
import { BlockSource } from "../../src/indexer/block-source.ts";
import { openEmbedded } from "../../src/indexer/embedded.ts";
import { Indexer } from "../../src/indexer/indexer.ts";
import type { SqlDatabase } from "../../src/indexer/sql-database.ts";
import { SqlIndex } from "../../src/indexer/sql-index.ts";
import { VerifiedLedger } from "../../src/indexer/verified-ledger.ts";
import { Client } from "../../src/sdk/client.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { ownModules } from "../../src/testing/own-modules.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { deeds } from "../indexer/deeds.ts";
import { compareWithLedger } from "../indexer/rows-of-ledger.ts";

const folder = mkdtempSync(join(tmpdir(), "quorate-embedded-"));
const DEED = `0x${"ab".repeat(32)}` as const;

let net: Awaited<ReturnType<typeof devnet>>;
let genesis: Parameters<typeof formatGenesis>[0];
let db: SqlDatabase;
beforeAll(async () => {
  net = await devnet({ validators: 1, modules: [deeds] });
  const parsed = parseGenesis(net.genesis);
  if (!parsed.ok) throw new Error(parsed.fault.detail);
  genesis = { ...parsed.value.genesis, ...(await ownModules([deeds])) };
  db = await openEmbedded(folder);
});
afterAll(async () => {
  await db.close();
  await net.stop();
  rmSync(folder, { recursive: true, force: true });
});

function openIndex(): Promise<SqlIndex> {
  return SqlIndex.open(db, { schema: "embedded", genesis, genesisJson: formatGenesis(genesis) });
}

it("an embedded index has the rows of the ledger, those of a module's events and state among them", async () => {
  const bob = net.account("bob").address as `0x${string}`;
  await net.final(net.transfer({ from: "alice", to: "bob", amount: 7n, memo: "a\tb\\n" }));
  await net.final(net.call(deeds.enter, { deed: DEED, label: "a\thouse\\" }, { from: "alice" }));
  await net.final(net.call(deeds.give, { deed: DEED, to: bob }, { from: "alice" }));
  await net.until(() => net.height(0) === net.height());
  const client = new Client(net.urls[0] ?? "", { fetch: net.fetch });
  const index = await openIndex();
  const ledger = await VerifiedLedger.open(genesis, new MemoryKv());
  const indexer = new Indexer({
    index,
    ledger,
    source: new BlockSource(client, genesis.limits),
    batchBlocks: 3,
  });
  expect(await indexer.align()).toBe(true);
  await indexer.catchUp();
  expect(await compareWithLedger(db, client)).toEqual([]);
  const rows = await db.query(
    "select '0x' || encode(owner, 'hex') as owner, label, value::text as worth from state_deeds_deeds",
  );
  expect(rows).toEqual([{ owner: bob, label: "a\thouse\\", worth: "18446744073709551615" }]);
  expect(
    await db.query("select deed = $1 as same, seal from event_deeds_changed_hands", [Buffer.alloc(32, 0xab)]),
  ).toMatchObject([{ same: true }]);
  await ledger.close();
});

it("an embedded index brings the schema of an older program up to date, and keeps the rows that it wrote", async () => {
  const standing = async () => [
    await db.query("select version from schema_version order by version"),
    await db.query(
      "select indexname from pg_indexes where schemaname = 'embedded' and tablename = 'events' order by 1",
    ),
    await db.query("select height::int from cursor"),
    await db.query("select count(*)::int as rows from events"),
  ];
  const newest = await standing();
  await db.execute("drop index events_hash; delete from schema_version where version > 1");
  expect(await standing()).not.toEqual(newest);
  await openIndex();
  expect(await standing()).toEqual(newest);
  expect(newest[0]).toHaveLength(2);
});

it("an embedded index is what it was when it is opened again, and by one process at a time", async () => {
  const before = await db.query("select * from cursor");
  await expect(openEmbedded(folder)).rejects.toMatchObject({ code: "IN_USE" });
  await db.close();
  db = await openEmbedded(folder);
  await openIndex();
  expect(await db.query("select * from cursor")).toEqual(before);
});
