/**
 * What a move of the head is called when it is told and remembered: the change of branches, the blocks that
 * listeners hear of, what the pool and the log take from it, the record of the reorganisation.
 * Source: pow.md 2.8, 3 (v) and (vi).
 */
import { byteText, EMPTY, equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import type { BranchChange, HeadChange } from "../chain.ts";
import { type BlockHead, type SealedBlock, withBody } from "../types/block.ts";
import { isCoinbase, type SignedTransaction } from "../types/transaction.ts";
import type { TreePath } from "./block-tree.ts";
import type { Reorg } from "./block-tree-store.ts";
import type { ReorgBatch } from "./reorg-batch.ts";

export type BodyOf = (hash: Hash) => readonly SignedTransaction[];

/** Undefined when nothing was undone. */
export function changeOf(path: TreePath, step: ReorgBatch, bodyOf: BodyOf): BranchChange | undefined {
  if (path.disconnect.length === 0) return undefined;
  const abandoned = [...path.disconnect].reverse().map(({ head }) => sealedOf(head, bodyOf));
  const entered = step.entered.map(({ executed: { block } }) => ({ block, seal: EMPTY }));
  return { ancestor: path.ancestor.head, abandoned, entered };
}

/** Makes one event for each block that entered, or one for the block that is the head now where none did. */
export function tipEventsOf(
  last: BlockHead,
  step: ReorgBatch,
  reorg: BranchChange | undefined,
  ports: { readonly bodyOf: BodyOf; receipts(hash: Hash): readonly Uint8Array[] | undefined },
): HeadChange[] {
  const about = reorg === undefined ? {} : { reorg };
  if (step.entered.length === 0) {
    const receipts = ports.receipts(last.hash) ?? [];
    return [{ sealed: sealedOf(last, ports.bodyOf), receipts, ...about }];
  }
  return step.entered.map(({ executed: { block, receipts } }) => ({
    sealed: { block, seal: EMPTY },
    receipts,
    ...about,
  }));
}

export function recordOf(change: BranchChange, heads: Pick<Reorg, "atMs" | "oldHead" | "newHead">): Reorg {
  const { ancestor, abandoned, entered } = change;
  const kept = new Set(transactionsOf(entered).map((tx) => byteText(tx.hash)));
  const dropped = leftBehind(change).filter((tx) => !kept.has(byteText(tx.hash))).length;
  return { ...heads, ancestor: ancestor.hash, depth: abandoned.length, entered: entered.length, dropped };
}

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

function sealedOf(head: BlockHead, bodyOf: BodyOf): SealedBlock {
  return { block: withBody(head, bodyOf(head.hash)), seal: EMPTY };
}
