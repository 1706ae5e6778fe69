/**
 * How fast an index is filled, beside COPY alone in the same run: a chain of transfers inside this process, indexed into a
 * PostgreSQL server that is started for it (and with "embedded" into PGlite); then the very lines of COPY go into a second
 * schema with the same tables and indexes, and nothing else. Prints one JSON object.
 *
 *   npm run index:backfill [-- TRANSFERS [embedded]]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatGenesis, parseGenesis } from "../../src/chain/genesis/genesis-file.ts";
import type { SealedBlock } from "../../src/chain/types/block.ts";
import { BlockSource } from "../../src/indexer/block-source.ts";
import { Indexer } from "../../src/indexer/indexer.ts";
import { openDatabase } from "../../src/indexer/open-database.ts";
import type { SqlDatabase, SqlRow } from "../../src/indexer/sql-database.ts";
import { SqlIndex } from "../../src/indexer/sql-index.ts";
import { VerifiedLedger } from "../../src/indexer/verified-ledger.ts";
import { Client } from "../../src/sdk/client.ts";
import { openLevel } from "../../src/storage/level.ts";
import { devnet } from "../../src/testing/virtual-devnet.ts";
import { PostgresServer } from "../indexer/postgres-server.ts";

const TRANSFERS = Number(process.argv[2] ?? 50_000);
const isEmbedded = process.argv[3] === "embedded";
/** Transfers of one block. */
const PER_BLOCK = 200;

/** Remembers what was copied, and how long the database took for all of it. */
class Recorder implements SqlDatabase {
  readonly name: string;
  readonly batches: { readonly target: string; readonly lines: readonly string[] }[][] = [];
  tookMs = 0;
  readonly #inner: SqlDatabase;

  constructor(inner: SqlDatabase) {
    this.#inner = inner;
    this.name = inner.name;
  }

  query = (sql: string, values?: readonly unknown[]): Promise<readonly SqlRow[]> =>
    this.#timed(() => this.#inner.query(sql, values));

  execute(sql: string): Promise<void> {
    if (sql === "begin") this.batches.push([]);
    return this.#timed(() => this.#inner.execute(sql));
  }

  copy(target: string, lines: readonly string[]): Promise<void> {
    this.batches.at(-1)?.push({ target, lines });
    return this.#timed(() => this.#inner.copy(target, lines));
  }

  close = (): Promise<void> => this.#inner.close();

  async #timed<T>(act: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await act();
    } finally {
      this.tookMs += performance.now() - began;
    }
  }
}

async function makeChain(): Promise<Awaited<ReturnType<typeof devnet>>> {
  const net = await devnet({ validators: 1, accounts: 100, balance: 1_000_000_000n });
  const names = net.accounts.map(({ name }) => name);
  for (let made = 0; made < TRANSFERS; ) {
    let last = "";
    for (let i = 0; i < PER_BLOCK && made < TRANSFERS; i++, made++) {
      const [from, to] = [names[made % names.length] ?? "", names[(7 * made + 1) % names.length] ?? ""];
      last = net.transfer({ from, to, amount: 1n });
    }
    await net.final(last);
  }
  return net;
}

const net = await makeChain();
const folder = mkdtempSync(join(tmpdir(), "quorate-backfill-"));
const server = isEmbedded ? undefined : await PostgresServer.start();
const parsed = parseGenesis(net.genesis);
if (!parsed.ok) throw new Error(parsed.fault.detail);
const { genesis } = parsed.value;
const db = new Recorder(await openDatabase({ url: server?.url, folder }));
const index = await SqlIndex.open(db, { schema: "filled", genesis, genesisJson: formatGenesis(genesis) });
const ledger = await VerifiedLedger.open(genesis, await openLevel(join(folder, "ledger")));

// The node of this test is in the same process: its part is taken out by having its blocks before the clock starts.
const asked = new BlockSource(new Client(net.urls, { fetch: net.fetch }), genesis.limits);
const blocks: SealedBlock[] = [];
for (const top = await asked.headHeight(); BigInt(blocks.length) < top; )
  blocks.push(...(await asked.blocks(BigInt(blocks.length) + 1n, 100)));
const source = Object.assign(Object.create(BlockSource.prototype) as BlockSource, {
  headHeight: async () => BigInt(blocks.length),
  blocks: async (from: bigint, most: number) => blocks.slice(Number(from) - 1, Number(from) - 1 + most),
});

let rows = 0;
const indexer = new Indexer({
  index,
  ledger,
  source,
  progress: (progress) => {
    rows = progress.rows;
  },
});
await indexer.align();
db.tookMs = 0;
const cpu = process.cpuUsage();
const began = performance.now();
await indexer.catchUp();
const indexMs = performance.now() - began;
const used = process.cpuUsage(cpu);
const databaseMs = db.tookMs;

const batches = db.batches.filter((batch) => batch.length > 0);
await SqlIndex.open(db, { schema: "copied", genesis, genesisJson: formatGenesis(genesis) });
const lines = batches.flat().reduce((sum, { lines: own }) => sum + own.length, 0);
const copyBegan = performance.now();
for (const batch of batches) {
  await db.execute("begin");
  for (const { target, lines: own } of batch) await db.copy(target, own);
  await db.execute("commit");
}
const copyMs = performance.now() - copyBegan;

const perSecond = (count: number, ms: number) => Math.round((1_000 * count) / ms);
console.log(
  JSON.stringify(
    {
      database: isEmbedded ? "embedded" : "server",
      transfers: TRANSFERS,
      blocks: blocks.length,
      rows,
      index: {
        ms: Math.round(indexMs),
        rowsPerSecond: perSecond(rows, indexMs),
        transfersPerSecond: perSecond(TRANSFERS, indexMs),
        databaseMs: Math.round(databaseMs),
        ownCpuMs: Math.round((used.user + used.system) / 1_000),
      },
      copyAlone: { rows: lines, ms: Math.round(copyMs), rowsPerSecond: perSecond(lines, copyMs) },
      ratio: Number((perSecond(rows, indexMs) / perSecond(lines, copyMs)).toFixed(2)),
    },
    undefined,
    2,
  ),
);
await ledger.close();
await db.close();
await server?.stop();
rmSync(folder, { recursive: true, force: true });
await net.stop();
