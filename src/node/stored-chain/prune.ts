/**
 * Takes the bodies of old blocks from a running chain, with their receipts, places in the index and undo data; headers,
 * certificates, checkpoints and validator sets stay for ever. One bounded batch at a time, in turn with the blocks that come in.
 */
import { must } from "../../base/assert.ts";
import type { Chain } from "../../chain/chain.ts";
import type { ChainStore } from "../../chain/store.ts";
import { Writer } from "../../codec/writer.ts";
import { bodyKey, PRUNED_KEY, receiptsKey, transactionKeys, undoKey } from "../../storage/database-keys.ts";
import type { KvOperation } from "../../storage/kv.ts";

/** Blocks and deletions of one batch at most: a block that comes in waits no longer than these take. */
const PRUNE_BATCH_BLOCKS = 64;
const PRUNE_BATCH_OPERATIONS = 8_192;

export interface PrunedBatch {
  readonly blocks: number;
  /** About what was deleted. */
  readonly bytes: number;
}

/**
 * Prunes the lowest blocks below `target`, as many as one batch holds.
 * @param target the lowest height that keeps its body
 * @throws Error when the disk fails, which stops the chain as any failed write does
 */
export function pruneSome(chain: Chain, target: bigint): Promise<PrunedBatch> {
  return chain.enqueue(async () => {
    const { store } = chain;
    const operations: KvOperation[] = [];
    const from = store.lowestBody();
    let at = from;
    let bytes = 0;
    for (; at < target && Number(at - from) < PRUNE_BATCH_BLOCKS; at++) {
      bytes += deleteBody(store, at, operations);
      if (operations.length >= PRUNE_BATCH_OPERATIONS) {
        at++;
        break;
      }
    }
    if (at === from) return { blocks: 0, bytes: 0 };
    operations.push({ kind: "put", key: PRUNED_KEY, value: new Writer(8).u64(at).finish() });
    // Not synced: the next block makes it durable, and what a loss of power brings back is pruned again.
    await store.writeAhead(operations);
    return { blocks: Number(at - from), bytes };
  });
}

function deleteBody(store: ChainStore, height: bigint, operations: KvOperation[]): number {
  const hash = must(store.hashAt(height), "the chain has a block at each height from its first");
  const body = store.body(hash) ?? [];
  const ids = body.map(({ id }) => id);
  const place = { height, hash };
  for (const key of [bodyKey(place), receiptsKey(place), undoKey(place), ...transactionKeys(place, ids)])
    operations.push({ kind: "delete", key });
  return Math.ceil(body.reduce((sum, { bytes }) => sum + bytes.length, 0) * PRUNED_PER_BODY);
}

/** Receipts and places of transactions take about half as much as the body. */
const PRUNED_PER_BODY = 1.5;
