/**
 * Branches that would win and are not taken: they undo more than the operator allows, or blocks that cannot be undone
 * here. What was refused is remembered until the chain leaves a branch, since the answer follows from its head.
 */
import { type Fault, fault } from "../../base/fault.ts";
import type { BranchSettings } from "../chain-mode.ts";
import type { BlockTree, TreeNode } from "./block-tree.ts";

export class BranchRefusals {
  readonly #tree: Pick<BlockTree, "path">;
  readonly #depthMax: number;
  readonly #canUndo: (node: TreeNode) => boolean;
  /** Seen from the head as it is. */
  #refused = new WeakSet<TreeNode>();

  /**
   * @param settings a depth of 0 is any
   * @param canUndo whether there is undo data of a block of the chain: of old ones there may be none
   */
  constructor(
    { maxReorgDepth = 0 }: Pick<BranchSettings, "maxReorgDepth">,
    tree: Pick<BlockTree, "path">,
    canUndo: (node: TreeNode) => boolean,
  ) {
    this.#depthMax = maxReorgDepth;
    this.#tree = tree;
    this.#canUndo = canUndo;
  }

  /** Forgets all, which is called when what was refused may be judged otherwise. */
  clear(): void {
    this.#refused = new WeakSet();
  }

  mayReplace(head: TreeNode, candidate: TreeNode): boolean {
    if (head.hasInvalidAncestor) return true;
    if (this.#refused.has(candidate)) return false;
    const { disconnect } = this.#tree.path(head, candidate);
    const lowest = disconnect.at(-1);
    const isNear = this.#depthMax === 0 || disconnect.length <= this.#depthMax;
    if (isNear && (lowest === undefined || this.#canUndo(lowest))) return true;
    this.#refused.add(candidate);
    return false;
  }
}

export function cannotBeUndone({ head }: TreeNode): Fault<"no-undo-data"> {
  const why = "it was pruned, or is no higher than the snapshot that this chain began from";
  return fault("no-undo-data", `block ${head.summary.height} cannot be undone here: ${why}`);
}
