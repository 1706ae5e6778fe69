/** A page of the entries of a module's map, ascending by the bytes of their keys. */
import { concatBytes, hex0x } from "../../base/bytes.ts";
import type { Json } from "../../chain/modules/module.ts";
import { nameStateKey } from "../../chain/modules/state-names.ts";
import type { NodeApi } from "../api.ts";
import { CallError } from "../errors.ts";
import type { StateRange } from "../schemas/module-path.ts";

/** Entries of one page of state_query, at most and by default. */
export const RPC_ENTRIES_MAX = 1_000;
export const RPC_ENTRIES_DEFAULT = 100;
/** Stored bytes after which a page of entries ends, with the entry that passes it. */
const RPC_ENTRIES_BYTES_MAX = 1024 * 1024;
/** Entries read at once: with the largest values 2 MiB. */
const STEP = 32;

export interface PageOrder {
  readonly limit?: number | undefined;
  /** The key of the last entry of the page before. */
  readonly cursor?: Uint8Array | undefined;
}

interface ShownEntry {
  readonly path: string;
  readonly stateKey: string;
  /** The key as the declaration has it. */
  readonly key: Json;
  readonly value: Json;
}

/** @param pause is called between two reads */
export async function listEntries(
  api: NodeApi,
  { module, prefix }: StateRange,
  { limit = RPC_ENTRIES_DEFAULT, cursor }: PageOrder,
  pause: () => Promise<void>,
) {
  if (cursor !== undefined && !startsWith(cursor, prefix)) {
    throw new CallError("INVALID_PARAMS", `cursor: ${hex0x(cursor)} is of no page below ${hex0x(prefix)}`);
  }
  const to = behind(prefix);
  const entries: ShownEntry[] = [];
  let from = cursor === undefined ? prefix : concatBytes(cursor, Uint8Array.of(0));
  let last: Uint8Array | undefined;
  for (let bytes = 0; entries.length < limit && bytes < RPC_ENTRIES_BYTES_MAX; ) {
    const asked = Math.min(STEP, limit - entries.length);
    const read = await api.ledger.entries({ from, to, limit: asked });
    for (const { key, value } of read) {
      const { path, declared, open } = nameStateKey(key, [module]);
      entries.push({ path, stateKey: hex0x(key), key: declared?.key ?? null, value: open(value) });
      bytes += key.length + value.length;
      last = key;
    }
    if (read.length < asked || last === undefined) return { entries, cursor: null };
    from = concatBytes(last, Uint8Array.of(0));
    await pause();
  }
  const isMore = last !== undefined && (await api.ledger.entries({ from, to, limit: 1 })).length > 0;
  return { entries, cursor: isMore && last !== undefined ? hex0x(last) : null };
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, i) => bytes[i] === byte);
}

/** The first key that does not begin with these bytes. */
function behind(prefix: Uint8Array): Uint8Array {
  const end = prefix.slice();
  for (let i = end.length - 1; i >= 0; i--) {
    const next = (end[i] ?? 0) + 1;
    end[i] = next & 0xff;
    if (next <= 0xff) return end.subarray(0, i + 1);
  }
  return Uint8Array.of(0xff);
}
