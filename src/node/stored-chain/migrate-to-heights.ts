/**
 * Database format 3 to 4: the bodies, seals, receipts and undo data of blocks move from the block's hash to its height
 * and hash, and the index of transactions to shorter keys. One block is moved whole, in one batch.
 *
 * What format 3 had:
 *   0x02 | block hash 32             -> body
 *   0x03 | block hash 32             -> seal
 *   0x04 | block hash 32             -> receipts
 *   0x05 | block hash 32             -> undo
 *   0x07 | txid 32 | block hash 32   -> index u32 in that block
 */
import { concatBytes, EMPTY, type Hash } from "../../base/bytes.ts";
import { type BlockHead, placeOf, readBlockHead, readBody } from "../../chain/types/block.ts";
import { decode, Reader } from "../../codec/reader.ts";
import {
  type BlockPlace,
  bodyKey,
  HEAD_KEY,
  headKey,
  receiptsKey,
  sealKey,
  transactionKeys,
  undoKey,
} from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";
import type { StepProgress } from "./migrations.ts";
import { stepsOf } from "./rebuild-chain.ts";

const HEADS = { from: Uint8Array.of(0x01), to: Uint8Array.of(0x02) };
const BODY = 0x02;
const MOVED: readonly (readonly [number, (place: BlockPlace) => Uint8Array])[] = [
  [BODY, bodyKey],
  [0x03, sealKey],
  [0x04, receiptsKey],
  [0x05, undoKey],
];

/** It was within the chain's limits when it was stored. */
const ANY = { maxTxBytes: 0xffff, maxBlockBytes: Number.MAX_SAFE_INTEGER, maxBlockTransactions: 0xffffffff };

/** A batch is written when it has so many operations or bytes; its last block may go beyond. */
const [BATCH_OPERATIONS, BATCH_BYTES] = [4_096, 4_194_304];

/** Moves what is not moved yet. Counts blocks; those beside the chain come on top of the total. */
export async function moveToHeights(kv: Kv, progress: StepProgress): Promise<void> {
  const total = heightOfHead(kv) + 1;
  let [blocks, bytes] = [0, 0];
  let operations: KvOperation[] = [];
  for await (const step of stepsOf(kv, HEADS)) {
    for (const [key, value] of step) {
      const place = { ...placeOf(readBlockHead(new Reader(value))), hash: key.slice(1) as Hash };
      const moved = moveBlock(kv, place);
      operations.push(...moved);
      bytes += bytesOf(moved);
      progress(Math.min(++blocks, total), total);
      if (operations.length < BATCH_OPERATIONS && bytes < BATCH_BYTES) continue;
      await kv.write(operations, { sync: false });
      [operations, bytes] = [[], 0];
    }
  }
  await kv.write(operations, { sync: false });
}

function bytesOf(operations: readonly KvOperation[]): number {
  return operations.reduce((sum, one) => sum + (one.kind === "put" ? one.value.length : 0), 0);
}

function heightOfHead(kv: Kv): number {
  const hash = kv.get(HEAD_KEY) as Hash | undefined;
  const bytes = hash && kv.get(headKey(hash));
  const head: BlockHead | undefined = bytes && readBlockHead(new Reader(bytes));
  return Number(head?.summary.height ?? 0n);
}

function moveBlock(kv: Kv, place: BlockPlace): KvOperation[] {
  const operations: KvOperation[] = [];
  for (const [bucket, keyOf] of MOVED) {
    const old = concatBytes(Uint8Array.of(bucket), place.hash);
    const value = kv.get(old);
    if (value === undefined) continue;
    operations.push({ kind: "delete", key: old }, { kind: "put", key: keyOf(place), value });
    if (bucket === BODY) operations.push(...moveIndex(kv, place, value));
  }
  return operations;
}

/** A block that was never on the chain here has a body, and no transaction of it is in the index. */
function moveIndex(kv: Kv, place: BlockPlace, body: Uint8Array): KvOperation[] {
  const ids = readIds(body);
  return transactionKeys(place, ids).flatMap((key, i): KvOperation[] => {
    const old = concatBytes(Uint8Array.of(0x07), ids[i] ?? EMPTY, place.hash);
    if (kv.get(old) === undefined) return [];
    return [
      { kind: "delete", key: old },
      { kind: "put", key, value: EMPTY },
    ];
  });
}

/** None of a body that cannot be read: `quorate verify --deep` finds it afterwards, as it did before. */
function readIds(body: Uint8Array): Hash[] {
  const read = decode(body, "body", (reader) => readBody(reader, ANY));
  return read.ok ? read.value.map(({ id }) => id) : [];
}
