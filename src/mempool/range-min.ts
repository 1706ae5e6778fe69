/**
 * A row of numbers that grows at its end, shrinks at both, and tells the least of any part of it in O(log n): a
 * segment tree over its positions. Nothing is written when the row shrinks, because a question only reads what is
 * still in it. It knows nothing of transactions.
 */
import { assert } from "../base/assert.ts";

const CAPACITY_MIN = 8;

export class RangeMin {
  /** Leaves are the last half; node i is the lesser of nodes 2i and 2i + 1. What was never written is undefined. */
  #nodes: (bigint | undefined)[];
  #capacity: number;
  /** The leaf of the row's first number. */
  #start = 0;
  #length = 0;

  constructor(values: readonly bigint[]) {
    this.#capacity = CAPACITY_MIN;
    this.#nodes = [];
    this.#rebuild(values);
  }

  get length(): number {
    return this.#length;
  }

  push(value: bigint): void {
    if (this.#start + this.#length === this.#capacity) this.#rebuild(this.#values());
    this.#length++;
    this.set(this.#length - 1, value);
  }

  set(index: number, value: bigint): void {
    assert(index >= 0 && index < this.#length, "only what is in the row is changed");
    const nodes = this.#nodes;
    let node = this.#capacity + this.#start + index;
    nodes[node] = value;
    for (node >>= 1; node > 0; node >>= 1) nodes[node] = lesser(nodes[2 * node], nodes[2 * node + 1]);
  }

  /** Takes the first `count` away. */
  dropFront(count: number): void {
    assert(count <= this.#length, "a row gives no more than it has");
    this.#start += count;
    this.#length -= count;
    if (this.#length === 0) this.#start = 0;
  }

  /** Keeps the first `length`. */
  truncate(length: number): void {
    assert(length <= this.#length, "a row is not made longer by cutting it");
    this.#length = length;
  }

  /** The least value at the indexes from `from` up to and without `to`, or undefined when there are none. */
  least(from: number, to: number): bigint | undefined {
    assert(from >= 0 && to <= this.#length, "a question is about what is in the row");
    let least: bigint | undefined;
    let left = this.#capacity + this.#start + from;
    let right = this.#capacity + this.#start + to;
    for (; left < right; left >>= 1, right >>= 1) {
      if (left % 2 === 1) least = lesser(least, this.#nodes[left++]);
      if (right % 2 === 1) least = lesser(least, this.#nodes[--right]);
    }
    return least;
  }

  #values(): bigint[] {
    const first = this.#capacity + this.#start;
    return this.#nodes.slice(first, first + this.#length) as bigint[];
  }

  /** Rebuilds with room for as many values again, so that it happens once in as many pushes. */
  #rebuild(values: readonly bigint[]): void {
    let capacity = CAPACITY_MIN;
    while (capacity < 2 * values.length) capacity *= 2;
    const nodes = new Array<bigint | undefined>(2 * capacity).fill(undefined);
    for (const [i, value] of values.entries()) nodes[capacity + i] = value;
    for (let i = capacity - 1; i > 0; i--) nodes[i] = lesser(nodes[2 * i], nodes[2 * i + 1]);
    this.#nodes = nodes;
    this.#capacity = capacity;
    this.#start = 0;
    this.#length = values.length;
  }
}

/** The lesser of two, either of which may be missing. */
export function lesser(a: bigint | undefined, b: bigint): bigint;
export function lesser(a: bigint | undefined, b: bigint | undefined): bigint | undefined;
export function lesser(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined) return b;
  return b === undefined || a <= b ? a : b;
}
