/**
 * Why blocks are not wanted, in words: the fault of an invalid one, as long as it is remembered, or the block below
 * it that is marked. The marks themselves are the tree's. Source: pow.md 2.8, "Verdicts".
 */
import { must } from "../../base/assert.ts";
import { byteText, showHash } from "../../base/bytes.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { type Fault, fault } from "../../base/fault.ts";
import { BLOCK_FAULTS_MAX } from "../../base/limits.ts";
import type { BlockTree, TreeNode } from "./block-tree.ts";

export class BlockFaults {
  readonly #tree: Pick<BlockTree, "parentOf">;
  readonly #faults = new Map<string, Fault>();

  constructor(tree: Pick<BlockTree, "parentOf">) {
    this.#tree = tree;
  }

  remember({ head }: TreeNode, why: Fault): void {
    this.#faults.set(byteText(head.hash), why);
    if (this.#faults.size > BLOCK_FAULTS_MAX) dropOldest(this.#faults);
  }

  /** The fault of a node that is invalid or built on an invalid block; `invalidated` is this node's own word and nobody's fault. */
  of(node: TreeNode): Fault<string> {
    let marked = node;
    while (marked.mark === undefined)
      marked = must(this.#tree.parentOf(marked), "a block with an invalid ancestor has one that is marked");
    const why = this.#faults.get(byteText(marked.head.hash));
    if (marked === node && why !== undefined && marked.mark === "invalid") return why;
    const which = marked === node ? "" : `stands on block ${showHash(marked.head.hash)}, which `;
    const verdict = marked.mark === "invalid" ? "is invalid" : "was taken away by this node's operator";
    const detail = `block ${showHash(node.head.hash)} ${which}${verdict}`;
    const code = marked.mark === "invalidated" ? "invalidated" : "invalid-block";
    return fault(code, why === undefined ? detail : `${detail}: ${why.detail}`);
  }
}
