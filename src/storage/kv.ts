/**
 * The key-value port. Reads are synchronous (the ledger is), writes are atomic batches. `storage/level.ts` is
 * LevelDB, `storage/memory.ts` keeps everything in memory and can lose what was not synced, as a crash would.
 *
 * This folder: the key-value port and what is behind it, the log of records (record-log.ts) and its file, every key of
 * the database (database-keys.ts), files that are whole or not there. Not here: what the records mean (chain/store.ts,
 * consensus/pbft/journal.ts).
 */

export type KvOperation =
  | { readonly kind: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly kind: "delete"; readonly key: Uint8Array };

export interface KvRange {
  /** The lowest key, which is included. */
  readonly from: Uint8Array;
  /** The bound above all keys, which is not included. */
  readonly to: Uint8Array;
  readonly limit?: number;
  readonly reverse?: boolean;
}

export interface Kv {
  /** The value, or undefined. The caller must not change the returned bytes. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** Applies all operations or none. With `sync` they are durable when the promise resolves. */
  write(operations: readonly KvOperation[], options: { readonly sync: boolean }): Promise<void>;
  /** Entries in key order (bytewise), or in reverse. */
  entries(range: KvRange): Promise<readonly (readonly [Uint8Array, Uint8Array])[]>;
  close(): Promise<void>;
}

/** A store that can be read as it was at one moment, while it goes on. */
export interface FreezableKv extends Kv {
  /**
   * The store as it is now: what has taken effect is in it, whatever is written later is not. It takes no writes
   * (they reject) and must be closed, since the disk keeps for it what is deleted meanwhile.
   */
  freeze(): Kv;
}

/** A store on disk whose files can be made smaller. */
export interface DiskKv extends FreezableKv {
  /** Writes the tables of a range anew without what was deleted or replaced; everything if left out. */
  compact(range?: Pick<KvRange, "from" | "to">): Promise<void>;
}
