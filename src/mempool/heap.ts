/**
 * A binary heap that knows where its items are, so that one can be removed or moved after its key changed, and
 * that can be read in order without being taken apart. It knows nothing of transactions.
 */
import { assert, must } from "../base/assert.ts";

export class IndexedHeap<T> {
  readonly #items: T[] = [];
  readonly #positions = new Map<T, number>();
  readonly #before: (a: T, b: T) => boolean;

  /** @param before a strict order: whether `a` comes out before `b`. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  has(item: T): boolean {
    return this.#positions.has(item);
  }

  /** The item that comes before all others. */
  top(): T | undefined {
    return this.#items[0];
  }

  add(item: T): void {
    assert(!this.#positions.has(item), "an item is in a heap once");
    this.#items.push(item);
    this.#positions.set(item, this.#items.length - 1);
    this.#rise(this.#items.length - 1, item);
  }

  /** Takes `item` out; nothing happens when it is not there. Its key must be the one it was placed by. */
  remove(item: T): void {
    const position = this.#positions.get(item);
    if (position === undefined) return;
    this.#positions.delete(item);
    const last = must(this.#items.pop(), "a heap that holds an item is not empty");
    if (last !== item) this.#place(position, last);
  }

  /** Restores the order after the key of one item changed. An item that is not there is added. */
  update(item: T): void {
    const position = this.#positions.get(item);
    if (position === undefined) this.add(item);
    else this.#place(position, item);
  }

  /** All items in order, lazily: the first k cost O(k log k). The heap must not change meanwhile. */
  *inOrder(): Generator<T, undefined> {
    const frontier = new IndexedHeap<number>((a, b) => this.#before(this.#at(a), this.#at(b)));
    if (this.#items.length > 0) frontier.add(0);
    for (let position = frontier.top(); position !== undefined; position = frontier.top()) {
      frontier.remove(position);
      yield this.#at(position);
      for (const child of [2 * position + 1, 2 * position + 2]) {
        if (child < this.#items.length) frontier.add(child);
      }
    }
    return undefined;
  }

  #place(position: number, item: T): void {
    if (this.#rise(position, item) === position) this.#sink(position, item);
  }

  /** Moves `item` up from a free `position`; returns where it came to rest. */
  #rise(position: number, item: T): number {
    let free = position;
    while (free > 0) {
      const parent = (free - 1) >> 1;
      const above = this.#at(parent);
      if (!this.#before(item, above)) break;
      this.#put(free, above);
      free = parent;
    }
    this.#put(free, item);
    return free;
  }

  #sink(position: number, item: T): void {
    let free = position;
    for (let child = 2 * free + 1; child < this.#items.length; child = 2 * free + 1) {
      const right = child + 1;
      if (right < this.#items.length && this.#before(this.#at(right), this.#at(child))) child = right;
      const below = this.#at(child);
      if (!this.#before(below, item)) break;
      this.#put(free, below);
      free = child;
    }
    this.#put(free, item);
  }

  #at(position: number): T {
    return must(this.#items[position], "a position lies within its heap");
  }

  #put(position: number, item: T): void {
    if (this.#items[position] === item) return;
    this.#items[position] = item;
    this.#positions.set(item, position);
  }
}
