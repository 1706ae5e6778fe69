/**
 * What the indexer asks of a database, whichever runs it: a PostgreSQL server (postgres.ts) or the one embedded in this
 * process (embedded.ts). Both take the same SQL. Values that JavaScript would round are asked for as text.
 */

export type SqlRow = Readonly<Record<string, unknown>>;

export interface SqlDatabase {
  /** What people call it, which has no password in it. */
  readonly name: string;
  /** Runs one statement. @throws Error whose `code` is the SQLSTATE, where the server gave one */
  query(sql: string, values?: readonly unknown[]): Promise<readonly SqlRow[]>;
  /** Runs several statements, which take no values. */
  execute(sql: string): Promise<void>;
  /** Adds rows. @param target a table with its columns in parentheses @param lines COPY's text format */
  copy(target: string, lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** The database is whole, and not one that this program, or this chain, may write into: a person has to decide. */
export class WrongDatabase extends Error {
  override readonly name = "WrongDatabase";
  readonly code: "WRONG_CHAIN" | "NEWER_SCHEMA" | "IN_USE" | "NO_INDEX";

  constructor(code: WrongDatabase["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The SQLSTATE of an error of the database: five characters, a digit among them (EPIPE has none). Undefined where the
 * connection failed.
 */
export function sqlStateOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^(?=[A-Z]*[0-9])[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
