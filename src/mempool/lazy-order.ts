/**
 * A heap that is put in order when somebody reads it. Between two readings an item that changes costs one place in a
 * set, so an order that nobody reads costs next to nothing. It knows nothing of transactions.
 */
import { IndexedHeap } from "./heap.ts";

export class LazyOrder<T> {
  readonly #heap: IndexedHeap<T>;
  readonly #belongs: (item: T) => boolean;
  /** Items that changed since the last reading: they are not in the heap. */
  readonly #loose = new Set<T>();

  /** @param belongs whether an item is in this order, as it is now. */
  constructor(before: (a: T, b: T) => boolean, belongs: (item: T) => boolean) {
    this.#heap = new IndexedHeap(before);
    this.#belongs = belongs;
  }

  /** Must be called before the key of `item` changes, and for a new one. */
  loosen(item: T): void {
    if (this.#loose.has(item)) return;
    this.#heap.remove(item);
    this.#loose.add(item);
  }

  /** For an item that is loose and will not come back. */
  forget(item: T): void {
    this.#loose.delete(item);
  }

  top(): T | undefined {
    this.#settle();
    return this.#heap.top();
  }

  /** All in order, lazily: the first k cost O(k log k). The order must not change meanwhile. */
  inOrder(): Iterator<T, undefined> {
    this.#settle();
    return this.#heap.inOrder();
  }

  #settle(): void {
    for (const item of this.#loose) if (this.#belongs(item)) this.#heap.add(item);
    this.#loose.clear();
  }
}
