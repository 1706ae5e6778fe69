/**
 * Which branches beside the chain are given up when there are too many of them, or too many bytes: those of the
 * least work, whole, down to the chain or to a branch that stays. The heaviest known header's branch always stays.
 * It chooses; deleting is branches.ts's matter. Source: pow.md 2.8, 8.
 */
import type { BlockTree, TreeNode } from "./block-tree.ts";

export interface SideBounds {
  readonly branchesMax: number;
  readonly bytesMax: number;
}

/** The end of a branch, and its blocks down to the fork, the highest first. */
interface SideBranch {
  readonly leaf: TreeNode;
  readonly blocks: readonly TreeNode[];
}

export interface Surplus {
  /** Blocks to delete, each before its parent. */
  readonly dropped: readonly TreeNode[];
  /** The bytes of the bodies that stay beside the chain, those of the heaviest header's branch aside. */
  readonly bytes: number;
}

/** All leaves must be in memory. */
export function surplus(
  tree: BlockTree,
  isOnChain: (node: TreeNode) => boolean,
  { branchesMax, bytesMax }: SideBounds,
): Surplus {
  const best = tree.bestHeader();
  const branches = tree
    .leaves()
    .filter((leaf) => leaf !== best && !isOnChain(leaf))
    .sort(lightestFirst)
    .map((leaf): SideBranch => ({ leaf, blocks: blocksOf(tree, leaf, isOnChain) }));
  let bytes = bytesOf(branches.flatMap(({ blocks }) => blocks));
  const dropped: TreeNode[] = [];
  for (let count = branches.length; count > branchesMax || bytes > bytesMax; count--) {
    const branch = branches.shift();
    if (branch === undefined) break;
    dropped.push(...branch.blocks);
    bytes -= bytesOf(branch.blocks);
  }
  return { dropped, bytes };
}

/** What hangs on this leaf alone: a block with another child is that one's too. */
function blocksOf(tree: BlockTree, leaf: TreeNode, isOnChain: (node: TreeNode) => boolean): TreeNode[] {
  const blocks: TreeNode[] = [];
  let at: TreeNode | undefined = leaf;
  while (at !== undefined && !isOnChain(at) && tree.children(at).length <= 1) {
    blocks.push(at);
    at = tree.parentOf(at);
  }
  return blocks;
}

function lightestFirst(a: TreeNode, b: TreeNode): number {
  if (a.work !== b.work) return a.work < b.work ? -1 : 1;
  return b.sequence - a.sequence;
}

function bytesOf(blocks: readonly TreeNode[]): number {
  return blocks.reduce((sum, { hasBody, head }) => sum + (hasBody ? head.summary.bodyBytes : 0), 0);
}
