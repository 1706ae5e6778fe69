/**
 * Things by author and key, each at a height: so many of each author and so many in all. Who brings more loses the highest of
 * its own, since the lowest heights are needed first; nobody takes a place from another before all places are taken.
 */
import type { ValidatorId } from "../../consensus/engine.ts";

interface Entry<T> {
  readonly author: ValidatorId;
  readonly key: string;
  readonly height: bigint;
  readonly value: T;
}

export class AuthoredMap<T> {
  readonly #perAuthorMax: number;
  readonly #totalMax: number;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(perAuthorMax: number, totalMax: number) {
    this.#perAuthorMax = perAuthorMax;
    this.#totalMax = totalMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(author: ValidatorId, key: string): T | undefined {
    return this.#entries.get(place(author, key))?.value;
  }

  /** What all authors together have under one key. */
  withKey(key: string): T[] {
    return [...this.#entries.values()].filter((entry) => entry.key === key).map(({ value }) => value);
  }

  /** What is new may be what has to go. */
  set(author: ValidatorId, key: string, height: bigint, value: T): void {
    this.#entries.set(place(author, key), { author, key, height, value });
    const own = [...this.#entries.values()].filter((entry) => entry.author === author);
    if (own.length > this.#perAuthorMax) this.#dropHighest(own);
    else if (this.#entries.size > this.#totalMax) this.#dropHighest([...this.#entries.values()]);
  }

  delete(author: ValidatorId, key: string): void {
    this.#entries.delete(place(author, key));
  }

  clear(): void {
    this.#entries.clear();
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const { value } of this.#entries.values()) yield value;
  }

  #dropHighest(entries: readonly Entry<T>[]): void {
    let highest = entries[0];
    for (const entry of entries) {
      if (highest === undefined || entry.height >= highest.height) highest = entry;
    }
    if (highest !== undefined) this.delete(highest.author, highest.key);
  }
}

function place(author: ValidatorId, key: string): string {
  return `${author} ${key}`;
}
