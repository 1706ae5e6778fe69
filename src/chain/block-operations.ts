/**
 * What a block and what executing it changed are in the database: the operations of one batch, which chain/store.ts
 * writes. storage/database-keys.ts is the map of it.
 */
import { assert } from "../base/assert.ts";
import { EMPTY, type Hash } from "../base/bytes.ts";
import { Writer } from "../codec/writer.ts";
import {
  bodyKey,
  canonicalKey,
  DATABASE_VERSION,
  FIRST_KEY,
  GENESIS_KEY,
  HEAD_KEY,
  headKey,
  pageKey,
  receiptsKey,
  sealKey,
  stateKey,
  transactionKeys,
  VERSION_KEY,
} from "../storage/database-keys.ts";
import type { KvOperation } from "../storage/kv.ts";
import type { ExecutedBlock } from "./state/ledger-view.ts";
import type { StateDiff } from "./state/state-overlay.ts";
import { pageKeyBytes } from "./state/state-tree.ts";
import {
  type Block,
  type BlockHead,
  encodeBody,
  encodeHeader,
  encodeSummary,
  placeOf,
} from "./types/block.ts";

/** What says whose database it is, and in which format. */
export function originOperations(genesisHash: Hash): KvOperation[] {
  return [
    { kind: "put", key: VERSION_KEY, value: new Writer(2).u16(DATABASE_VERSION).finish() },
    { kind: "put", key: GENESIS_KEY, value: genesisHash },
  ];
}

/** A block of the chain without what executing it changed in the state: from a snapshot. */
export function placedOperations(
  block: Block,
  seal: Uint8Array,
  receipts: readonly Uint8Array[],
): KvOperation[] {
  return [...headOperations(block), ...bodyOperations(block, seal), ...resultOperations({ block, receipts })];
}

/** The end of an epoch below a snapshot: a block without its body. */
export function epochEndOperations(head: BlockHead, seal: Uint8Array): KvOperation[] {
  return [
    ...headOperations(head),
    { kind: "put", key: sealKey(placeOf(head)), value: seal },
    { kind: "put", key: canonicalKey(head.summary.height), value: head.hash },
  ];
}

/** Makes a database of what was written from a snapshot; nothing is one before. */
export function foundedOperations(zero: Block, headHash: Hash, firstHeight: bigint): KvOperation[] {
  return [
    ...placedOperations(zero, new Uint8Array(0), []),
    ...originOperations(zero.hash),
    { kind: "put", key: FIRST_KEY, value: new Writer(8).u64(firstHeight).finish() },
    { kind: "put", key: HEAD_KEY, value: headHash },
  ];
}

/** All that a block is and did, and that it is the head. */
export function blockOperations(executed: ExecutedBlock, seal: Uint8Array): KvOperation[] {
  const { block, diff, pages } = executed;
  return [
    ...headOperations(block),
    ...bodyOperations(block, seal),
    ...resultOperations(executed),
    ...ledgerOperations(diff, pages),
    { kind: "put", key: HEAD_KEY, value: block.hash },
  ];
}

/** A header with its summary. */
export function headOperations({ hash, header, summary }: BlockHead): KvOperation[] {
  const value = new Writer(384).raw(encodeHeader(header)).raw(encodeSummary(summary)).finish();
  return [{ kind: "put", key: headKey(hash), value }];
}

export function bodyOperations(block: Block, seal: Uint8Array): KvOperation[] {
  const place = placeOf(block);
  return [
    { kind: "put", key: bodyKey(place), value: encodeBody(block.transactions) },
    { kind: "put", key: sealKey(place), value: seal },
  ];
}

/** What executing a block gave besides the state, and that it is the block at its height. */
export function resultOperations({
  block,
  receipts,
}: Pick<ExecutedBlock, "block" | "receipts">): KvOperation[] {
  const { transactions } = block;
  assert(receipts.length === transactions.length, "one receipt a transaction");
  const place = placeOf(block);
  const value = new Writer(1024).list(receipts, (writer, receipt) => writer.bytes32(receipt)).finish();
  const operations: KvOperation[] = [{ kind: "put", key: receiptsKey(place), value }];
  const ids = transactions.map(({ id }) => id);
  for (const key of transactionKeys(place, ids)) operations.push({ kind: "put", key, value: EMPTY });
  operations.push({ kind: "put", key: canonicalKey(place.height), value: place.hash });
  return operations;
}

export function ledgerOperations(
  diff: StateDiff,
  pages: ReadonlyMap<string, Uint8Array | undefined>,
): KvOperation[] {
  const operations = [...diff.values()].map(({ key, value }) => putOrDelete(stateKey(key), value));
  for (const [id, page] of pages) operations.push(putOrDelete(pageKey(pageKeyBytes(id)), page));
  return operations;
}

function putOrDelete(key: Uint8Array, value: Uint8Array | undefined): KvOperation {
  return value === undefined ? { kind: "delete", key } : { kind: "put", key, value };
}
