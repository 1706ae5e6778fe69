/** What branches.ts needs of the chain that it moves. */
import type { Hash } from "../../base/bytes.ts";
import type { HeadChange } from "../chain.ts";
import type { BlockExecutor } from "../execution/block-executor.ts";
import type { ForkableRules } from "../rules.ts";
import type { ChainStore } from "../store.ts";
import type { BlockHead } from "../types/block.ts";
import type { SignedTransaction } from "../types/transaction.ts";
import type { TreeNode } from "./block-tree.ts";

export interface BranchesPorts {
  readonly rules: ForkableRules;
  readonly executor: BlockExecutor;
  readonly store: ChainStore;
  readonly head: () => BlockHead;
  readonly now: () => number;
  /** While true the store may show either ledger: nothing is built on it. */
  readonly moving: (isMoving: boolean) => void;
  /** The head has durably moved over these. */
  readonly moved: (changes: readonly HeadChange[]) => void;
}

/** A head that is in the tree now. */
export interface AddedHead {
  readonly kind: "added";
  readonly node: TreeNode;
}

/** A body that somebody offers for a known head. */
export interface OfferedBody {
  readonly hash: Hash;
  readonly transactions: readonly SignedTransaction[];
}
