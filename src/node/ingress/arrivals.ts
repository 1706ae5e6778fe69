/**
 * Waiting for a block that is on its way: a node forwards an announcement before it holds the body, so that whoever
 * asks for it next may ask a moment too early. Bounded in time; how many wait, the network's bound on requests says.
 */
import { byteText, type Hash } from "../../base/bytes.ts";
import type { Scheduler } from "../../base/scheduler.ts";

/** Less than a peer waits for an answer. */
const WAIT_MS = 2_000;

export class Arrivals {
  readonly #scheduler: Scheduler;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Resolves when the block has arrived, and at the latest after two seconds. */
  wait(hash: Hash): Promise<void> {
    const id = byteText(hash);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const cancel = this.#scheduler.after(WAIT_MS, () => end());
      const end = () => {
        cancel();
        waiting.delete(end);
        if (waiting.size === 0) this.#waiting.delete(id);
        resolve();
      };
      waiting.add(end);
    });
  }

  arrived(hash: Hash): void {
    for (const end of [...(this.#waiting.get(byteText(hash)) ?? [])]) end();
  }

  stop(): void {
    for (const waiting of [...this.#waiting.values()]) for (const end of [...waiting]) end();
  }
}
