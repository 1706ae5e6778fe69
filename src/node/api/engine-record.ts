/**
 * What the engine announced of late, for whoever comes after it happened: a page that opens shows the votes of the last
 * heights, not of the next. Votes, which are many, do not push out what is rare (views, equivocations).
 */
import type { NodeEvents } from "../../rpc/api.ts";

type RecordedEvent = NodeEvents["consensus"];

/** Votes of some twenty heights of 64 validators, a thousand of four; and the last rare events. */
export const VOTES_KEPT = 4_096;
export const RARE_KEPT = 256;

const VOTES: ReadonlySet<RecordedEvent["event"]["type"]> = new Set([
  "pre-prepare",
  "prepare",
  "commit",
  "prepared",
  "committed",
]);

export class EngineRecord {
  readonly #votes: RecordedEvent[] = [];
  readonly #rare: RecordedEvent[] = [];

  /** Records an event. It is to be told of every one. */
  note(event: RecordedEvent): void {
    if (VOTES.has(event.event.type)) keep(this.#votes, event, VOTES_KEPT);
    else keep(this.#rare, event, RARE_KEPT);
  }

  /** The last votes and the last rare events, in the order in which they happened. */
  recent(votesMax: number): readonly RecordedEvent[] {
    const votes = votesMax === 0 ? [] : this.#votes.slice(-Math.min(votesMax, VOTES_KEPT));
    return [...votes, ...this.#rare.slice(-RARE_KEPT)].sort((a, b) => a.atMs - b.atMs);
  }
}

/** Twice the bound at most: cutting the front of a list costs its length. */
function keep(list: RecordedEvent[], event: RecordedEvent, max: number): void {
  list.push(event);
  if (list.length >= 2 * max) list.splice(0, list.length - max);
}
