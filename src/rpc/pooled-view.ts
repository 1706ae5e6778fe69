/** A transaction of the pool as the node tells JSON-RPC of it. */
import type { SignedTransaction } from "../chain/types/transaction.ts";

export interface PooledView {
  readonly transaction: SignedTransaction;
  /** False: it waits for an earlier nonce. */
  readonly executable: boolean;
}
