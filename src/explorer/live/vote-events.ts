/** The vote book of the node's engine: what it announced before the page opened, then each event as it comes. */
import { signal } from "@preact/signals";
import { EMPTY_BOOK, readEvents } from "../model/vote-matrix.ts";
import { askAll, orUndefined } from "./asked-nodes.ts";
import { isLive, onEngineEvents, type ShownEvent } from "./feed.ts";
import { epochNow } from "./members.ts";

export const voteBook = signal(EMPTY_BOOK);

/** Events that came while the past was asked for. */
let waiting: ShownEvent[] | undefined;

export function startVotes(): void {
  onEngineEvents((events) => {
    if (waiting !== undefined) waiting.push(...events);
    else voteBook.value = readEvents(voteBook.peek(), events);
  });
  // Views are counted anew in each epoch, and an index means another validator there.
  let before: number | undefined;
  epochNow.subscribe((now) => {
    if (before !== undefined) voteBook.value = { ...voteBook.peek(), views: [], asked: new Map() };
    before = now;
  });
  // When the node is back the past is asked for anew: events were missed meanwhile.
  isLive.subscribe((live) => {
    if (live) void readPast();
  });
}

async function readPast(): Promise<void> {
  waiting = [];
  try {
    const [past] = await askAll([{ method: "consensus_getEvents", params: { votes: 1_000 } }]);
    const seen = orUndefined(past) ?? [];
    const since = seen.at(-1)?.t ?? 0;
    voteBook.value = readEvents(EMPTY_BOOK, [...seen, ...waiting.filter(({ t }) => t >= since)]);
  } catch {
    // The feed says that the node is gone.
  } finally {
    waiting = undefined;
  }
}
