/** One kind of events and those who listen: synchronous, in order, no buffering. */

export class EventTopic<T> {
  readonly #listeners = new Set<(events: T) => void>();

  /** The listener must not throw. The returned function ends the subscription and may be called twice. */
  subscribe(listener: (events: T) => void): () => void {
    const own = (events: T) => listener(events);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  tell(events: T): void {
    for (const listener of this.#listeners) listener(events);
  }
}
