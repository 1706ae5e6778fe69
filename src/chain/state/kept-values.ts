/**
 * Values of the committed state in memory, by the text of their key: senders come again and again, and a read from the store
 * costs more than all else that is done with an account. What is held equals what the store holds at that moment, also
 * while a block is being written, when a reader may see the store before or after. The oldest entries make room.
 */
import { byteText } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import type { Layer, StateDiff } from "./state-overlay.ts";

/** An account takes some 250 bytes with its key. */
const KEPT_VALUES_MAX = 65_536;
/** Longer ones are not kept. */
export const KEPT_VALUE_BYTES_MAX = 256;

export class KeptValues implements Layer {
  readonly #read: (key: Uint8Array) => Uint8Array | undefined;
  readonly #countMax: number;
  readonly #values = new Map<string, Uint8Array>();
  #isSuspended = false;

  /** @param read from the store */
  constructor(read: (key: Uint8Array) => Uint8Array | undefined, countMax = KEPT_VALUES_MAX) {
    this.#read = read;
    this.#countMax = countMax;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.find(byteText(key), key);
  }

  find(id: string, key: Uint8Array): Uint8Array | undefined {
    const kept = this.#values.get(id);
    if (kept !== undefined) return kept;
    const value = this.#read(key);
    if (value !== undefined && !this.#isSuspended) this.#keep(id, value);
    return value;
  }

  /** Is called before the store is given these changes: until {@link resume} only the store answers for them. */
  suspend(diff: StateDiff): void {
    this.#isSuspended = true;
    for (const id of diff.keys()) this.#values.delete(id);
  }

  /** The store has the changes. */
  resume(diff: StateDiff): void {
    this.#isSuspended = false;
    for (const [id, { value }] of diff) if (value !== undefined) this.#keep(id, value);
  }

  #keep(id: string, value: Uint8Array): void {
    if (value.length > KEPT_VALUE_BYTES_MAX) return;
    this.#values.delete(id);
    this.#values.set(id, value);
    if (this.#values.size > this.#countMax) dropOldest(this.#values);
  }
}
