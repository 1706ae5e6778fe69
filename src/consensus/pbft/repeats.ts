/**
 * When something as large as a block is sent to a peer once more. Where links or processors are busy it is on its way for longer
 * than a status interval; sent again at each interval it would make them busier still. So pauses double, up to a bound that
 * a peer which lost it can wait for.
 */
import type { ValidatorId } from "../engine.ts";

/** Status intervals between the first two times, and the most between any two. */
export const FIRST_PAUSE = 2;
const LONGEST_PAUSE = 8;

interface Pause {
  /** The height of what was sent. */
  readonly height: bigint;
  /** The first interval in which it may be sent again. */
  readonly until: number;
  readonly next: number;
}

/** One entry for each peer, of the height that was sent last. */
export class Repeats {
  readonly #pauses = new Map<ValidatorId, Pause>();

  /** Whether nothing of this height was sent to the peer, or it was so before something of another height was. */
  isFirst(to: ValidatorId, height: bigint): boolean {
    return this.#pauses.get(to)?.height !== height;
  }

  /** Whether it may be sent in this interval. If so, it counts as sent. */
  take(to: ValidatorId, height: bigint, tick: number): boolean {
    const held = this.#pauses.get(to);
    if (held?.height !== height) {
      this.#pauses.set(to, { height, until: tick + FIRST_PAUSE, next: 2 * FIRST_PAUSE });
      return true;
    }
    if (tick < held.until) return false;
    this.#pauses.set(to, { height, until: tick + held.next, next: Math.min(2 * held.next, LONGEST_PAUSE) });
    return true;
  }
}
