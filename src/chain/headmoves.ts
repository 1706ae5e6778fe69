/**
 * When the head is moving, for whoever reads the database beside the chain. LevelDB writes on a thread of its own: from
 * the moment a move is handed over until it is told, any read may see the ledger before or after it, and memory (head,
 * pool) still says the one before. A reading counts only if no move began or was under way meanwhile.
 */

/** Readings that a move each interrupted before it is given up: a chain that catches up moves all the time. */
const READINGS_MAX = 8;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class HeadMoves {
  #begun = 0;
  #isUnderWay = false;
  #failure: { readonly error: unknown } | undefined;
  #waiters: Waiter[] = [];

  begin(): void {
    this.#begun++;
    this.#isUnderWay = true;
  }

  /** The new head has been told to everybody. */
  end(): void {
    this.#isUnderWay = false;
    for (const { resolve } of this.#waiters.splice(0)) resolve();
  }

  /** Nothing is written any more. */
  fail(error: unknown): void {
    this.#failure = { error };
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }

  /**
   * What `read` gives or throws when it sees one ledger from its beginning to its end; it is repeated until it does.
   * @returns undefined when there was a move during each of several readings
   * @throws what made a move fail that is under way
   */
  async read<T>(read: () => T | Promise<T>): Promise<{ readonly value: T } | undefined> {
    for (let reading = 0; reading < READINGS_MAX; reading++) {
      await this.#ended();
      const before = this.#begun;
      const isWhole = () => before === this.#begun && !this.#isUnderWay;
      try {
        const value = await read();
        if (isWhole()) return { value };
      } catch (error) {
        if (isWhole()) throw error; // else it saw half of the old ledger and half of the new
      }
    }
    return undefined;
  }

  async #ended(): Promise<void> {
    while (this.#isUnderWay) {
      if (this.#failure !== undefined) throw this.#failure.error;
      await new Promise<void>((resolve, reject) => this.#waiters.push({ resolve, reject }));
    }
  }
}
