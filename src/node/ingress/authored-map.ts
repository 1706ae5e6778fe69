/**
 * Things by key, so many of each author and so many in all: at an author's bound the oldest of its own gives way, so that one
 * author takes nothing from another before all are many.
 */
import { dropOldest } from "../../base/drop-oldest.ts";
import type { ValidatorId } from "../../consensus/engine.ts";

interface Entry<T> {
  readonly author: ValidatorId;
  readonly value: T;
}

export class AuthoredMap<T> {
  readonly #perAuthorMax: number;
  readonly #totalMax: number;
  /** The oldest come first. */
  readonly #entries = new Map<string, Entry<T>>();

  constructor(perAuthorMax: number, totalMax: number) {
    this.#perAuthorMax = perAuthorMax;
    this.#totalMax = totalMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: string, author: ValidatorId, value: T): void {
    const own = [...this.#entries].filter((entry) => entry[1].author === author);
    const [oldest] = own;
    if (oldest !== undefined && own.length >= this.#perAuthorMax) this.#entries.delete(oldest[0]);
    else if (this.#entries.size >= this.#totalMax) dropOldest(this.#entries);
    this.#entries.set(key, { author, value });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  *[Symbol.iterator](): IterableIterator<readonly [string, T]> {
    for (const [key, { value }] of this.#entries) yield [key, value];
  }
}
