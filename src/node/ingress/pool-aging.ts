/**
 * Drops transactions that are too old from the pool of a chain that stands still: where heads come, each of them does
 * it.
 */
import { POOL_AGE_CHECK_MS } from "../../base/limits.ts";
import type { Scheduler } from "../../base/scheduler.ts";
import type { Mempool } from "../../mempool/mempool.ts";

export class PoolAging {
  readonly #pool: Pick<Mempool, "dropAged">;
  readonly #scheduler: Scheduler;
  #cancel: (() => void) | undefined;

  constructor(pool: Pick<Mempool, "dropAged">, scheduler: Scheduler) {
    this.#pool = pool;
    this.#scheduler = scheduler;
  }

  start(): void {
    this.#cancel = this.#scheduler.after(POOL_AGE_CHECK_MS, () => {
      this.#pool.dropAged(this.#scheduler.now());
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }
}
