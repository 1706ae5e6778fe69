/**
 * The two modes of a chain: its blocks are `final` once they are sealed, or it is `forkable`, a tree of branches of
 * which the heaviest is the chain. Whoever has to know asks for the kind and gets what that mode has.
 */
import { assert } from "../base/assert.ts";
import type { ForkChoice } from "./forks/block-tree.ts";
import type { Branches } from "./forks/branches.ts";
import type { FinalRules, ForkableRules } from "./rules.ts";

export type ChainMode =
  | { readonly kind: "final"; readonly rules: FinalRules }
  | { readonly kind: "forkable"; readonly rules: ForkableRules; readonly branches: Branches };

/** Local settings of a chain whose blocks can be abandoned. */
export interface BranchSettings {
  /** No longer branch is abandoned, 0 = any: an operator's choice that can split the net (pow.md 2.8, 4). */
  readonly maxReorgDepth?: number;
  /** Branches with less work are not stored (pow.md 2.8, 8). */
  readonly minimumChainWork?: bigint;
  /** Replaces the fork choice; experiments alone use it. */
  readonly forkChoice?: ForkChoice;
  /** The bounds of base/limits.ts where left out: tests reach them sooner. */
  readonly treeDepth?: number;
  readonly sideBranchesMax?: number;
  readonly sideBytesMax?: number;
  readonly moveBytesMax?: number;
  /** Blocks that extend the chain, in one batch: by one, the pool sees the ledger between any two. */
  readonly extensionBlocks?: number;
}

/** The tree of branches of a chain that is forkable. */
export function branchesOf({ mode }: { readonly mode: ChainMode }): Branches {
  assert(mode.kind === "forkable", "a chain whose blocks can be abandoned");
  return mode.branches;
}
