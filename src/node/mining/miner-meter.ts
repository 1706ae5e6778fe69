/**
 * The hash rate over the last seconds, from readings of a counter that only grows. Pure: the caller says what time
 * it is and reads about once a second while it mines. Mining stops for a moment with every block of others, threads
 * count whole batches, and under a limit they catch up on what a stop cost them (miner-pace.ts): what few
 * milliseconds show is no rate. So a measurement goes on over short stops, and is taken for a second long at least.
 */
import { must } from "../../base/assert.ts";

const WINDOW_MS = 10_000;
/** Readings closer to the last one than this are not kept: the window then has a bounded number. */
const STEP_MS = 500;
/** Nobody mines when so long has passed without a reading; what follows is a new measurement. */
const STOP_MS = 3_000;
/** Hashes of a measurement that is younger count as those of so long. */
const SPAN_MS_MIN = 1_000;

interface Reading {
  readonly atMs: number;
  readonly hashes: number;
}

export class HashMeter {
  #readings: Reading[] = [];

  /** @param hashes counts from the beginning. @param atMs is read from one steady clock. */
  read(hashes: number, atMs: number): void {
    const last = this.#readings.at(-1);
    const passedMs = last === undefined ? 0 : atMs - last.atMs;
    if (passedMs > STOP_MS) this.#readings = [];
    else if (last !== undefined && passedMs < STEP_MS) return;
    this.#readings.push({ atMs, hashes });
    // The oldest one kept is just outside the window: the rate covers the whole of it.
    while (
      this.#readings.length > 2 &&
      atMs - must(this.#readings[1], "there are more than two readings").atMs >= WINDOW_MS
    )
      this.#readings.shift();
  }

  /** Hashes per second since the oldest reading. It is 0 before the first one, and when the last is long ago. */
  rate(hashes: number, nowMs: number): number {
    const [oldest, last] = [this.#readings[0], this.#readings.at(-1)];
    if (oldest === undefined || last === undefined || nowMs - last.atMs > STOP_MS) return 0;
    return ((hashes - oldest.hashes) * 1_000) / Math.max(nowMs - oldest.atMs, SPAN_MS_MIN);
  }
}
