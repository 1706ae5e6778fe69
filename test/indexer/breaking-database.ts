/** A database that ends in the middle of things: at a statement of every tenth batch, in one of several ways. */
import type { SqlDatabase, SqlRow } from "../../src/indexer/sql-database.ts";

/** Which batches break, over all connections of a test. */
export class Breakage {
  batches = 0;
  breaks = 0;
  /** Statements of the batch so far, "begin" among them. */
  statements = 0;
}

/** The process is gone: nothing that it held in memory goes on. */
export class Killed extends Error {
  override readonly name = "Killed";
}

export class BreakingDatabase implements SqlDatabase {
  readonly name: string;
  readonly #inner: SqlDatabase;
  readonly #breakage: Breakage;
  readonly #killServer: () => Promise<void>;
  #isIn = false;

  constructor(inner: SqlDatabase, breakage: Breakage, killServer: () => Promise<void>) {
    this.name = inner.name;
    this.#inner = inner;
    this.#breakage = breakage;
    this.#killServer = killServer;
  }

  query(sql: string, values?: readonly unknown[]): Promise<readonly SqlRow[]> {
    return this.#run(() => this.#inner.query(sql, values));
  }

  async execute(sql: string): Promise<void> {
    if (sql === "begin") {
      this.#isIn = true;
      this.#breakage.batches++;
      this.#breakage.statements = 0;
    }
    await this.#run(() => this.#inner.execute(sql));
    if (sql !== "commit") return;
    this.#isIn = false;
    // Every fifth break: after the commit, before the ledger hears of it.
    if (this.#isTenth && this.#breakage.breaks % 5 === 4) await this.#break(false);
  }

  copy(target: string, lines: readonly string[]): Promise<void> {
    return this.#run(() => this.#inner.copy(target, lines));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  get #isTenth(): boolean {
    return this.#breakage.batches % 10 === 9;
  }

  async #run<T>(act: () => Promise<T>): Promise<T> {
    const { breaks } = this.#breakage;
    const at = 1 + ((5 * breaks) % 12);
    const isDue = this.#isIn && this.#isTenth && breaks % 5 !== 4 && ++this.#breakage.statements === at;
    if (!isDue) return act();
    // The statement is under way when the server dies, or the process.
    act().catch(() => undefined);
    return this.#break(breaks % 2 === 1);
  }

  async #break(killsServer: boolean): Promise<never> {
    this.#breakage.breaks++;
    // The batch that was broken begins anew, and is another one.
    this.#breakage.batches++;
    if (killsServer) await this.#killServer();
    await this.#inner.close().catch(() => undefined);
    throw new Killed(`in batch ${this.#breakage.batches}`);
  }
}
