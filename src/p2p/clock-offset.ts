/**
 * How far a peer's clock is from the own one, from questions "what time is it?": an answer proves the offset to within
 * half of its round trip, so the one with the least round trip counts. Pure: times are handed in. Source: RFC 5905
 * (NTP), section 10, the clock filter.
 */

export interface ClockSample {
  /** When the question left, by this node's clock, in ms since the Unix epoch. */
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  /** What the peer's clock showed as it answered, in ms since the Unix epoch. */
  readonly theirsMs: number;
}

export interface PeerClock {
  /** The peer's clock minus the own one, ms: positive when the peer's is ahead. */
  readonly offsetMs: number;
  /** The truth lies within so many ms of it. */
  readonly errorMs: number;
}

/** How many answers are remembered: clocks drift, and none is good for ever. */
const SAMPLES_MAX = 8;
/** Both clocks are read in whole milliseconds. */
const RESOLUTION_MS = 1;
/** Drift between two samples that is no contradiction: 100 parts per million of four minutes. */
const DRIFT_MS = 25;

export class ClockOffset {
  #samples: PeerClock[] = [];

  add({ askedAtMs, answeredAtMs, theirsMs }: ClockSample): void {
    const roundTripMs = answeredAtMs - askedAtMs;
    if (roundTripMs < 0) return; // the own clock was set back meanwhile
    const sample = {
      offsetMs: Math.round(theirsMs - (askedAtMs + roundTripMs / 2)),
      errorMs: Math.ceil(roundTripMs / 2) + RESOLUTION_MS,
    };
    const { best } = this;
    // No delay explains it: one of the two clocks was set.
    if (best !== undefined && contradicts(best, sample)) this.#samples = [];
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** The best measurement so far, or undefined before the first answer. */
  get best(): PeerClock | undefined {
    return this.#samples.reduce<PeerClock | undefined>(
      (best, sample) => (best === undefined || sample.errorMs <= best.errorMs ? sample : best),
      undefined,
    );
  }
}

function contradicts(a: PeerClock, b: PeerClock): boolean {
  return Math.abs(a.offsetMs - b.offsetMs) > a.errorMs + b.errorMs + DRIFT_MS;
}
