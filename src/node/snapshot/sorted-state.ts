/**
 * The state of a ledger by the hash of its keys, which the database has by key: the entries go through a scratch
 * database, which sorts them, and come out as the subtrees that are one chunk each. In memory is one chunk at a time.
 */
import { assert, must } from "../../base/assert.ts";
import { concatBytes, type Hash } from "../../base/bytes.ts";
import { KV_SCAN_STEP } from "../../base/limits.ts";
import {
  entryBytes,
  fitsChunk,
  PATHS_END,
  type StateChunk,
  type StateEntry,
  spanOf,
} from "../../chain/snapshot/state-chunk.ts";
import type { StateDiff } from "../../chain/state/state-overlay.ts";
import { hashStateKey } from "../../chain/state/state-proof.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { keyOfStateKey, STATE_RANGE } from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";

/** How long work is done in slices. */
export interface Slices {
  /** Awaited between slices of work, so that others have their turn. */
  readonly pause: () => Promise<void>;
  /** Does a slice of work that nothing can interrupt; for whoever measures how long others wait. */
  readonly slice: <T>(work: () => T) => T;
}

export interface SortPorts extends Slices {
  /** The node's database. */
  readonly kv: Kv;
  /** An empty database for sorting, which takes about as much as the state. */
  readonly scratch: Kv;
  /** What is different in the state that is wanted from the one that the database has. */
  readonly changes: StateDiff;
}

/** What scratch keys begin with: LevelDB's adapter keeps keys that begin with 0xff for itself. */
const SORTED = Uint8Array.of(0x00);
const SORTED_END = Uint8Array.of(0x01);

/** Sorts the state by the hash of its keys: 0x00 | key hash -> key bytes16 | value. */
export async function sortState({ kv, scratch, changes, slice, pause }: SortPorts): Promise<void> {
  let from: Uint8Array = STATE_RANGE.from;
  for (;;) {
    const found = await kv.entries({ from, to: STATE_RANGE.to, limit: KV_SCAN_STEP });
    await slice(() =>
      scratch.write(
        found.map(([key, value]) => sortedOperation(keyOfStateKey(key), value)),
        { sync: false },
      ),
    );
    await pause();
    if (found.length < KV_SCAN_STEP) break;
    from = concatBytes(must(found.at(-1), "a full step has a last entry")[0], Uint8Array.of(0x00));
  }
  const changed = [...changes.values()].map(({ key, value }) => sortedOperation(key, value));
  for (let at = 0; at < changed.length; at += KV_SCAN_STEP) {
    await slice(() => scratch.write(changed.slice(at, at + KV_SCAN_STEP), { sync: false }));
    await pause();
  }
}

function sortedOperation(key: Uint8Array, value: Uint8Array | undefined): KvOperation {
  if (value === undefined) return { kind: "delete", key: concatBytes(SORTED, hashStateKey(key)) };
  const entry = new Writer(2 + key.length + value.length).bytes16(key).raw(value).finish();
  return { kind: "put", key: concatBytes(SORTED, hashStateKey(key)), value: entry };
}

/** The subtrees that are one chunk each, ascending by path. */
export async function* subtrees(
  scratch: Kv,
  depth: number,
  path: Hash,
): AsyncGenerator<Pick<StateChunk, "depth" | "path" | "entries">> {
  const entries = await readSubtree(scratch, depth, path);
  if (entries !== undefined) {
    yield { depth, path, entries };
    return;
  }
  assert(depth < 256, "no two keys have the same hash");
  const right = path.slice() as Hash;
  right[depth >>> 3] =
    must(right[depth >>> 3], "a depth below 256 is a bit of a hash") | (0x80 >>> (depth & 7));
  yield* subtrees(scratch, depth + 1, path);
  yield* subtrees(scratch, depth + 1, right);
}

/** Reads the entries below a path. Undefined where they are too many for one chunk. */
async function readSubtree(scratch: Kv, depth: number, path: Hash): Promise<StateEntry[] | undefined> {
  const entries: StateEntry[] = [];
  const to = keyOfPosition(spanOf({ depth, path }).to);
  let bytes = 0;
  let from: Uint8Array = concatBytes(SORTED, path);
  for (;;) {
    const found = await scratch.entries({ from, to, limit: KV_SCAN_STEP });
    for (const [, value] of found) {
      const reader = new Reader(value);
      const entry = { key: reader.bytes16(0xffff), value: reader.raw(reader.remaining) };
      bytes += entryBytes(entry);
      entries.push(entry);
    }
    if (!fitsChunk(bytes, entries.length)) return undefined;
    if (found.length < KV_SCAN_STEP) return entries;
    from = concatBytes(must(found.at(-1), "a full step has a last entry")[0], Uint8Array.of(0x00));
  }
}

function keyOfPosition(position: bigint): Uint8Array {
  if (position === PATHS_END) return SORTED_END;
  const writer = new Writer(33).raw(SORTED);
  for (let shift = 192n; shift >= 0n; shift -= 64n) writer.u64((position >> shift) & 0xffffffffffffffffn);
  return writer.finish();
}
