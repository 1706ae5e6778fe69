/**
 * A key-value store whose writes wait in memory, seen by every read, until they are passed on in one batch: so the
 * ledger's database never gets ahead of the SQL transaction that holds the rows of the same blocks.
 */
import { byteText, compareBytes } from "../base/bytes.ts";
import type { Kv, KvOperation, KvRange } from "../storage/kv.ts";

type KeyValue = readonly [Uint8Array, Uint8Array];

export class StagedKv implements Kv {
  readonly #base: Kv;
  readonly #keeps: (key: Uint8Array) => boolean;
  readonly #staged = new Map<string, KvOperation>();
  /** Told of each write. */
  onWrite: (operations: readonly KvOperation[]) => void = () => {};

  /** @param keeps what is worth storing; the rest is dropped as if it were deleted */
  constructor(base: Kv, keeps: (key: Uint8Array) => boolean) {
    this.#base = base;
    this.#keeps = keeps;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const staged = this.#staged.get(byteText(key));
    if (staged === undefined) return this.#base.get(key);
    return staged.kind === "put" ? staged.value : undefined;
  }

  async write(operations: readonly KvOperation[]): Promise<void> {
    for (const operation of operations)
      if (this.#keeps(operation.key)) this.#staged.set(byteText(operation.key), operation);
    this.onWrite(operations);
  }

  async entries(range: KvRange): Promise<readonly KeyValue[]> {
    const within = [...this.#staged.values()].filter(
      ({ key }) => compareBytes(key, range.from) >= 0 && compareBytes(key, range.to) < 0,
    );
    if (within.length === 0) return this.#base.entries(range);
    const { limit = Number.POSITIVE_INFINITY, ...whole } = range;
    const merged = new Map<string, KeyValue>();
    for (const entry of await this.#base.entries(whole)) merged.set(byteText(entry[0]), entry);
    for (const operation of within) {
      if (operation.kind === "put") merged.set(byteText(operation.key), [operation.key, operation.value]);
      else merged.delete(byteText(operation.key));
    }
    const sorted = [...merged.values()].sort(([a], [b]) => compareBytes(a, b));
    return (range.reverse === true ? sorted.reverse() : sorted).slice(0, limit);
  }

  /** Passes on what waits, in one batch. It is not synced: what a crash loses is computed again. */
  async flush(): Promise<void> {
    await this.#base.write([...this.#staged.values()], { sync: false });
    this.#staged.clear();
  }

  close(): Promise<void> {
    return this.#base.close();
  }
}
