/**
 * Takes the newest blocks from a stored chain whose blocks can be abandoned, and all side branches with them: the head
 * goes back by the undo data, block by block, and the block tree then knows nothing above it. For a node that is
 * stopped. Each batch leaves a whole database; what breaks off is repeated.
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import { HEAD_MOVE_BYTES_MAX, KV_SCAN_STEP } from "../../base/limits.ts";
import { dropHeadOperations, dropOperations } from "../../chain/forks/block-tree-store.ts";
import { ReorgBatch } from "../../chain/forks/reorg-batch.ts";
import type { ChainStore } from "../../chain/store.ts";
import type { BlockHead } from "../../chain/types/block.ts";
import { blockHashOfNodeKey, leafKey, NODE_RANGE } from "../../storage/database-keys.ts";
import type { Kv, KvOperation } from "../../storage/kv.ts";

/** Blocks undone in one batch at most. */
const BLOCKS_PER_BATCH = 256;

/**
 * @param height of the new head, at most the head's
 * @returns a fault where undo data is missing: nothing below that block was changed
 */
export async function rollBack(
  store: ChainStore,
  height: bigint,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<Fault<"no-undo"> | undefined> {
  const top = headOf(store, store.headHash());
  const total = Number(top.summary.height - height);
  for (let head = top; head.summary.height > height; ) {
    const { lowest, batch, dropped } = undoSome(store, head, height);
    if (dropped.length === 0) {
      const detail = `block ${head.summary.height} has no undo data here (it was pruned), so the chain cannot go back below it`;
      return fault("no-undo", detail);
    }
    const { diff, pages } = batch;
    await store.moveHead({ diff, pages, dropped, entered: [], head: lowest.hash, besides: [] });
    head = lowest;
    progress(total - Number(head.summary.height - height), total);
  }
  await forgetBesides(store, height);
  return undefined;
}

function undoSome(store: ChainStore, head: BlockHead, height: bigint) {
  const batch = new ReorgBatch(store.committed);
  const dropped: bigint[] = [];
  let lowest = head;
  while (
    lowest.summary.height > height &&
    dropped.length < BLOCKS_PER_BATCH &&
    batch.bytes < HEAD_MOVE_BYTES_MAX
  ) {
    const undo = store.undo(lowest.hash);
    if (undo === undefined) break;
    const below = headOf(store, lowest.header.previousHash);
    batch.undo(undo, below.summary.stateRoot);
    dropped.push(lowest.summary.height);
    lowest = below;
  }
  return { lowest, batch, dropped };
}

/** The tree keeps the chain up to the head and nothing else. */
async function forgetBesides(store: ChainStore, height: bigint): Promise<void> {
  const { kv } = store;
  for (let from = NODE_RANGE.from; ; ) {
    const step = await kv.entries({ from, to: NODE_RANGE.to, limit: KV_SCAN_STEP });
    await kv.write(
      step.flatMap(([key]) => besideOperations(store, blockHashOfNodeKey(key), height)),
      { sync: false },
    );
    if (step.length < KV_SCAN_STEP) break;
    from = new Uint8Array([...must(step.at(-1), "a full step has a last entry")[0], 0]);
  }
  await markLeaf(kv, store.headHash());
}

function besideOperations(store: ChainStore, hash: Hash, height: bigint): KvOperation[] {
  const head = store.head(hash);
  const onChain = head !== undefined && head.summary.height <= height && store.hashAt(head.summary.height);
  if (onChain && equalBytes(onChain, hash)) return [];
  if (head === undefined) return dropHeadOperations(hash);
  return dropOperations(head, store.body(hash) ?? []);
}

function markLeaf(kv: Kv, hash: Hash): Promise<void> {
  return kv.write([{ kind: "put", key: leafKey(hash), value: new Uint8Array(0) }], { sync: true });
}

function headOf(store: ChainStore, hash: Hash): BlockHead {
  return must(store.head(hash), "the chain reaches down to block 0");
}
