/** A change of branches in the words of the pool and of the log. */
import { equalBytes, showHash } from "../../base/bytes.ts";
import type { BranchChange, HeadChange } from "../../chain/chain.ts";
import type { SealedBlock } from "../../chain/types/block.ts";
import { isCoinbase, type SignedTransaction } from "../../chain/types/transaction.ts";

/** The first telling of a change of branches: the rest are told one after the other. */
export function isFirstOf({ reorg, sealed }: HeadChange): boolean {
  const first = reorg?.entered[0];
  return reorg !== undefined && (first === undefined || equalBytes(first.block.hash, sealed.block.hash));
}

export function transactionsOf(blocks: readonly SealedBlock[]): SignedTransaction[] {
  return blocks.flatMap(({ block }) => block.transactions);
}

/** What the abandoned blocks held and nobody minted: it is still to be included. */
export function leftBehind({ abandoned }: BranchChange): SignedTransaction[] {
  return transactionsOf(abandoned).filter((tx) => !isCoinbase(tx));
}

/** What the log says of a reorganisation: how deep it went, from which block to which. */
export function reorgFields({ ancestor, abandoned, entered }: BranchChange) {
  const last = entered.at(-1)?.block ?? ancestor;
  return {
    depth: abandoned.length,
    ancestor: ancestor.summary.height,
    old: showHash(abandoned.at(-1)?.block.hash ?? ancestor.hash),
    new: showHash(last.hash),
    height: last.summary.height,
  };
}
