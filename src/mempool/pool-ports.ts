/**
 * What a pool is made of, what it asks and tells, and what it answers about itself. This file has types
 * alone.
 */
import type { Genesis } from "../chain/genesis/genesis.ts";
import type { SignedTransaction } from "../chain/types/transaction.ts";
import type { HeadState } from "./admission.ts";

export interface MempoolOptions {
  readonly genesis: Pick<Genesis, "chainId" | "limits"> &
    Partial<Pick<Genesis, "consensus" | "modules" | "code">>;
  /** The bounds, for tests and small machines; base/limits.ts where left out. */
  readonly transactionsMax?: number;
  readonly bytesMax?: number;
  /** Least fee that this node takes, whatever less the chain allows. */
  readonly feeMin?: bigint;
  /** How many of these places transactions may take that wait for an earlier nonce; a sixteenth where left out. */
  readonly queuedMax?: number;
  readonly queuedBytesMax?: number;
  readonly nonceGapMax?: number;
  readonly ageMsMax?: number;
}

export interface MempoolPorts {
  readonly head: HeadState;
  /** The rule at admission of chain/execution/accepted-signatures.ts. */
  readonly signatures: {
    admit(transaction: SignedTransaction): boolean;
    admitTogether?(transactions: readonly SignedTransaction[]): void;
  };
  /** Told after each call that changed the pool, in order, when the pool is consistent again. */
  readonly listener?: (events: readonly PoolEvent[]) => void;
  /**
   * Told after each call what waited for an earlier nonce and became executable for the first time, in the order in
   * which it can run: until now it was not passed on to others.
   */
  readonly becameExecutable?: (transactions: readonly SignedTransaction[]) => void;
}

/**
 * included: in a block. stale: another transaction used its nonce. replaced: by a higher fee at its nonce.
 * evicted: the pool was full, or what it keeps for those that wait for an earlier nonce. expired: past validUntilHeight. aged: too long in the pool. unpayable: the balance
 * no longer covers the sender queue. barred: a vote has raised the least fee above its own, or its sender may not send any more.
 */
export type DropReason =
  | "included"
  | "stale"
  | "replaced"
  | "evicted"
  | "expired"
  | "aged"
  | "unpayable"
  | "barred";

export type PoolEvent =
  | { readonly kind: "added"; readonly transaction: SignedTransaction }
  | {
      readonly kind: "dropped";
      readonly transaction: SignedTransaction;
      readonly reason: DropReason;
      /** When it came in. */
      readonly addedMs: number;
    };

export interface MempoolStatus {
  readonly transactions: number;
  readonly bytes: number;
  readonly senders: number;
  readonly executable: number;
  /** Waiting for an earlier nonce. */
  readonly queued: number;
  readonly queuedBytes: number;
  readonly transactionsMax: number;
  readonly bytesMax: number;
  /** The most that may be queued. */
  readonly queuedMax: number;
  readonly queuedBytesMax: number;
  /** What an executable transaction of a sender without any in the pool must pay now: minFee, or more when the pool is full. */
  readonly minFeeToEnter: bigint;
}
