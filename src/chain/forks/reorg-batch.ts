/**
 * One move of the head, while it is being computed: blocks undone and executed on top of the stored ledger, with the
 * net change of all. Nothing is written here. Sources: pow.md 2.8, 3; decision 5.
 */
import { assert } from "../../base/assert.ts";
import { equalBytes, type Hash } from "../../base/bytes.ts";
import { type ExecutedBlock, type LedgerView, stack } from "../state/ledger-view.ts";
import { invertDiff, type StateChange, type StateDiff } from "../state/state-overlay.ts";
import { updateTree } from "../state/state-tree.ts";
import { treeChanges } from "../state/tree-changes.ts";
import type { TreeNode, TreePath } from "./block-tree.ts";

/** Blocks that only extend the chain, in one batch: a node that catches up syncs its disk once for all of them. */
export const EXTENSION_BLOCKS = 64;

/**
 * As few blocks as make the new branch better: what follows them are plain extensions. So a batch is bounded by the
 * depth of the reorganisation. Where nothing is undone it is an extension from the first block on.
 */
export function shortestBetter(
  head: TreeNode,
  { ancestor, disconnect, connect }: TreePath,
  extensionBlocks: number,
): TreePath {
  if (disconnect.length === 0) return { ancestor, disconnect, connect: connect.slice(0, extensionBlocks) };
  if (head.hasInvalidAncestor) return { ancestor, disconnect, connect: connect.slice(0, 1) };
  const enough = connect.findIndex((node) => node.work > head.work);
  return { ancestor, disconnect, connect: enough < 0 ? connect : connect.slice(0, enough + 1) };
}

/** Whether `path` leads from `head` down to its ancestor and up again, block by block, and `batch` went it to its end. */
export function assertPath(
  { head }: TreeNode,
  { ancestor, disconnect, connect }: TreePath,
  { entered }: Pick<ReorgBatch, "entered">,
): void {
  let at = head.hash;
  for (const { head: undone } of disconnect) {
    assert(equalBytes(undone.hash, at), "the way down leaves no block out");
    at = undone.header.previousHash;
  }
  assert(equalBytes(ancestor.head.hash, at), "the way down ends at the last common block");
  for (const { head: next } of connect) {
    assert(equalBytes(next.header.previousHash, at), "the way up leaves no block out");
    at = next.hash;
  }
  const last = entered.at(-1)?.executed.block ?? ancestor.head;
  assert(equalBytes(last.hash, at), "each block of the way up was executed");
}

/** The heights that the chain has no block at any more, once it has gone `path`. */
export function heightsLost({ ancestor, disconnect, connect }: TreePath): bigint[] {
  const { height: highest } = (connect.at(-1) ?? ancestor).head.summary;
  return disconnect.map(({ head }) => head.summary.height).filter((height) => height > highest);
}

/** One move of the head, while it is being made: the net change, and the ledger with it. */
export class ReorgBatch {
  readonly diff = new Map<string, StateChange>();
  readonly pages = new Map<string, Uint8Array | undefined>();
  readonly entered: { readonly executed: ExecutedBlock; readonly undo: StateDiff }[] = [];
  /** About what it will write; what it overwrites itself is counted each time. */
  bytes = 0;
  /** The ledger as it is with all that was undone and applied so far: it reads the maps as they grow. */
  readonly view: LedgerView;

  constructor(ledger: LedgerView) {
    this.view = stack({ diff: this.diff, pages: this.pages }, ledger);
  }

  /** @param stateRoot what the block before it left */
  undo(diff: StateDiff | undefined, stateRoot: Hash): void {
    assert(diff !== undefined, "a block on the chain has undo data");
    const { root, pages } = updateTree(this.view, treeChanges(diff));
    assert(equalBytes(root, stateRoot), "undoing a block gives back the state of its parent");
    this.#merge(diff, pages);
  }

  apply(executed: ExecutedBlock): void {
    const last = this.entered.at(-1)?.executed.block;
    const follows = last === undefined || equalBytes(executed.block.header.previousHash, last.hash);
    assert(follows, "blocks are connected one on the other");
    const undo = invertDiff(executed.diff, this.view, executed.read);
    this.#merge(executed.diff, executed.pages);
    for (const { key, value } of undo.values()) this.bytes += key.length + (value?.length ?? 0);
    for (const receipt of executed.receipts) this.bytes += receipt.length;
    this.entered.push({ executed, undo });
  }

  #merge(diff: StateDiff, pages: ReadonlyMap<string, Uint8Array | undefined>): void {
    for (const [id, change] of diff) {
      this.diff.set(id, change);
      this.bytes += change.key.length + (change.value?.length ?? 0);
    }
    for (const [id, page] of pages) {
      this.pages.set(id, page);
      this.bytes += id.length + (page?.length ?? 0);
    }
  }
}
