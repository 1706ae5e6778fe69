/**
 * Back-pressure on users where blocks are final at once: what waits is as much as the network commits in a few seconds, so
 * that what is accepted is final soon, and blocks do not grow until one takes longer than the timers of a view. What the
 * network commits is measured while more waits than goes into a block, and kept until it is measured again. Users are told
 * when to come again; what peers pass on is bounded by the pool alone, since somebody has accepted it.
 */
import { type Fault, refuse } from "../../base/fault.ts";
import type { HeadChange } from "../../chain/chain.ts";
import type { Mempool } from "../../mempool/mempool.ts";

/** Seconds of work that may wait, ms. */
export const BACKLOG_MS_MAX = 3_000;
/** So many transactions may wait however long they take: a burst on an idle network. */
export const BACKLOG_MIN = 2_500;
/** The network does as much as it can while so many are left after a block. */
const BUSY_MIN = 500;
/** Blocks that are measured: the first of them only begins the time. */
const [BLOCKS_MIN, BLOCKS_MAX] = [3, 16];
/** What is told to wait, ms. */
const RETRY_MS = { min: 500, max: 5_000 };

export interface BacklogSources {
  readonly pool: Pick<Mempool, "executable">;
  readonly events: {
    readonly heads: { subscribe(listener: (change: Pick<HeadChange, "sealed">) => void): () => void };
  };
}

export class Backlog {
  readonly #pool: BacklogSources["pool"];
  readonly #now: () => number;
  /** Blocks that followed one another while the network was busy. */
  #blocks: { readonly atMs: number; readonly count: number }[] = [];
  /** Transactions a millisecond, as measured at the last block that left the network busy. */
  #rate: number | undefined;

  /** @param now milliseconds of any clock */
  constructor({ pool, events }: BacklogSources, now: () => number) {
    this.#pool = pool;
    this.#now = now;
    events.heads.subscribe(({ sealed }) => this.#committed(sealed.block.transactions.length));
  }

  /** Why a user should come again with one more transaction. Undefined when there is room. */
  refusal(): Fault<"MEMPOOL_FULL"> | undefined {
    const { executable } = this.#pool;
    if (executable < BACKLOG_MIN || executable < this.#bound()) return undefined;
    const perSecond = Math.round((this.#rateNow() ?? 0) * 1_000);
    const detail = `${executable} transactions wait and ${perSecond} a second are committed; try again in ${this.retryAfterMs()} ms`;
    return refuse("MEMPOOL_FULL", detail).fault;
  }

  /** When half of what may wait is committed, about. */
  retryAfterMs(): number {
    const rate = this.#rateNow();
    if (rate === undefined) return 2 * RETRY_MS.min;
    const excess = this.#pool.executable - this.#bound() / 2;
    return Math.round(Math.min(RETRY_MS.max, Math.max(RETRY_MS.min, excess / rate)));
  }

  #bound(): number {
    const rate = this.#rateNow();
    return rate === undefined ? Number.POSITIVE_INFINITY : Math.max(BACKLOG_MIN, rate * BACKLOG_MS_MAX);
  }

  /** A chain that stands still lowers it as time passes. */
  #rateNow(): number | undefined {
    const [first, ...others] = this.#blocks;
    if (first === undefined || others.length < BLOCKS_MIN - 1) return this.#rate;
    const count = others.reduce((sum, block) => sum + block.count, 0);
    return count / Math.max(1, this.#now() - first.atMs);
  }

  #committed(count: number): void {
    if (this.#pool.executable < BUSY_MIN) {
      this.#blocks = [];
      return;
    }
    this.#blocks.push({ atMs: this.#now(), count });
    if (this.#blocks.length > BLOCKS_MAX) this.#blocks.shift();
    this.#rate = this.#rateNow();
  }
}
