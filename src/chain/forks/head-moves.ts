/**
 * When the head is moving, for whoever reads the database beside the chain. LevelDB writes on a thread of its own: from
 * the moment a move is handed over until it is told, any read may see the ledger before or after it, and memory (head,
 * pool) still says the one before. A reading is whole if no move began or was under way meanwhile.
 */

interface Waiter {
  readonly ended: () => void;
  readonly failed: (error: unknown) => void;
}

export class HeadMoves {
  #begun = 0;
  #isUnderWay = false;
  #failure: { readonly error: unknown } | undefined;
  readonly #waiters: Waiter[] = [];

  /** How many moves there have been. It is undefined while one is going on. */
  get count(): number | undefined {
    return this.#isUnderWay ? undefined : this.#begun;
  }

  begin(): void {
    this.#begun++;
    this.#isUnderWay = true;
  }

  /** The new head has been told to everybody. */
  end(): void {
    this.#isUnderWay = false;
    for (const { ended } of this.#waiters.splice(0)) ended();
  }

  /** Nothing is written any more. */
  fail(error: unknown): void {
    this.#failure = { error };
    for (const { failed } of this.#waiters.splice(0)) failed(error);
  }

  /** Calls one of these once: at once when no move is under way, else when it has ended or failed. */
  afterMove(waiter: Waiter): void {
    if (!this.#isUnderWay) waiter.ended();
    else if (this.#failure !== undefined) waiter.failed(this.#failure.error);
    else this.#waiters.push(waiter);
  }
}
