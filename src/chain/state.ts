/**
 * State as layers: an overlay keeps what was written above a base that it only reads. A transaction runs on an
 * overlay of its block's overlay, which stands on the parent block's; nothing reaches the store before its block
 * is committed.
 */
import { byteText } from "../base/bytes.ts";
import type { StateReader, StateWriter } from "./modules/module.ts";

/** What changed: undefined = removed. */
export interface StateChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Changes by the text of their key (byteText); at most one a key. */
export type StateDiff = ReadonlyMap<string, StateChange>;

/** A layer that can be asked by the text of a key, so that a stack of them makes it once. */
interface Layer extends StateReader {
  /** @param id byteText(key) */
  find(id: string, key: Uint8Array): Uint8Array | undefined;
}

function layerOf(reader: StateReader | Layer): Layer {
  if ("find" in reader) return reader;
  return { get: (key) => reader.get(key), find: (_, key) => reader.get(key) };
}

export class StateOverlay implements StateWriter, Layer {
  readonly #base: Layer;
  readonly #changes = new Map<string, StateChange>();

  constructor(base: StateReader) {
    this.#base = layerOf(base);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.find(byteText(key), key);
  }

  find(id: string, key: Uint8Array): Uint8Array | undefined {
    const change = this.#changes.get(id);
    return change === undefined ? this.#base.find(id, key) : change.value;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#changes.set(byteText(key), { key, value });
  }

  delete(key: Uint8Array): void {
    this.#changes.set(byteText(key), { key, value: undefined });
  }

  /** The changes so far; the map is live. */
  diff(): StateDiff {
    return this.#changes;
  }

  /** Moves all changes into `target`, the overlay on which this one stands. */
  flushInto(target: StateOverlay): void {
    for (const [id, change] of this.#changes) target.#changes.set(id, change);
  }
}

/** Asks `base` for each key once: for as long as it does not change, during the execution of one block. */
export class ReadOnce implements Layer {
  readonly #base: Layer;
  readonly #known = new Map<string, Uint8Array | undefined>();

  constructor(base: StateReader) {
    this.#base = layerOf(base);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.find(byteText(key), key);
  }

  find(id: string, key: Uint8Array): Uint8Array | undefined {
    const known = this.#known.get(id);
    if (known !== undefined || this.#known.has(id)) return known;
    const value = this.#base.find(id, key);
    this.#known.set(id, value);
    return value;
  }
}

/** A reader that sees `diff` above `base`. */
export function readThrough(diff: StateDiff, base: StateReader): StateReader {
  return {
    get(key) {
      const change = diff.get(byteText(key));
      return change === undefined ? base.get(key) : change.value;
    },
  };
}

/** The prior values of everything `diff` touches: applying it to the state after `diff` gives back `before`. */
export function invertDiff(diff: StateDiff, before: StateReader): StateDiff {
  const inverse = new Map<string, StateChange>();
  for (const [id, { key }] of diff) inverse.set(id, { key, value: before.get(key) });
  return inverse;
}
