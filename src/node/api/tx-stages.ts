/**
 * When a transaction came by here, for its time line: received and taken into the pool, by its id; and of each block
 * when it was proposed, prepared, committed and durable. The clock is this node's alone. Bounded: the oldest are
 * forgotten, and none outlives the process.
 */
import { byteText, type Hash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import type { EngineEvent } from "../../consensus/engine.ts";
import type { BlockStages, TransactionStages } from "../../rpc/recent-api.ts";

/** Transactions that are remembered: a quarter of a minute of two thousand a second. */
export const STAGED_TRANSACTIONS_MAX = 32_768;
/** Blocks that are remembered. */
const STAGED_BLOCKS_MAX = 4_096;

const STAGE_OF: Partial<Record<EngineEvent["type"], keyof BlockStages>> = {
  "pre-prepare": "proposed",
  prepared: "prepared",
  committed: "committed",
};

/** Of an id, by which it is looked up. */
const ID_BYTES = 16;

/** The last transactions in the order in which they came. To note one is cheap; they are looked up from when one is first asked for. */
class RecentTransactions {
  readonly #ids = new Uint8Array(ID_BYTES * STAGED_TRANSACTIONS_MAX);
  readonly #receivedMs = new Float64Array(STAGED_TRANSACTIONS_MAX);
  readonly #pooledMs = new Float64Array(STAGED_TRANSACTIONS_MAX);
  /** Transactions noted so far. */
  #count = 0;
  /** The number of the last that came under an id. Most nodes are never asked, but one that traces is, for every transaction. */
  #numbers: Map<string, number> | undefined;

  note(id: Hash, receivedMs: number, pooledMs: number): void {
    const number = this.#count++;
    const at = number % STAGED_TRANSACTIONS_MAX;
    if (this.#numbers !== undefined) {
      const oldest = number - STAGED_TRANSACTIONS_MAX;
      if (oldest >= 0 && this.#numbers.get(this.#idAt(at)) === oldest) this.#numbers.delete(this.#idAt(at));
      this.#numbers.set(byteText(id.subarray(0, ID_BYTES)), number);
    }
    for (let i = 0; i < ID_BYTES; i++) this.#ids[ID_BYTES * at + i] = id[i] as number;
    this.#receivedMs[at] = receivedMs;
    this.#pooledMs[at] = pooledMs;
  }

  /** The newest under this id, since one that left the pool may have come again. */
  find(id: Hash): TransactionStages | undefined {
    this.#numbers ??= this.#numberAll();
    const number = this.#numbers.get(byteText(id.subarray(0, ID_BYTES)));
    if (number === undefined) return undefined;
    const at = number % STAGED_TRANSACTIONS_MAX;
    return { received: this.#receivedMs[at] as number, pooled: this.#pooledMs[at] as number };
  }

  #numberAll(): Map<string, number> {
    const numbers = new Map<string, number>();
    for (let n = Math.max(0, this.#count - STAGED_TRANSACTIONS_MAX); n < this.#count; n++)
      numbers.set(this.#idAt(n % STAGED_TRANSACTIONS_MAX), n);
    return numbers;
  }

  #idAt(at: number): string {
    return byteText(this.#ids.subarray(ID_BYTES * at, ID_BYTES * (at + 1)));
  }
}

export class TxStages {
  readonly #transactions = new RecentTransactions();
  readonly #blocks = new Map<string, BlockStages>();

  /** @param receivedMs when its bytes came, before they were checked; left out where nobody noted it */
  pooled(id: Hash, nowMs: number, receivedMs = nowMs): void {
    this.#transactions.note(id, receivedMs, nowMs);
  }

  engine(event: EngineEvent, atMs: number): void {
    const stage = STAGE_OF[event.type];
    if (stage !== undefined && "hash" in event) this.#reached(event.hash, stage, atMs);
  }

  included(blockHash: Hash, atMs: number): void {
    this.#reached(blockHash, "included", atMs);
  }

  ofTransaction(id: Hash): TransactionStages | undefined {
    return this.#transactions.find(id);
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
