/** One kind of news and those who listen: synchronous, in order, no buffering. */

export class Topic<T> {
  readonly #listeners = new Set<(news: T) => void>();

  /** The listener must not throw. The returned function ends the subscription and may be called twice. */
  subscribe(listener: (news: T) => void): () => void {
    const own = (news: T) => listener(news);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  tell(news: T): void {
    for (const listener of this.#listeners) listener(news);
  }
}
