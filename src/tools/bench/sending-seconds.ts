/**
 * What became of transfers by the second in which they were sent, and from which second on a network that was asked too
 * much serves as it did before. Arithmetic only.
 */
import { must } from "../../base/assert.ts";
import { median } from "./statistics.ts";

/** Seconds in a row that must be as they were: one alone may be luck. */
export const NORMAL_SECONDS = 3;

interface SendingSecond {
  sent: number;
  refused: number;
  /** From sending to final, ms. */
  readonly latencies: number[];
}

export class SendingSeconds {
  readonly #seconds: SendingSecond[] = [];

  /** @param atMs of the sending, since the first second began; so everywhere here */
  sent(atMs: number): void {
    this.#at(atMs).sent++;
  }

  refused(atMs: number): void {
    this.#at(atMs).refused++;
  }

  final(atMs: number, latencyMs: number): void {
    this.#at(atMs).latencies.push(latencyMs);
  }

  /**
   * The first of {@link NORMAL_SECONDS} seconds in a row in which nothing was refused and everything became final, half of
   * it within `normalMs`. Undefined as long as there are none.
   * @param nowMs since the first second began: seconds that are not over are not judged
   */
  normalFrom(normalMs: number, nowMs: number): number | undefined {
    let row = 0;
    for (let second = 0; (second + 1) * 1_000 <= nowMs; second++) {
      row = isNormal(this.#seconds[second], normalMs) ? row + 1 : 0;
      if (row === NORMAL_SECONDS) return second + 1 - NORMAL_SECONDS;
    }
    return undefined;
  }

  #at(ms: number): SendingSecond {
    const second = Math.max(0, Math.floor(ms / 1_000));
    while (this.#seconds.length <= second) this.#seconds.push({ sent: 0, refused: 0, latencies: [] });
    return must(this.#seconds[second], "the list was made long enough");
  }
}

function isNormal(second: SendingSecond | undefined, normalMs: number): boolean {
  if (second === undefined || second.sent === 0 || second.refused > 0) return false;
  return second.latencies.length === second.sent && median(second.latencies) <= normalMs;
}
