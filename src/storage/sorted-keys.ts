/**
 * The key order of the store in memory. Keys arrive in any order and are sorted only when somebody asks for it:
 * a few new ones are inserted in place, many are sorted among themselves and merged into the old.
 * Keys are byte strings written as text, one character (0-255) a byte: text order is then byte order.
 */
import { must } from "../base/assert.ts";
import { byteText } from "../base/bytes.ts";

/** Bytes as text, one character a byte. */
export const keyText = byteText;

export function keyBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

// Inserting moves the rest of the array, which costs about as much as merging a thousand keys (measured).
const INSERT_MAX = 256;

export class SortedKeys {
  #sorted: string[] = [];
  #added: string[] = [];

  /** A key that the store did not hold; it may still stand here from before its deletion. */
  add(key: string): void {
    this.#added.push(key);
  }

  /** The keys of `live` in order. A deleted one may be among them until the next sweep. */
  list(live: ReadonlyMap<string, unknown>): readonly string[] {
    if (this.#added.length > INSERT_MAX) this.#sorted = merge(this.#sorted, this.#added.sort(compareText));
    else for (const key of this.#added) insert(this.#sorted, key);
    this.#added = [];
    if (this.#sorted.length > 2 * live.size + INSERT_MAX) {
      this.#sorted = this.#sorted.filter((key) => live.has(key));
    }
    return this.#sorted;
  }
}

/** The index of the first key that is not less than `key`. */
export function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (must(sorted[middle], "the middle lies within the keys") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function insert(sorted: string[], key: string): void {
  const index = lowerBound(sorted, key);
  if (sorted[index] !== key) sorted.splice(index, 0, key);
}

/** Both lists in order, without doubles. */
function merge(a: readonly string[], b: readonly string[]): string[] {
  const merged: string[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const fromA = a[i];
    const fromB = b[j];
    const takesA = fromB === undefined || (fromA !== undefined && fromA <= fromB);
    const key = takesA ? fromA : fromB;
    if (key === undefined) return merged;
    if (takesA) i++;
    else j++;
    if (key !== merged[merged.length - 1]) merged.push(key);
  }
}
