/**
 * Where a reader of events keeps how far it is: in a file, or in a table of its own database, best in the transaction
 * that writes what it made of the event, so that both are there or neither. For Node.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { type EventCursor, formatCursor, parseCursor } from "../chain/types/event-cursor.ts";
import { makeFolder, writeDurably } from "../storage/durable-file.ts";
import type { Checkpointer } from "./event-types.ts";

export type { EventCursor } from "../chain/types/event-cursor.ts";
export type { Checkpointer } from "./event-types.ts";

/**
 * One line a cursor, the newest first. A crash leaves the file as it was or as it is to be, whole.
 * @param path of the file; its folder is made
 */
export class FileCheckpointer implements Checkpointer {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws Error for a file that holds something else */
  load(): readonly EventCursor[] | undefined {
    let text: string;
    try {
      text = readFileSync(this.#path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    return readCursors(text, `${this.#path}: move it away to begin anew`);
  }

  async save(cursor: EventCursor, earlier: readonly EventCursor[] = []): Promise<void> {
    makeFolder(dirname(this.#path));
    await writeDurably(this.#path, writeCursors([cursor, ...earlier]));
  }
}

/** What a client of PostgreSQL (pg), PGlite and others have; `$1` in the text is the first of the values. */
export interface SqlClient {
  query(text: string, params?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

export interface SqlCheckpointerOptions {
  /** Whose checkpoint it is, among others in the table. */
  readonly name: string;
  /** The name of the table, which is "quorate_checkpoints" unless said. It is made when it is not there. */
  readonly table?: string;
}

/**
 * A row of a table. To write what an event meant in the same transaction, follow events from `load()` without a
 * checkpointer and call `in(transaction).save(event.cursor)`.
 */
export class SqlCheckpointer implements Checkpointer {
  readonly #client: SqlClient;
  readonly #options: Required<SqlCheckpointerOptions>;
  #isMade: Promise<unknown> | undefined;

  constructor(client: SqlClient, options: SqlCheckpointerOptions) {
    this.#client = client;
    this.#options = { table: "quorate_checkpoints", ...options };
    if (!TABLE.test(this.#options.table)) {
      throw new RangeError(
        `table: expected a name of letters, digits and "_", found "${this.#options.table}"`,
      );
    }
  }

  /** The same checkpoint by another client: a transaction of the same database. The table has to be there: load first. */
  in(client: SqlClient): SqlCheckpointer {
    const other = new SqlCheckpointer(client, this.#options);
    other.#isMade = this.#isMade;
    return other;
  }

  async load(): Promise<readonly EventCursor[] | undefined> {
    const { name, table } = this.#options;
    await this.#make();
    const { rows } = await this.#client.query(`SELECT cursors FROM ${table} WHERE name = $1`, [name]);
    const { cursors } = (rows[0] ?? {}) as { cursors?: unknown };
    return cursors === undefined ? undefined : readCursors(String(cursors), `table ${table}, name ${name}`);
  }

  async save(cursor: EventCursor, earlier: readonly EventCursor[] = []): Promise<void> {
    const { name, table } = this.#options;
    await this.#make();
    await this.#client.query(
      `INSERT INTO ${table} (name, cursors) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET cursors = EXCLUDED.cursors`,
      [name, writeCursors([cursor, ...earlier])],
    );
  }

  #make(): Promise<unknown> {
    this.#isMade ??= this.#create().catch((error: unknown) => {
      this.#isMade = undefined;
      throw error;
    });
    return this.#isMade;
  }

  /**
   * Makes the table. Of two that make it at once PostgreSQL refuses one, also with "if not exists", and then
   * it is there.
   */
  async #create(): Promise<void> {
    const text = `CREATE TABLE IF NOT EXISTS ${this.#options.table} (name TEXT PRIMARY KEY, cursors TEXT NOT NULL)`;
    try {
      await this.#client.query(text);
    } catch (error) {
      await this.#client.query(text).catch(() => {
        throw error;
      });
    }
  }
}

const TABLE = /^[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?$/;

function writeCursors(cursors: readonly EventCursor[]): string {
  return cursors.map((cursor) => `${formatCursor(cursor)}\n`).join("");
}

function readCursors(text: string, place: string): readonly EventCursor[] {
  const lines = text.split("\n").filter((line) => line !== "");
  const cursors = lines.map(parseCursor).filter((cursor) => cursor !== undefined);
  if (cursors.length === 0 || cursors.length < lines.length) {
    throw new Error(`no checkpoint: expected cursors as height:index:blockHash, one a line, in ${place}`);
  }
  return cursors;
}
