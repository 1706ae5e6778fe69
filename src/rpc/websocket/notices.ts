/**
 * News on their way to subscribers: shown and encoded once, however many wait for them, and sent a bounded number at a
 * time, so that the loop is never held for all subscribers of all sockets together.
 */
import { must } from "../../base/assert.ts";

/** Notifications sent before everything else has a turn. */
export const RPC_NOTICES_PER_TURN_MAX = 128;

export class Notices {
  readonly #texts = new Map<string, { readonly events: object; readonly text: string }>();
  readonly #queue: (() => void)[] = [];
  #taken = 0;

  /** The JSON of the latest events of a topic. */
  textOf(topic: string, events: object, show: () => unknown): string {
    const known = this.#texts.get(topic);
    if (known?.events === events) return known.text;
    const text = JSON.stringify(show());
    this.#texts.set(topic, { events, text });
    return text;
  }

  /** Runs `send` in its turn; all in the order in which they came. */
  add(send: () => void): void {
    this.#queue.push(send);
    if (this.#queue.length === 1) setImmediate(() => this.#drain());
  }

  #drain(): void {
    const end = Math.min(this.#queue.length, this.#taken + RPC_NOTICES_PER_TURN_MAX);
    while (this.#taken < end) must(this.#queue[this.#taken++], "the place is before the end of the queue")();
    if (this.#taken < this.#queue.length) {
      setImmediate(() => this.#drain());
      return;
    }
    this.#queue.length = 0;
    this.#taken = 0;
  }
}
