/**
 * The key-value store in memory, for tests and the simulator. It keeps LevelDB's contract and its weakness: a
 * write is seen when its promise resolves, writes take effect in the order of their calls, and a crash loses
 * what was written without `sync` since the last write with it. Promises resolve in microtasks only, so that
 * virtual time decides everything.
 */
import { assert, must } from "../base/assert.ts";
import { KV_UNSYNCED_WRITES_MAX } from "../base/limits.ts";
import type { FreezableKv, Kv, KvOperation, KvRange } from "./kv.ts";
import { keyBytes, keyText, lowerBound, SortedKeys } from "./sorted-keys.ts";

/** Values before a write, by key. Undefined where there was none. */
export type Undo = ReadonlyMap<string, Uint8Array | undefined>;

export class MemoryKv implements FreezableKv {
  readonly #values: Map<string, Uint8Array>;
  readonly #keys = new SortedKeys();
  /** Undo data of all writes, oldest first, if they are remembered. */
  readonly #history: Undo[] | undefined;
  /** Undo data of the writes that a crash would lose, oldest first. */
  #unsynced: Undo[] = [];
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  /**
   * @param values what a former store left (see {@link crash}); the map is taken over.
   * @param history of its writes, for {@link rollBack}. With undefined they are not remembered. Taken over as well.
   */
  constructor(values = new Map<string, Uint8Array>(), history?: Undo[]) {
    this.#values = values;
    this.#history = history;
    for (const key of values.keys()) this.#keys.add(key);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    if (this.#closed) throw new Error("the store is closed");
    return this.#values.get(keyText(key));
  }

  write(operations: readonly KvOperation[], options: { readonly sync: boolean }): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the store is closed"));
    if (operations.length === 0) return this.#tail;
    const own = operations.map(ownChange);
    this.#tail = this.#tail.then(() => this.#apply(own, options.sync));
    return this.#tail;
  }

  entries(range: KvRange): Promise<readonly (readonly [Uint8Array, Uint8Array])[]> {
    if (this.#closed) return Promise.reject(new Error("the store is closed"));
    const sorted = this.#keys.list(this.#values);
    const from = lowerBound(sorted, keyText(range.from));
    const to = lowerBound(sorted, keyText(range.to));
    const limit = range.limit ?? Number.POSITIVE_INFINITY;
    const found: [Uint8Array, Uint8Array][] = [];
    for (let i = 0; i < to - from && found.length < limit; i++) {
      const key = must(sorted[range.reverse === true ? to - 1 - i : from + i], "a key lies within the range");
      const value = this.#values.get(key);
      if (value !== undefined) found.push([keyBytes(key), value]);
    }
    return Promise.resolve(found);
  }

  freeze(): Kv {
    const frozen = new MemoryKv(new Map(this.#values));
    frozen.write = () => Promise.reject(new Error("a frozen store takes no writes"));
    return frozen;
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#tail;
  }

  /** How many writes have taken effect without being durable: the most that {@link crash} can keep or lose. */
  get unsyncedWrites(): number {
    return this.#unsynced.length;
  }

  /**
   * The store as the next start finds it after power was lost now: a new one, this one is left alone.
   * @param kept how many of the unsynced writes had reached the disk by chance, the oldest first.
   */
  crash(kept = 0): MemoryKv {
    assert(kept <= this.#unsynced.length, `a crash cannot keep ${kept} of ${this.#unsynced.length} writes`);
    return this.#before(this.#unsynced.slice(kept));
  }

  /** The store as it was so many writes ago, or empty; synced ones count too. The writes must be remembered. */
  rollBack(writes: number): MemoryKv {
    assert(this.#history !== undefined, "the writes were not remembered");
    return this.#before(this.#history.slice(-Math.min(writes, this.#history.length)));
  }

  /** A copy without the newest writes. */
  #before(undone: readonly Undo[]): MemoryKv {
    const values = new Map(this.#values);
    for (const undo of [...undone].reverse()) {
      for (const [key, value] of undo) {
        if (value === undefined) values.delete(key);
        else values.set(key, value);
      }
    }
    return new MemoryKv(values, this.#history?.slice(0, this.#history.length - undone.length));
  }

  #apply(changes: readonly Change[], sync: boolean): void {
    const undo = new Map<string, Uint8Array | undefined>();
    for (const { key, value } of changes) {
      const before = this.#values.get(key);
      if (!undo.has(key)) undo.set(key, before);
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, value);
      if (value !== undefined && before === undefined) this.#keys.add(key);
    }
    this.#history?.push(undo);
    if (sync) this.#unsynced = [];
    else this.#unsynced.push(undo);
    if (this.#unsynced.length > KV_UNSYNCED_WRITES_MAX) this.#unsynced.shift();
  }
}

/** An operation in memory of its own. */
interface Change {
  readonly key: string;
  /** The new value, or undefined when the key is deleted. */
  readonly value: Uint8Array | undefined;
}

function ownChange(operation: KvOperation): Change {
  const value = operation.kind === "put" ? operation.value.slice() : undefined;
  return { key: keyText(operation.key), value };
}
