/**
 * The index in a database: its schema, its cursor and the rows of blocks. A batch of blocks is one transaction together
 * with the cursor that it moves, so whatever is killed, and whenever, rows and cursor tell of the same block.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { asHash, type Hash, hex, parseBytes32, showHash } from "../base/bytes.ts";
import { modulesOf } from "../chain/execution/modules-in-force.ts";
import type { Genesis } from "../chain/genesis/genesis.ts";
import { computeGenesisHash } from "../chain/genesis/genesis-state.ts";
import type { ModuleSet } from "../chain/modules/module-set.ts";
import { type BatchRows, RowMaker, shown } from "./block-rows.ts";
import type { Column } from "./columns.ts";
import { type DeclaredTables, declaredTables, EVENT_PLACE, type MapTable } from "./declared-tables.ts";
import { type SqlDatabase, WrongDatabase } from "./sql-database.ts";
import { quoted } from "./sql-names.ts";
import {
  BLOCKS,
  declaredSchema,
  EVENTS,
  MIGRATIONS,
  RECEIPTS,
  SCHEMA_VERSION,
  TRANSACTIONS,
  VIEWS,
  versionTable,
} from "./sql-schema.ts";
import type { LedgerBlock } from "./verified-ledger.ts";

/** The block that the rows end with. */
export interface IndexCursor {
  readonly height: bigint;
  readonly hash: Hash;
}

/** Blocks whose rows are written at once. */
export interface IndexBatch {
  /** Rows of higher blocks are undone first. */
  readonly keep: bigint;
  /** Ascending, from keep + 1 on. */
  readonly blocks: readonly LedgerBlock[];
}

export interface PinnedChain {
  readonly genesisHash: string;
  readonly genesis: string;
}

/** The locks of the schema and of one writer: any numbers that nobody else takes. */
const WRITER_LOCK = 7_261_904_113;
const LOCK_TRIES = 20;
const LOCK_RETRY_MS = 250;
/** Hashes read at once, where blocks are compared with rows. */
const HASHES_AT_ONCE = 1_000n;

/** Which chain a database holds, without changing anything in it. Undefined for one without an index. */
export async function pinnedChain(db: SqlDatabase, schema: string): Promise<PinnedChain | undefined> {
  if (!(await hasIndex(db, schema))) return undefined;
  await useSchema(db, schema);
  const [row] = await db.query("select encode(genesis_hash, 'hex') as hash, genesis from indexed_chain");
  return row && { genesisHash: `0x${row.hash}`, genesis: String(row.genesis) };
}

async function hasIndex(db: SqlDatabase, schema: string): Promise<boolean> {
  const [row] = await db.query(
    "select count(*)::int as found from information_schema.tables where table_schema = $1 and table_name = 'schema_version'",
    [schema],
  );
  return Number(row?.found) > 0;
}

/** What is said next is of the tables in this schema. */
export async function useSchema(db: SqlDatabase, schema: string): Promise<void> {
  await db.execute(`set search_path to ${quoted(schema)}`);
}

/** Whose index it is. */
export interface IndexOwner {
  readonly schema: string;
  /** The genesis with the code of its modules. */
  readonly genesis: Genesis;
  /** The genesis as it is kept for later starts. */
  readonly genesisJson: string;
  /** How often the writer's lock is asked for, a quarter of a second apart. */
  readonly lockTries?: number;
}

export class SqlIndex {
  readonly #db: SqlDatabase;
  #modules: ModuleSet;
  #declared: DeclaredTables;
  #rows: RowMaker;
  #cursor: IndexCursor | undefined;
  /** Shown hashes by height, of some heights below the cursor. */
  readonly #hashes = new Map<bigint, string>();

  private constructor(db: SqlDatabase, genesis: Genesis) {
    const modules = modulesOf(genesis);
    this.#db = db;
    this.#modules = modules;
    this.#declared = declaredTables(modules.own());
    this.#rows = new RowMaker(modules, this.#declared);
  }

  /**
   * Opens the index in a schema, or makes it there.
   * @throws WrongDatabase when it is of another chain, newer than this program, or another process writes into it
   */
  static async open(
    db: SqlDatabase,
    { schema, genesis, genesisJson, lockTries = LOCK_TRIES }: IndexOwner,
  ): Promise<SqlIndex> {
    const index = new SqlIndex(db, genesis);
    await takeWriterLock(db, schema, lockTries);
    await makeSchema(db, schema);
    await useSchema(db, schema);
    await index.#migrate(genesis, genesisJson);
    await index.#checkChain(genesis);
    await index.readCursor();
    return index;
  }

  /** Makes rows by these modules from now on. What a new version declares besides gets tables. */
  async useModules(modules: ModuleSet): Promise<void> {
    if (modules === this.#modules) return;
    const declared = declaredTables(modules.own());
    await this.#db.execute(declaredSchema(declared));
    this.#rows = new RowMaker(modules, declared);
    [this.#modules, this.#declared] = [modules, declared];
  }

  /** Undefined while there are no rows. */
  get cursor(): IndexCursor | undefined {
    return this.#cursor;
  }

  async readCursor(): Promise<IndexCursor | undefined> {
    const [row] = await this.#db.query(
      "select height::text as height, encode(block_hash, 'hex') as hash from cursor",
    );
    this.#hashes.clear();
    this.#cursor = row && { height: BigInt(String(row.height)), hash: unshown(String(row.hash)) };
    return this.#cursor;
  }

  /** The block whose rows stand at a height. */
  async hashAt(height: bigint): Promise<Hash | undefined> {
    if (this.#cursor === undefined || height > this.#cursor.height) return undefined;
    if (!this.#hashes.has(height)) await this.#readHashes(height);
    const found = this.#hashes.get(height);
    return found === undefined ? undefined : unshown(found);
  }

  async #readHashes(from: bigint): Promise<void> {
    if (this.#hashes.size > 10 * Number(HASHES_AT_ONCE)) this.#hashes.clear();
    const rows = await this.#db.query(
      "select height::text as height, encode(hash, 'hex') as hash from blocks where height >= $1::bigint and height < $2::bigint",
      [from.toString(), (from + HASHES_AT_ONCE).toString()],
    );
    for (const { height, hash } of rows) this.#hashes.set(BigInt(String(height)), String(hash));
  }

  /**
   * Undoes and adds rows and moves the cursor, in one transaction.
   * @returns how many rows were added
   * @throws WrongDatabase when somebody else has moved the cursor
   */
  async write({ keep, blocks }: IndexBatch): Promise<number> {
    const last = blocks.at(-1)?.sealed.block;
    const rows = this.#rows.rowsOf(blocks);
    await this.#db.execute("begin");
    try {
      await this.#checkCursor();
      if (this.#cursor !== undefined && keep < this.#cursor.height) await this.#undoAbove(keep);
      const added = await this.#add(rows, keep);
      if (last !== undefined) await this.#moveCursor({ height: last.summary.height, hash: last.hash });
      await this.#db.execute("commit");
      this.#hashes.clear();
      if (last !== undefined) this.#cursor = { height: last.summary.height, hash: last.hash };
      return added;
    } catch (error) {
      await this.#db.execute("rollback").catch(() => undefined);
      throw error;
    }
  }

  async #checkCursor(): Promise<void> {
    const [row] = await this.#db.query(
      "select height::text as height, encode(block_hash, 'hex') as hash from cursor for update",
    );
    const is = row === undefined ? "none" : `${row.height} ${row.hash}`;
    const was =
      this.#cursor === undefined ? "none" : `${this.#cursor.height} ${hex(shown(this.#cursor.hash))}`;
    if (is === was) return;
    throw new WrongDatabase(
      "IN_USE",
      `${this.#db.name}: another process has moved the cursor from ${was} to ${is}`,
    );
  }

  async #moveCursor({ height, hash }: IndexCursor): Promise<void> {
    await this.#db.query(
      `insert into cursor (height, block_hash) values ($1::bigint, decode($2, 'hex'))
       on conflict (one) do update set height = excluded.height, block_hash = excluded.block_hash, updated_at = now()`,
      [height.toString(), hex(shown(hash))],
    );
  }

  async #add(rows: BatchRows, keep: bigint): Promise<number> {
    let added = 0;
    const copy = async (name: string, columns: readonly Column[], lines: readonly string[]) => {
      if (lines.length === 0) return;
      await this.#db.copy(target(name, columns), lines);
      added += lines.length;
    };
    await copy(BLOCKS.name, BLOCKS.columns, rows.blocks);
    await copy(TRANSACTIONS.name, TRANSACTIONS.columns, rows.transactions);
    await copy(RECEIPTS.name, RECEIPTS.columns, rows.receipts);
    await copy(EVENTS.name, EVENTS.columns, rows.events);
    for (const [table, lines] of rows.declaredEvents)
      await copy(table.name, [...EVENT_PLACE, ...table.columns], lines);
    for (const [map, lines] of rows.histories) {
      await copy(map.history, historyColumns(map), lines);
      await this.#db.execute(bringUpToDate(map, keep));
    }
    return added;
  }

  async #undoAbove(keep: bigint): Promise<void> {
    const { events, maps } = this.#declared;
    const tables = [BLOCKS, TRANSACTIONS, RECEIPTS, EVENTS, ...events].map(({ name }) => name);
    const deletions = tables.map((name) => `delete from ${quoted(name)} where height > ${keep};`);
    await this.#db.execute([...deletions, ...maps.map((map) => undoMap(map, keep))].join("\n"));
  }

  async #migrate(genesis: Genesis, genesisJson: string): Promise<void> {
    await this.#db.execute(versionTable());
    const [row] = await this.#db.query(
      "select coalesce(max(version), 0)::int as version from schema_version",
    );
    const version = Number(row?.version);
    if (version > SCHEMA_VERSION) {
      throw new WrongDatabase(
        "NEWER_SCHEMA",
        `${this.#db.name} has version ${version} of the schema, this program knows ${SCHEMA_VERSION}: a newer quorate has written it; use that one, or another --schema`,
      );
    }
    await this.#db.execute("begin");
    try {
      for (let at = version; at < SCHEMA_VERSION; at++) {
        const step = MIGRATIONS[at];
        if (step !== undefined) await this.#db.execute(step(this.#declared));
        await this.#db.query("insert into schema_version (version) values ($1)", [at + 1]);
      }
      await this.#db.execute(VIEWS);
      await this.#db.query(
        `insert into indexed_chain (genesis_hash, chain_id, consensus, genesis)
         values (decode($1, 'hex'), $2::numeric, $3, $4) on conflict (one) do nothing`,
        [
          hex(shown(computeGenesisHash(genesis))),
          genesis.chainId.toString(),
          genesis.consensus.type,
          genesisJson,
        ],
      );
      await this.#db.execute("commit");
    } catch (error) {
      await this.#db.execute("rollback").catch(() => undefined);
      throw error;
    }
  }

  async #checkChain(genesis: Genesis): Promise<void> {
    const [row] = await this.#db.query("select encode(genesis_hash, 'hex') as hash from indexed_chain");
    const wanted = showHash(computeGenesisHash(genesis));
    if (`0x${row?.hash}` === wanted) return;
    throw new WrongDatabase(
      "WRONG_CHAIN",
      `${this.#db.name} holds the chain with genesis 0x${row?.hash}, this one has ${wanted}; nothing was written: name another database, or another --schema`,
    );
  }
}

/** Held for as long as the connection lives. A server notices a while later that a killed process is gone. */
async function takeWriterLock(db: SqlDatabase, schema: string, triesMax: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    const [row] = await db.query("select pg_try_advisory_lock($1::bigint # hashtext($2)::bigint) as taken", [
      WRITER_LOCK.toString(),
      schema,
    ]);
    if (row?.taken === true) return;
    if (tries >= triesMax) break;
    await sleep(LOCK_RETRY_MS);
  }
  throw new WrongDatabase(
    "IN_USE",
    `another quorate index writes into the schema ${schema} of ${db.name}: stop it, or name another --schema`,
  );
}

/** Asked first: making one that is there takes a right that its writer need not have. */
async function makeSchema(db: SqlDatabase, schema: string): Promise<void> {
  const [found] = await db.query(
    "select 1 as found from information_schema.schemata where schema_name = $1",
    [schema],
  );
  if (found === undefined) await db.execute(`create schema if not exists ${quoted(schema)}`);
}

function unshown(text: string): Hash {
  const bytes = parseBytes32(`0x${text}`) ?? new Uint8Array(32);
  return asHash(shown(bytes));
}

function target(name: string, columns: readonly Column[]): string {
  return `${quoted(name)} (${columns.map((column) => quoted(column.name)).join(", ")})`;
}

const HEIGHT: Column = { name: "height", type: "bigint" };
const DELETED: Column = { name: "deleted", type: "boolean" };

function historyColumns({ keyColumn, columns }: MapTable): readonly Column[] {
  return [{ name: keyColumn, type: "bytea" }, ...columns, HEIGHT, DELETED];
}

/** What holds now, of the entries that changed above a height, from their histories. */
function bringUpToDate(map: MapTable, above: bigint): string {
  const { name, history, keyColumn } = map;
  const key = quoted(keyColumn);
  const names = [...map.columns.map((column) => column.name), "height"].map(quoted);
  const updates = names.map((column) => `${column} = excluded.${column}`).join(", ");
  const latest = `(select distinct on (${key}) * from ${quoted(history)} where height > ${above} order by ${key}, height desc) latest`;
  return `insert into ${quoted(name)} (${[key, ...names].join(", ")})
  select ${[key, ...names].join(", ")} from ${latest} where not deleted
  on conflict (${key}) do update set ${updates};
delete from ${quoted(name)} t using ${latest} where t.${key} = latest.${key} and latest.deleted;`;
}

/** Takes changes above a height back: what held before is in the history. */
function undoMap(map: MapTable, above: bigint): string {
  const { name, history, keyColumn } = map;
  const key = quoted(keyColumn);
  const names = [key, ...map.columns.map((column) => quoted(column.name)), "height"].join(", ");
  return `create temporary table undone on commit drop as select distinct ${key} from ${quoted(history)} where height > ${above};
delete from ${quoted(history)} where height > ${above};
delete from ${quoted(name)} where ${key} in (select ${key} from undone);
insert into ${quoted(name)} (${names})
  select ${names} from (select distinct on (${key}) * from ${quoted(history)} where ${key} in (select ${key} from undone) order by ${key}, height desc) latest
  where not deleted;
drop table undone;`;
}
