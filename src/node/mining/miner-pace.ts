/**
 * How many hashes a mining thread tries before it looks up, and how long it rests before that. Without a limit a
 * batch takes some milliseconds, so that a replaced job stops soon; under a limit of the hash rate batches are as
 * short as the limit allows and the thread sleeps in between. Time is handed in: milliseconds of one steady clock.
 */

/** How long a batch should take: the time until a thread notices that its job was replaced. */
const BATCH_MS = 10;
const BATCH_HASHES_FIRST = 2_048;
const BATCH_HASHES_MAX = 1 << 22;
/** A batch may take this many times as many hashes as the one before. */
const GROWTH_MAX = 4;
/** Time that a thread lost, because others had the processor, is made up for within this; beyond it it is gone. */
const LAG_MS_MAX = 200;

export class Pace {
  /** Hashes per millisecond, Infinity without a limit. */
  readonly #limit: number;
  #batch: number;
  /** When the hashes of all batches so far are used up at the limit. */
  #dueMs = 0;

  /** @param hashLimit is this thread's hashes per second, above 0. */
  constructor(hashLimit: number | undefined) {
    this.#limit = hashLimit === undefined ? Number.POSITIVE_INFINITY : hashLimit / 1_000;
    this.#batch = this.#bounded(BATCH_HASHES_FIRST);
  }

  /** Hashes of the next batch, at least 1. */
  get batch(): number {
    return this.#batch;
  }

  /** Milliseconds to rest before the next batch. */
  restMs(nowMs: number): number {
    return Math.max(0, this.#dueMs - nowMs);
  }

  /** A batch of `hashes` ran from `startMs` to `endMs`. */
  done(hashes: number, startMs: number, endMs: number): void {
    this.#dueMs = Math.max(this.#dueMs, startMs - LAG_MS_MAX) + hashes / this.#limit;
    const fitting = (hashes * BATCH_MS) / Math.max(endMs - startMs, 0.01);
    this.#batch = this.#bounded(Math.min(fitting, GROWTH_MAX * this.#batch));
  }

  #bounded(hashes: number): number {
    const most = Math.min(BATCH_HASHES_MAX, this.#limit * BATCH_MS);
    return Math.max(1, Math.floor(Math.min(hashes, most)));
  }
}
