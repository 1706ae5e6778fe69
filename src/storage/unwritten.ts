/**
 * A store over another one that is not to be changed: what is written is kept in memory, read from there, and gone when it
 * is closed. For a look at a stopped node's database with the code that would write to it.
 */
import { compareBytes } from "../base/bytes.ts";
import type { Kv, KvOperation, KvRange } from "./kv.ts";
import { keyBytes, keyText } from "./sorted-keys.ts";

type KeyValue = readonly [Uint8Array, Uint8Array];

/** @param base is read and never written; who made it closes it */
export function unwritten(base: Pick<Kv, "get" | "entries">): Kv {
  const changed = new Map<string, Uint8Array | undefined>();
  return {
    get(key) {
      const text = keyText(key);
      return changed.has(text) ? changed.get(text) : base.get(key);
    },
    write(operations) {
      for (const operation of operations) changed.set(keyText(operation.key), valueIn(operation));
      return Promise.resolve();
    },
    async entries(range) {
      const { limit = Number.POSITIVE_INFINITY } = range;
      // So many more as may turn out to be replaced.
      const more = limit === Number.POSITIVE_INFINITY ? {} : { limit: limit + changed.size };
      const found = await base.entries({
        from: range.from,
        to: range.to,
        reverse: range.reverse === true,
        ...more,
      });
      return merged(found, changed, range).slice(0, limit);
    },
    close: () => Promise.resolve(),
  };
}

function valueIn(operation: KvOperation): Uint8Array | undefined {
  return operation.kind === "put" ? operation.value.slice() : undefined;
}

function merged(
  found: readonly KeyValue[],
  changed: ReadonlyMap<string, Uint8Array | undefined>,
  { from, to, reverse }: KvRange,
): KeyValue[] {
  if (changed.size === 0) return [...found];
  const entries: KeyValue[] = found.filter(([key]) => !changed.has(keyText(key)));
  for (const [text, value] of changed) {
    const key = keyBytes(text);
    const isInside = compareBytes(key, from) >= 0 && compareBytes(key, to) < 0;
    if (value !== undefined && isInside) entries.push([key, value]);
  }
  const sign = reverse === true ? -1 : 1;
  return entries.toSorted(([a], [b]) => sign * compareBytes(a, b));
}
