/** What `quorate index query`, `status` and `grant` do: for who has no psql, or an embedded database. */
import { hex0x } from "../../base/bytes.ts";
import { grantReader } from "../../indexer/reader-role.ts";
import { type SqlDatabase, type SqlRow, WrongDatabase } from "../../indexer/sql-database.ts";
import { useSchema } from "../../indexer/sql-index.ts";
import { badInput } from "../exit.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { indexError, openPlace } from "./index-errors.ts";
import { type PlaceOptions, schemaOf } from "./index-place.ts";

export async function grant(out: Output, options: PlaceOptions, role: string): Promise<void> {
  const schema = schemaOf(options);
  if (options.to === undefined) {
    throw badInput("the embedded database has one user: roles need a server, --to postgres://...");
  }
  return onDatabase(options, async (db) => {
    const made = await grantReader(db, schema, role);
    out.result({ role, schema, made }, [
      `${out.tick} ${role} may read the schema ${schema} and write nothing`,
      ...(made ? [`  it has no password yet: alter role "${role}" password '...'`] : []),
    ]);
  });
}

async function onDatabase(options: PlaceOptions, work: (db: SqlDatabase) => Promise<void>): Promise<void> {
  try {
    const db = await openPlace(options);
    try {
      await useSchema(db, schemaOf(options));
      await work(db);
    } finally {
      await db.close();
    }
  } catch (error) {
    throw indexError(error, options);
  }
}

export function query(out: Output, options: PlaceOptions, sql: string): Promise<void> {
  return onDatabase(options, (db) => printRows(out, db, sql));
}

async function printRows(out: Output, db: SqlDatabase, sql: string): Promise<void> {
  await db.execute("begin read only");
  const rows = (await db.query(sql)).map(plainRow);
  await db.execute("rollback");
  const names = Object.keys(rows[0] ?? {});
  out.result(
    rows,
    rows.length === 0
      ? "no row"
      : table(
          names,
          rows.map((row) => names.map((name) => cell(row[name]))),
        ),
  );
}

export function status(out: Output, options: PlaceOptions): Promise<void> {
  return onDatabase(options, (db) => printStatus(out, db, schemaOf(options)));
}

async function printStatus(out: Output, db: SqlDatabase, schema: string): Promise<void> {
  const tables = await db.query(
    "select table_name::text as name from information_schema.tables where table_schema = $1 and table_type = 'BASE TABLE' order by 1",
    [schema],
  );
  if (tables.length === 0)
    throw new WrongDatabase("NO_INDEX", `${db.name} has no index in the schema ${schema}`);
  const [cursor] = await db.query(
    "select height::text as height, '0x' || encode(block_hash, 'hex') as hash, updated_at::text as updated from cursor",
  );
  const rows: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await db.query(`select count(*)::text as rows from "${String(name)}"`);
    rows[String(name)] = Number(row?.rows);
  }
  out.result({ schema, cursor: cursor ?? null, rows }, [
    cursor === undefined
      ? "no block yet"
      : `height ${cursor.height}  ${cursor.hash}  written ${cursor.updated}`,
    ...table(
      ["table", "rows"],
      Object.entries(rows).map(([name, count]) => [name, `${count}`]),
    ),
  ]);
}

/** Bytes as hex, times as ISO, JSON as it is. */
function plainRow(row: SqlRow): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? hex0x(value) : value instanceof Date ? value.toISOString() : value,
    ]),
  );
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
