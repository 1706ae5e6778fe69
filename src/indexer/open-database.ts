/** Opens a database: a server by its URL, or the embedded one. Their packages are loaded here, when one is opened. */
import type { SqlDatabase } from "./sql-database.ts";

export interface DatabasePlace {
  /** The URL of a server: postgres://... */
  readonly url?: string | undefined;
  /** The folder of the embedded database, where no server is named. */
  readonly folder: string;
}

/** @throws Error when a package is missing, or the database cannot be opened */
export async function openDatabase({ url, folder }: DatabasePlace): Promise<SqlDatabase> {
  if (url === undefined) return (await load(() => import("./embedded.ts"))).openEmbedded(folder);
  return (await load(() => import("./postgres.ts"))).openPostgres(url);
}

async function load<T>(module: () => Promise<T>): Promise<T> {
  try {
    return await module();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new Error(
      "the packages for SQL are not installed: they are optional dependencies (pg, pg-copy-streams, @electric-sql/pglite); install with npm install --include=optional",
      { cause: error },
    );
  }
}
