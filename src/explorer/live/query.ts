/**
 * A page's own question: asked when the page opens, when what it asks for changes, and again when the chain has moved
 * (at most once a second). The last answer stays while the next is on its way, and while the node is gone.
 */
import { effect, type ReadonlySignal, signal, untracked } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { isLive, revision } from "./feed.ts";

export type Query<T> =
  | { readonly state: "loading" }
  | { readonly state: "done"; readonly value: T }
  | { readonly state: "failed"; readonly reason: string };

/**
 * @param key what the question depends on; a change asks anew
 * @param ask gives the answer, or throws why there is none
 * @param follows asked again when the chain moves
 */
export function useQuery<T>(key: string, ask: () => Promise<T>, follows = true): ReadonlySignal<Query<T>> {
  const answer = useMemo(() => signal<Query<T>>({ state: "loading" }), [key]);
  // `ask` is new at each drawing; `key` says what it asks.
  useEffect(() => {
    let isOver = false;
    let isAsking = false;
    let isStale = false;
    const run = async () => {
      if (isAsking) {
        isStale = true;
        return;
      }
      isAsking = true;
      try {
        const value = await ask();
        if (!isOver) answer.value = { state: "done", value };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        // What was shown before stays; the banner says that the node is gone.
        if (!isOver && answer.peek().state !== "done") answer.value = { state: "failed", reason };
      }
      isAsking = false;
      if (isStale && !isOver) {
        isStale = false;
        void run();
      }
    };
    let isFirst = true;
    const stop = effect(() => {
      revision.value;
      const live = isLive.value;
      if (isFirst || (follows && live)) untracked(() => void run());
      isFirst = false;
    });
    return () => {
      isOver = true;
      stop();
    };
  }, [key]);
  return answer;
}
