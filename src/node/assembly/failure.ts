/** What keeps a node from going on: kept while it starts, acted on later. */

/** The first thing that keeps the node from going on: while it starts, the start fails by it; later it is acted on. */
export class Failure {
  #first: { readonly error: unknown } | undefined;
  #act: ((error: unknown) => void) | undefined;

  report(error: unknown): void {
    if (this.#first !== undefined) return;
    this.#first = { error };
    this.#act?.(error);
  }

  /** @throws what was reported */
  check(): void {
    if (this.#first !== undefined) throw this.#first.error;
  }

  /** Gives errors to `act` from now on. @throws what was reported before. */
  actBy(act: (error: unknown) => void): void {
    this.check();
    this.#act = act;
  }
}
