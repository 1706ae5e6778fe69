/**
 * What the engine announced of late, for whoever comes after it happened: a page that opens shows the votes of the last
 * heights, not of the next. Votes, which are many, do not push out what is rare (views, equivocations).
 */
import type { NodeEvents } from "../../rpc/api.ts";

type News = NodeEvents["consensus"];

/** Votes of some twenty heights of 64 validators, a thousand of four; and the last rare events. */
export const VOTES_KEPT = 4_096;
export const RARE_KEPT = 256;

const VOTES: ReadonlySet<News["event"]["type"]> = new Set([
  "pre-prepare",
  "prepare",
  "commit",
  "prepared",
  "committed",
]);

export class EngineRecord {
  readonly #votes: News[] = [];
  readonly #rare: News[] = [];

  /** To be told of every event. */
  note(news: News): void {
    if (VOTES.has(news.event.type)) keep(this.#votes, news, VOTES_KEPT);
    else keep(this.#rare, news, RARE_KEPT);
  }

  /** The last votes and the last rare events, in the order in which they happened. */
  recent(votesMax: number): readonly News[] {
    const votes = votesMax === 0 ? [] : this.#votes.slice(-Math.min(votesMax, VOTES_KEPT));
    return [...votes, ...this.#rare.slice(-RARE_KEPT)].sort((a, b) => a.atMs - b.atMs);
  }
}

/** Twice the bound at most: cutting the front of a list costs its length. */
function keep(list: News[], news: News, max: number): void {
  list.push(news);
  if (list.length >= 2 * max) list.splice(0, list.length - max);
}
