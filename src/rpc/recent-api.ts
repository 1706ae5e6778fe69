/** What a node is asked of the moment and of late, beside the chain: what waits in its pool, what its engine announced. */
import type { Address } from "../base/bytes.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { NodeEvents } from "./api.ts";

export interface PooledView {
  readonly transaction: SignedTransaction;
  /** Whether it could run now; false means that it waits for an earlier nonce. */
  readonly executable: boolean;
}

export interface RecentApi {
  /** What waits in the pool, of one sender or of any, in the order in which it came. */
  waiting(countMax: number, sender: Address | undefined): readonly PooledView[];
  /** What the engine announced, oldest first: the last votes, and rarer events of longer ago. */
  engineEvents(votesMax: number): readonly NodeEvents["consensus"][];
}
