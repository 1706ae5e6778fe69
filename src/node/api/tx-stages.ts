/**
 * When a transaction came by here, for its time line: received and taken into the pool, by its id; and of each block
 * when it was proposed, prepared, committed and durable. The clock is this node's alone. Bounded: the oldest are
 * forgotten, and none outlives the process.
 */
import { byteText, type Hash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import type { EngineEvent } from "../../consensus/engine.ts";
import type { BlockStages, TransactionStages } from "../../rpc/recent-api.ts";

/** Transactions, and blocks, that are remembered: half a minute of a thousand transactions a second. */
export const STAGED_TRANSACTIONS_MAX = 32_768;
const STAGED_BLOCKS_MAX = 4_096;

const STAGE_OF: Partial<Record<EngineEvent["type"], keyof BlockStages>> = {
  "pre-prepare": "proposed",
  prepared: "prepared",
  committed: "committed",
};

export class TxStages {
  readonly #transactions = new Map<string, TransactionStages>();
  readonly #blocks = new Map<string, BlockStages>();

  /**
   * @param idKey byteText of the transaction's id
   * @param receivedMs when its bytes came, before they were checked; left out where nobody noted it
   */
  pooled(idKey: string, nowMs: number, receivedMs = nowMs): void {
    remember(this.#transactions, idKey, { received: receivedMs, pooled: nowMs }, STAGED_TRANSACTIONS_MAX);
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
    remember(this.#blocks, key, { [stage]: atMs, ...this.#blocks.get(key) }, STAGED_BLOCKS_MAX);
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.set(key, value);
  if (map.size > max) dropOldest(map);
}
