/**
 * Seeded randomness that splits: a stream is named by its path of labels and depends on nothing that other streams
 * have drawn, so that removing one fault of a schedule does not shift the others. Not for secrets.
 * Source: sfc32 (Chris Doty-Humphrey, PractRand), seeded by an FNV-1a hash of the path.
 */

export class Random {
  readonly #path: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param path names the stream; equal paths give equal numbers */
  constructor(path: string | number) {
    this.#path = String(path);
    this.#a = hashText(this.#path, 0x811c9dc5);
    this.#b = hashText(this.#path, 0x9e3779b9);
    this.#c = hashText(this.#path, 0x85ebca6b);
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** Another stream, whatever was drawn from this one. */
  split(label: string | number): Random {
    return new Random(`${this.#path}/${label}`);
  }

  /** 0 to 2^32 - 1. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A number in [0, 1). */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** Picks one of the items. */
  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.fraction() * items.length)] as T; // which may hold undefined
  }

  /** The items in another order. */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      const [one, other] = [shuffled[i], shuffled[j]] as [T, T]; // both indexes are below the length
      [shuffled[i], shuffled[j]] = [other, one];
    }
    return shuffled;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.uint32() & 0xff);
  }
}

function hashText(text: string, basis: number): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // The last characters have hardly moved the upper bits: mix (murmur3's finish).
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
