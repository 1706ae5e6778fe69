/**
 * A heap that is put in order when somebody reads it. Between two readings an item that changes costs one place in a
 * list, so an order that nobody reads costs next to nothing. It knows nothing of transactions.
 */
import { IndexedHeap } from "./heap.ts";

/** What stands in such orders: each order has a bit there, set while the item is in none of its places. */
export interface OrderItem {
  loose: number;
}

/** Forgotten items that are held whatever else there is, so that a short list is not gone through for each. */
const FORGOTTEN_MIN = 64;

export class LazyOrder<T extends OrderItem> {
  readonly #heap: IndexedHeap<T>;
  readonly #belongs: (item: T) => boolean;
  readonly #bit: number;
  /** Items that changed since the last reading: they are not in the heap. Those without the bit were forgotten. */
  #loose: T[] = [];
  /** How many of them were forgotten. */
  #forgotten = 0;

  /**
   * @param index of this order among those of its items, 0 to 30
   * @param belongs whether an item is in this order, as it is now
   */
  constructor(index: number, before: (a: T, b: T) => boolean, belongs: (item: T) => boolean) {
    this.#heap = new IndexedHeap(before);
    this.#belongs = belongs;
    this.#bit = 1 << index;
  }

  /** Must be called before the key of `item` changes, and for a new one. */
  loosen(item: T): void {
    if ((item.loose & this.#bit) !== 0) return;
    this.#heap.remove(item);
    item.loose |= this.#bit;
    this.#loose.push(item);
  }

  /** Items that are held, forgotten ones included: no more than twice as many as were not forgotten, and a few. */
  get held(): number {
    return this.#heap.size + this.#loose.length;
  }

  /** Forgets an item that is loose and will not come back. */
  forget(item: T): void {
    item.loose &= ~this.#bit;
    this.#forgotten++;
    // Where nobody reads (a validator that is never the primary), they would be held for ever.
    if (this.#forgotten <= FORGOTTEN_MIN || 2 * this.#forgotten <= this.#loose.length) return;
    this.#loose = this.#loose.filter(({ loose }) => (loose & this.#bit) !== 0);
    this.#forgotten = 0;
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
    if (this.#loose.length === 0) return;
    for (const item of this.#loose) {
      if ((item.loose & this.#bit) === 0) continue;
      item.loose &= ~this.#bit;
      if (this.#belongs(item)) this.#heap.add(item);
    }
    this.#loose = [];
    this.#forgotten = 0;
  }
}
