/**
 * The hash rate over the last seconds, from readings of a counter that only grows. Pure: the caller says what time
 * it is and reads about once a second.
 */

const WINDOW_MS = 10_000;
/** Readings closer to the last one than this are not kept: the window then has a bounded number. */
const STEP_MS = 500;

interface Reading {
  readonly atMs: number;
  readonly hashes: number;
}

export class HashMeter {
  #readings: Reading[] = [];

  /** @param hashes since the beginning @param atMs of one steady clock */
  read(hashes: number, atMs: number): void {
    const last = this.#readings.at(-1);
    if (last !== undefined && atMs - last.atMs < STEP_MS) return;
    this.#readings.push({ atMs, hashes });
    // The oldest one kept is just outside the window: the rate covers the whole of it.
    while (this.#readings.length > 2 && atMs - this.#readings[1]!.atMs >= WINDOW_MS) this.#readings.shift();
  }

  /** Hashes per second since the oldest reading; 0 before the first. */
  rate(hashes: number, nowMs: number): number {
    const oldest = this.#readings[0];
    if (oldest === undefined || nowMs <= oldest.atMs) return 0;
    return ((hashes - oldest.hashes) * 1_000) / (nowMs - oldest.atMs);
  }

  /** Forgets: mining stopped. */
  reset(): void {
    this.#readings = [];
  }
}
