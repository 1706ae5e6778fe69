/** What a node is asked of the moment and of late, beside the chain: what waits in its pool, what its engine announced. */
import type { Address, Hash } from "../base/bytes.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { NodeEvents } from "./api.ts";

/** Milliseconds since the Unix epoch. What is left out this node did not see, or has forgotten. */
export interface BlockStages {
  readonly proposed?: number;
  readonly prepared?: number;
  readonly committed?: number;
  /** When it was in the chain and on disk. */
  readonly included?: number;
}

export interface TransactionStages {
  readonly received: number;
  readonly pooled: number;
}

export interface PooledView {
  readonly transaction: SignedTransaction;
  /** Whether it could run now; false means that it waits for an earlier nonce. */
  readonly executable: boolean;
}

export interface RecentApi {
  /** What waits in the pool, of one sender or of any, in the order in which it came. */
  waiting(countMax: number, sender: Address | undefined): readonly PooledView[];
  /** When a transaction came by here, by its txid. Undefined when it did not, or is forgotten. */
  stagesOf(txid: Hash): TransactionStages | undefined;
  blockStagesOf(blockHash: Hash): BlockStages;
  /** What the engine announced, oldest first: the last votes, and rarer events of longer ago. */
  engineEvents(votesMax: number): readonly NodeEvents["consensus"][];
}
