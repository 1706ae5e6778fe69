/** A role that may read an index and nothing else, for dashboards. */
import { type SqlDatabase, WrongDatabase } from "./sql-database.ts";
import { quoted } from "./sql-names.ts";

/** The statements, which may be run again: tables that come later are readable as well. */
function grantStatements(role: string, schema: string): string {
  const [name, in_] = [quoted(role), quoted(schema)];
  return `grant usage on schema ${in_} to ${name};
grant select on all tables in schema ${in_} to ${name};
alter default privileges in schema ${in_} grant select on tables to ${name};
alter role ${name} set search_path to ${in_};
alter role ${name} set default_transaction_read_only to on;`;
}

/**
 * Makes the role, if there is none of that name, and lets it read.
 * @returns whether it was made; it has no password then
 * @throws WrongDatabase where there is no index
 */
export async function grantReader(db: SqlDatabase, schema: string, role: string): Promise<boolean> {
  const [index] = await db.query(
    "select 1 as found from information_schema.schemata where schema_name = $1",
    [schema],
  );
  if (index === undefined)
    throw new WrongDatabase("NO_INDEX", `${db.name} has no index in the schema ${schema}`);
  const [known] = await db.query("select 1 as found from pg_roles where rolname = $1", [role]);
  if (known === undefined) await db.execute(`create role ${quoted(role)} login`);
  await db.execute(grantStatements(role, schema));
  return known === undefined;
}
