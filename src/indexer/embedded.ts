/**
 * The database embedded in this process: PostgreSQL compiled to WebAssembly, its files in a folder that one process at a
 * time may have open. Nothing else imports PGlite; it is loaded when no server is named.
 */

import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { takeLock } from "../node/home/lock.ts";
import { makeFolder } from "../storage/durable-file.ts";
import { type SqlDatabase, type SqlRow, WrongDatabase } from "./sql-database.ts";

/**
 * @param folder made when it is missing; the database is in `postgres` below it
 * @throws WrongDatabase when another process has it open
 */
export async function openEmbedded(folder: string): Promise<SqlDatabase> {
  makeFolder(folder);
  const lock = takeLock(join(folder, "lock"));
  if (!lock.ok) {
    throw new WrongDatabase(
      "IN_USE",
      `another process has the index in ${folder} open, and an embedded database serves one: stop it, or name another --out`,
    );
  }
  try {
    return database(await PGlite.create(join(folder, "postgres")), folder, () => lock.value.release());
  } catch (error) {
    lock.value.release();
    throw error;
  }
}

function database(db: PGlite, name: string, release: () => void): SqlDatabase {
  return {
    name,
    query: async (sql, values = []) => (await db.query<SqlRow>(sql, [...values])).rows,
    async execute(sql) {
      await db.exec(sql);
    },
    async copy(target, lines) {
      await db.query(`copy ${target} from '/dev/blob'`, [], { blob: new Blob([...lines]) });
    },
    async close() {
      await db.close();
      release();
    },
  };
}
