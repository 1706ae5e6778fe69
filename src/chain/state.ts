/**
 * State as layers: an overlay keeps what was written above a base that it only reads. A transaction runs on an
 * overlay of its block's overlay, which stands on the parent block's; nothing reaches the store before its block
 * is committed. Keys in maps are hex text, since byte arrays compare by identity.
 */
import { hex } from "../base/bytes.ts";
import type { StateReader, StateWriter } from "./modules/module.ts";

/** What changed: undefined = removed. */
export interface StateChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/** Changes by hex key; at most one a key. */
export type StateDiff = ReadonlyMap<string, StateChange>;

export class StateOverlay implements StateWriter {
  readonly #base: StateReader;
  readonly #changes = new Map<string, StateChange>();

  constructor(base: StateReader) {
    this.#base = base;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const change = this.#changes.get(hex(key));
    return change === undefined ? this.#base.get(key) : change.value;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#changes.set(hex(key), { key, value });
  }

  delete(key: Uint8Array): void {
    this.#changes.set(hex(key), { key, value: undefined });
  }

  /** The changes so far; the map is live. */
  diff(): StateDiff {
    return this.#changes;
  }

  /** Writes all changes into `target`, which must stand on the same base. */
  flushInto(target: StateWriter): void {
    for (const { key, value } of this.#changes.values()) {
      if (value === undefined) target.delete(key);
      else target.put(key, value);
    }
  }
}

/** A reader that sees `diff` above `base`. */
export function readThrough(diff: StateDiff, base: StateReader): StateReader {
  return {
    get(key) {
      const change = diff.get(hex(key));
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
