/** One kind of events and those who listen: synchronous, in order, no buffering. */

export class EventTopic<T> {
  readonly #listeners = new Set<(event: T) => void>();

  /** The listener must not throw. The returned function ends the subscription and may be called twice. */
  subscribe(listener: (event: T) => void): () => void {
    const own = (event: T) => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  emit(event: T): void {
    for (const listener of this.#listeners) listener(event);
  }
}
