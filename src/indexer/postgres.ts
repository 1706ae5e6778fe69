/** The database on a PostgreSQL server. Nothing else imports `pg`; it is loaded when a server is named. */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { SqlDatabase, SqlRow } from "./sql-database.ts";

const CONNECT_MS = 10_000;
/** Characters that are handed over at once. */
const PIECE_CHARACTERS = 64 * 1024;

/**
 * @param url postgres://user:password@host:port/database; what it leaves out is taken from PGHOST, PGUSER, PGPASSWORD, ...
 * @throws Error when there is no server, or it lets nobody in
 */
export async function openPostgres(url: string): Promise<SqlDatabase> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "quorate index",
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
  });
  // Told by the query that runs, or the next one.
  client.on("error", () => undefined);
  await client.connect();
  return new PostgresDatabase(client, nameOf(client));
}

function nameOf({ host, port, database }: pg.Client): string {
  return `postgres://${host}:${port}/${database ?? ""}`;
}

class PostgresDatabase implements SqlDatabase {
  readonly name: string;
  readonly #client: pg.Client;

  constructor(client: pg.Client, name: string) {
    this.#client = client;
    this.name = name;
  }

  async query(sql: string, values: readonly unknown[] = []): Promise<readonly SqlRow[]> {
    const { rows } = await this.#client.query<SqlRow>(sql, [...values]);
    return rows;
  }

  async execute(sql: string): Promise<void> {
    await this.#client.query(sql);
  }

  async copy(target: string, lines: readonly string[]): Promise<void> {
    await pipeline(Readable.from(pieces(lines)), this.#client.query(copyFrom(`copy ${target} from stdin`)));
  }

  async close(): Promise<void> {
    await this.#client.end();
  }
}

function* pieces(lines: readonly string[]): Generator<Buffer> {
  let piece: string[] = [];
  let length = 0;
  for (const line of lines) {
    piece.push(line);
    length += line.length;
    if (length < PIECE_CHARACTERS) continue;
    yield Buffer.from(piece.join(""), "utf8");
    piece = [];
    length = 0;
  }
  if (piece.length > 0) yield Buffer.from(piece.join(""), "utf8");
}
