/**
 * A store whose next synced write is held back and lands at a chosen read, as LevelDB's may, which writes on a thread
 * of its own: a batch takes effect between any two synchronous reads, and whoever wrote it is told later.
 */

import type { Kv, KvOperation, KvRange } from "../../src/storage/kv.ts";
import { MemoryKv } from "../../src/storage/memory.ts";
import { keyBytes, keyText } from "../../src/storage/sorted-keys.ts";

export class StagedKv implements Kv {
  readonly #kv = new MemoryKv();
  #isHolding = false;
  #held: readonly KvOperation[] | undefined;
  /** What the held batch made of keys, once it has landed. */
  #landed: ReadonlyMap<string, Uint8Array | undefined> | undefined;
  #release: (() => void) | undefined;
  #readsLeft = Number.POSITIVE_INFINITY;

  /** The next synced write is held back. */
  hold(): void {
    this.#isHolding = true;
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** The held batch lands before the read after so many reads. */
  landAfter(reads: number): void {
    this.#readsLeft = reads;
  }

  get hasLanded(): boolean {
    return this.#landed !== undefined;
  }

  /** Whoever wrote the held batch is told. */
  release(): void {
    this.#release?.();
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#count();
    const id = keyText(key);
    return this.#landed?.has(id) === true ? this.#landed.get(id) : this.#kv.get(key);
  }

  async entries(range: KvRange): Promise<readonly (readonly [Uint8Array, Uint8Array])[]> {
    await settle();
    this.#count();
    const { from, to, reverse, limit } = range;
    const found = new Map(
      (await this.#kv.entries({ from, to })).map(([key, value]) => [keyText(key), value]),
    );
    for (const [id, value] of this.#landed ?? []) {
      if (id < keyText(from) || id >= keyText(to)) continue;
      if (value === undefined) found.delete(id);
      else found.set(id, value);
    }
    const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
    if (reverse === true) sorted.reverse();
    return sorted.slice(0, limit).map(([id, value]) => [keyBytes(id), value]);
  }

  async write(operations: readonly KvOperation[], options: { readonly sync: boolean }): Promise<void> {
    if (this.#isHolding && options.sync) {
      this.#isHolding = false;
      this.#held = operations;
      await new Promise<void>((resolve) => {
        this.#release = resolve;
      });
      this.#held = undefined;
      this.#landed = undefined;
      this.#readsLeft = Number.POSITIVE_INFINITY;
    }
    await this.#kv.write(operations, options);
  }

  close(): Promise<void> {
    return this.#kv.close();
  }

  #count(): void {
    if (this.#held === undefined || this.#landed !== undefined || this.#readsLeft-- > 0) return;
    const written = (operation: KvOperation) => (operation.kind === "put" ? operation.value : undefined);
    this.#landed = new Map(this.#held.map((operation) => [keyText(operation.key), written(operation)]));
  }
}

/** Reading a range takes LevelDB a turn of the loop at least. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
