/**
 * A store for what can be done again: it waits for the disk once in so many batches, not each time. Batches take effect
 * in order, so a loss of power takes the last ones and leaves a database that is whole, only older.
 */
import { HEAD_KEY } from "../../storage/database-keys.ts";
import type { Kv } from "../../storage/kv.ts";

/** Batches that a loss of power can take. */
const UNSYNCED_MAX = 64;

export interface LazyKv extends Kv {
  /** Resolves when all that was written is durable. */
  flush(): Promise<void>;
}

export function syncedLazily(kv: Kv): LazyKv {
  let waiting = 0;
  return {
    get: (key) => kv.get(key),
    entries: (range) => kv.entries(range),
    close: () => kv.close(),
    async write(operations, { sync }) {
      if (sync) waiting = (waiting + 1) % UNSYNCED_MAX;
      await kv.write(operations, { sync: sync && waiting === 0 });
    },
    async flush() {
      const head = kv.get(HEAD_KEY);
      if (head !== undefined) await kv.write([{ kind: "put", key: HEAD_KEY, value: head }], { sync: true });
    },
  };
}
