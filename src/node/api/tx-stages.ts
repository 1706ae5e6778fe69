/**
 * When a transaction came by here, for its time line: received and taken into the pool, by its id; and of each block
 * when it was proposed, prepared, committed and durable. The clock is this node's alone. Bounded: the oldest are
 * forgotten, and none outlives the process.
 */
import { byteText, type Hash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { RecentMap } from "../../base/recent-map.ts";
import type { EngineEvent } from "../../consensus/engine.ts";
import type { BlockStages, TransactionStages } from "../../rpc/recent-api.ts";

/** Transactions that are remembered, half as many at least: a quarter of a minute of a thousand a second. */
export const STAGED_TRANSACTIONS_MAX = 32_768;
/** Blocks that are remembered. */
const STAGED_BLOCKS_MAX = 4_096;

const STAGE_OF: Partial<Record<EngineEvent["type"], keyof BlockStages>> = {
  "pre-prepare": "proposed",
  prepared: "prepared",
  committed: "committed",
};

export class TxStages {
  readonly #transactions = new RecentMap<string, TransactionStages>(STAGED_TRANSACTIONS_MAX);
  readonly #blocks = new Map<string, BlockStages>();

  /**
   * @param idKey byteText of the transaction's id
   * @param receivedMs when its bytes came, before they were checked; left out where nobody noted it
   */
  pooled(idKey: string, nowMs: number, receivedMs = nowMs): void {
    this.#transactions.set(idKey, { received: receivedMs, pooled: nowMs });
  }

  engine(event: EngineEvent, atMs: number): void {
    const stage = STAGE_OF[event.type];
    if (stage !== undefined && "hash" in event) this.#reached(event.hash, stage, atMs);
  }

  included(blockHash: Hash, atMs: number): void {
    this.#reached(blockHash, "included", atMs);
  }

  ofTransaction(id: Hash): TransactionStages | undefined {
    return this.#transactions.get(byteText(id));
  }

  ofBlock(hash: Hash): BlockStages {
    return this.#blocks.get(byteText(hash)) ?? {};
  }

  /** The first time counts: a block that a new view carries over was proposed before. */
  #reached(hash: Hash, stage: keyof BlockStages, atMs: number): void {
    const key = byteText(hash);
    this.#blocks.set(key, { [stage]: atMs, ...this.#blocks.get(key) });
    if (this.#blocks.size > STAGED_BLOCKS_MAX) dropOldest(this.#blocks);
  }
}
