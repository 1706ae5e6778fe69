/**
 * Which parts of the paths are there, and from whom: chunks come in any order and from anybody, and each was checked
 * under the state root. One state has one form, so a chunk that another one contains, or that fits into one with its
 * sibling, came from somebody who split the state finer than it is. Pure.
 */

import {
  entryBytes,
  fitsChunk,
  PATHS_END,
  type StateChunk,
  spanOf,
} from "../../chain/snapshot/state-chunk.ts";
import { isAccountKey } from "../../chain/state/state-keys.ts";

interface HeldChunk {
  readonly from: bigint;
  readonly to: bigint;
  readonly bytes: number;
  readonly entries: number;
  readonly accounts: number;
  /** The peer that gave it. Undefined when it was here already as this process began. */
  readonly giver: string | undefined;
}

/** What came of a chunk. */
export interface Placed {
  /** Whether it is to be kept. */
  readonly isKept: boolean;
  /** Paths at which chunks begin that are to be dropped. */
  readonly dropped: readonly bigint[];
  /** Peers that gave what no honest one gives. */
  readonly liars: readonly string[];
}

/** Slots in which the first questions are spread: 2^16 at most. */
const SLOT_BITS_MAX = 16;

export class ChunkMap {
  /** The chunks by where they begin. */
  readonly #held = new Map<bigint, HeldChunk>();
  #covered = 0n;

  get isWhole(): boolean {
    return this.#covered === PATHS_END;
  }

  /** The part of all paths that is there, 0 to 1. */
  get part(): number {
    return Number((this.#covered * 10_000n) / PATHS_END) / 10_000;
  }

  get count(): number {
    return this.#held.size;
  }

  counts(): { readonly entries: bigint; readonly accounts: bigint } {
    let [entries, accounts] = [0n, 0n];
    for (const held of this.#held.values()) {
      entries += BigInt(held.entries);
      accounts += BigInt(held.accounts);
    }
    return { entries, accounts };
  }

  /** A chunk that was checked under the state root. */
  place(chunk: StateChunk, giver: string | undefined): Placed {
    const { from, to } = spanOf(chunk);
    const around = this.#containing(from, to);
    if (around !== undefined) {
      const isSame = around.from === from && around.to === to;
      return { isKept: false, dropped: [], liars: isSame ? [] : named([giver]) };
    }
    const inside = [...this.#held.values()].filter((held) => held.from >= from && held.to <= to);
    const held = heldOf(chunk, giver);
    const sibling = this.#sibling(chunk, held);
    const finer = sibling === undefined ? inside : [...inside, sibling];
    for (const { from: start } of finer) this.#remove(start);
    const liars = named([...finer.map((each) => each.giver), ...(sibling === undefined ? [] : [giver])]);
    if (sibling === undefined) this.#add(held);
    return { isKept: sibling === undefined, dropped: finer.map((each) => each.from), liars };
  }

  /** Where to begin to ask: spread over all paths, as many places as there may be chunks. */
  slots(chunks: number): bigint[] {
    const bits = Math.min(SLOT_BITS_MAX, Math.floor(Math.log2(Math.max(1, chunks))));
    const width = PATHS_END >> BigInt(bits);
    const all = Array.from({ length: 2 ** bits }, (_, i) => BigInt(i) * width);
    return all.filter((position) => !this.covers(position));
  }

  /** Where the parts begin that are missing. */
  gaps(): bigint[] {
    const sorted = [...this.#held.values()].sort((a, b) => (a.from < b.from ? -1 : 1));
    const gaps: bigint[] = [];
    let next = 0n;
    for (const { from, to } of sorted) {
      if (from > next) gaps.push(next);
      next = to;
    }
    if (next < PATHS_END) gaps.push(next);
    return gaps;
  }

  covers(position: bigint): boolean {
    return this.#containing(position, position + 1n) !== undefined;
  }

  /** The subtrees around a place begin where its lower bits are zero: 257 look-ups at most. */
  #containing(from: bigint, to: bigint): HeldChunk | undefined {
    let start = from;
    for (let bit = 0n; bit <= 256n; bit++) {
      const held = this.#held.get(start);
      if (held !== undefined && held.to >= to) return held;
      start = (start >> (bit + 1n)) << (bit + 1n);
    }
    return undefined;
  }

  /** The other half, if both are one chunk. */
  #sibling({ depth }: StateChunk, { from, to, bytes, entries }: HeldChunk): HeldChunk | undefined {
    if (depth === 0) return undefined;
    const width = to - from;
    const other = this.#held.get((from / width) % 2n === 0n ? to : from - width);
    if (other === undefined || other.to - other.from !== width) return undefined;
    return fitsChunk(bytes + other.bytes, entries + other.entries) ? other : undefined;
  }

  #add(held: HeldChunk): void {
    this.#held.set(held.from, held);
    this.#covered += held.to - held.from;
  }

  #remove(from: bigint): void {
    const held = this.#held.get(from);
    if (held === undefined) return;
    this.#held.delete(from);
    this.#covered -= held.to - held.from;
  }
}

function heldOf(chunk: StateChunk, giver: string | undefined): HeldChunk {
  const { entries } = chunk;
  const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  const accounts = entries.filter(({ key }) => isAccountKey(key)).length;
  return { ...spanOf(chunk), bytes, entries: entries.length, accounts, giver };
}

function named(givers: readonly (string | undefined)[]): string[] {
  return [...new Set(givers.flatMap((giver) => giver ?? []))];
}
