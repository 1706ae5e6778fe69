/**
 * The block tree: which heads are known, how much work stands behind each, and which is the best to be on. Headers
 * come first and bodies later; a block takes part in the choice once it and all its ancestors have their bodies, and
 * its sequence is that moment. Most work wins, the first seen on a tie. It executes nothing: what turns out invalid
 * is marked from outside, and its descendants with it. Pure; old nodes are loaded through `source` when asked for.
 * Sources: pow.md 2.3, 2.8.
 *
 * This folder: chains whose blocks can be abandoned: admission of headers, the tree, reorganisation (branches.ts), side
 * branches. Not here: the tree of the state (chain/state), header rules (consensus/pow), fetching (p2p/sync).
 */
import { assert } from "../../base/assert.ts";
import { byteText, compareBytes, type Hash } from "../../base/bytes.ts";
import type { BlockHead } from "../types/block.ts";

/** invalid: by the rules, for good. invalidated: by the operator's word, until it is taken back. */
export type BlockMark = "invalid" | "invalidated";

export interface TreeNode {
  readonly head: BlockHead;
  /** Sum of the work of all blocks from block 0 up to this one. */
  readonly work: bigint;
  hasBody: boolean;
  /** It and all its ancestors have bodies. */
  isComplete: boolean;
  /** Tells in which order nodes became complete. It is 0 while this node is not. */
  sequence: number;
  mark: BlockMark | undefined;
  /** It or an ancestor is marked. */
  hasInvalidAncestor: boolean;
}

/** Gives the nodes that are not in memory. */
export interface StoredNodes {
  /** The node as it was stored: what follows from its ancestors may be out of date. */
  node(hash: Hash): TreeNode | undefined;
  /** Whether no child of a stored block is known. */
  isLeaf(hash: Hash): boolean;
  /** Whether a block is on the chain that the head ends: its ancestors are too, and none needs to be loaded. */
  isOnChain(head: BlockHead): boolean;
}

/** A function: what it gives is the root, and the end, of all there is. */
export type NodeSource = StoredNodes | ((hash: Hash) => TreeNode | undefined);

/** Whether `candidate` shall replace the head. Both are complete; the candidate is not built on an invalid block. */
export type ForkChoice = (candidate: TreeNode, head: TreeNode) => boolean;

/** The rule of the chain: strictly more work, so that a tie never causes a reorg. */
export const MOST_WORK: ForkChoice = (candidate, head) => candidate.work > head.work;

/** The way from one block to another over their last common ancestor. */
export interface TreePath {
  readonly ancestor: TreeNode;
  /** The blocks to be undone, from the old head down. */
  readonly disconnect: readonly TreeNode[];
  /** The blocks to be executed, ascending. */
  readonly connect: readonly TreeNode[];
}

/**
 * In memory are all blocks that are not on the chain and were asked for, down to the chain; of the chain itself as
 * much as was asked for. So what a block inherits from its ancestors is known of every block in memory.
 */
export class BlockTree {
  readonly #nodes = new Map<string, TreeNode>();
  /** The nodes in memory by their parent's hash. The parent itself need not be in memory. */
  readonly #children = new Map<string, Set<TreeNode>>();
  /** Usable, and without a usable child in memory. One too many is harmless: it is only a lighter choice. */
  readonly #candidates = new Set<TreeNode>();
  /** The nodes that have no child. */
  readonly #leaves = new Set<TreeNode>();
  readonly #source: StoredNodes;
  readonly #choice: ForkChoice;
  /** The highest {@link TreeNode.sequence} given so far, to loaded nodes too. */
  #sequence = 0;

  constructor(source: NodeSource, choice: ForkChoice = MOST_WORK) {
    this.#source =
      typeof source === "function" ? { node: source, isLeaf: () => true, isOnChain: () => true } : source;
    this.#choice = choice;
  }

  get(hash: Hash): TreeNode | undefined {
    return this.#nodes.get(byteText(hash)) ?? this.#load(hash);
  }

  parentOf(node: TreeNode): TreeNode | undefined {
    return node.head.summary.height === 0n ? undefined : this.get(node.head.header.previousHash);
  }

  /** @returns undefined when the parent is not known. */
  add(head: BlockHead, blockWork: bigint): TreeNode | undefined {
    const parent = this.get(head.header.previousHash);
    if (parent === undefined) return undefined;
    const node: TreeNode = {
      head,
      work: parent.work + blockWork,
      hasBody: false,
      isComplete: false,
      sequence: 0,
      mark: undefined,
      hasInvalidAncestor: parent.hasInvalidAncestor,
    };
    this.#link(node);
    this.#leaves.add(node);
    this.#leaves.delete(parent);
    return node;
  }

  /** Drops a node without children for good; its parent is a leaf again if it has no other child on disk. */
  remove(node: TreeNode): void {
    assert(this.children(node).length === 0, "only the end of a branch is removed");
    this.#unlink(node);
    const parent = this.parentOf(node);
    if (parent === undefined) return;
    if (this.#source.isLeaf(parent.head.hash)) this.#leaves.add(parent);
    this.#consider(parent);
  }

  /** @returns the nodes that became complete by it, ascending. */
  bodyArrived(node: TreeNode): readonly TreeNode[] {
    node.hasBody = true;
    const completed: TreeNode[] = [];
    if (this.parentOf(node)?.isComplete === true) this.#complete(node, completed);
    return completed;
  }

  /** @returns the node and its descendants in memory: all whose record changed. */
  mark(node: TreeNode, mark: BlockMark): readonly TreeNode[] {
    // What the rules say outlasts what the operator says.
    if (node.mark !== "invalid") node.mark = mark;
    const changed = this.#withDescendants(node);
    for (const descendant of changed) {
      descendant.hasInvalidAncestor = true;
      this.#candidates.delete(descendant);
    }
    const parent = this.parentOf(node);
    if (parent !== undefined) this.#consider(parent);
    return changed;
  }

  /** Takes back what the operator said of this block, its ancestors and its descendants. */
  unmark(node: TreeNode): readonly TreeNode[] {
    const line: TreeNode[] = [];
    for (let at: TreeNode | undefined = node; at?.hasInvalidAncestor === true; at = this.parentOf(at))
      line.unshift(at);
    for (const one of [...line, ...this.#withDescendants(node)]) {
      if (one.mark === "invalidated") one.mark = undefined;
    }
    // Other branches above an ancestor are free again too, where they bear no mark of their own.
    const changed = this.#withDescendants(line[0] ?? node);
    for (const one of changed)
      one.hasInvalidAncestor = one.mark !== undefined || this.parentOf(one)?.hasInvalidAncestor === true;
    for (const one of changed) this.#consider(one);
    return changed;
  }

  /** The head was here: a block of the chain that was loaded is no candidate, the end of a branch that was left is one. */
  left(node: TreeNode): void {
    this.#consider(node);
  }

  /**
   * Where to go from `head`, or undefined to stay. Among candidates of equal work it is the one first complete.
   * @param isAllowed asked of candidates that would be the best so far
   */
  choose(head: TreeNode, isAllowed: (candidate: TreeNode) => boolean = () => true): TreeNode | undefined {
    let best: TreeNode | undefined;
    for (const candidate of this.#candidates) {
      if (candidate === head) continue;
      if (!head.hasInvalidAncestor && !this.#choice(candidate, head)) continue;
      if (best !== undefined && !isBetter(candidate, best)) continue;
      if (isAllowed(candidate)) best = candidate;
    }
    return best;
  }

  /** The heaviest known header that is not built on an invalid block, with or without bodies. */
  bestHeader(): TreeNode | undefined {
    let best: TreeNode | undefined;
    for (const leaf of this.#leaves) {
      if (!leaf.hasInvalidAncestor && (best === undefined || leaf.work > best.work)) best = leaf;
    }
    return best;
  }

  path(from: TreeNode, to: TreeNode): TreePath {
    const disconnect: TreeNode[] = [];
    const connect: TreeNode[] = [];
    let [a, b] = [from, to];
    while (a !== b) {
      const [heightA, heightB] = [a.head.summary.height, b.head.summary.height];
      if (heightA >= heightB) {
        disconnect.push(a);
        a = this.#parentOfKnown(a);
      }
      if (heightB >= heightA) {
        connect.push(b);
        b = this.#parentOfKnown(b);
      }
    }
    return { ancestor: a, disconnect, connect: connect.reverse() };
  }

  /** The last known blocks of all branches. */
  leaves(): readonly TreeNode[] {
    return [...this.#leaves];
  }

  get leafCount(): number {
    return this.#leaves.size;
  }

  /** The children of a node that are in memory. */
  children(node: TreeNode): readonly TreeNode[] {
    return [...(this.#children.get(byteText(node.head.hash)) ?? [])];
  }

  /** How many nodes are in memory. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Drops from memory the chain below `height` and the branches that end below it; the source has them still. */
  forgetBelow(height: bigint): void {
    const kept = new Set<TreeNode>();
    for (const leaf of this.#leaves) {
      if (leaf.head.summary.height < height) continue;
      let at: TreeNode | undefined = leaf;
      while (at !== undefined && !kept.has(at) && !this.#source.isOnChain(at.head)) {
        kept.add(at);
        at = this.parentOf(at);
      }
    }
    for (const node of this.#nodes.values()) {
      if (node.head.summary.height < height && !kept.has(node)) this.#unlink(node);
    }
  }

  /** A stored node, and its ancestors down to the chain or to what is in memory: then all it inherits is known. */
  #load(hash: Hash): TreeNode | undefined {
    const line: TreeNode[] = [];
    let at = this.#source.node(hash);
    while (at !== undefined) {
      line.push(at);
      if (this.#source.isOnChain(at.head)) break;
      const { previousHash } = at.head.header;
      if (this.#nodes.has(byteText(previousHash))) break;
      at = this.#source.node(previousHash);
      assert(at !== undefined, "a stored block has a stored parent");
    }
    for (const node of line.reverse()) this.#adopt(node);
    return line.at(-1);
  }

  #adopt(node: TreeNode): void {
    const isOnChain = this.#source.isOnChain(node.head);
    if (!isOnChain) this.#inherit(node, this.#parentOfKnown(node));
    this.#link(node);
    const isLeaf = this.#source.isLeaf(node.head.hash);
    if (isLeaf) this.#leaves.add(node);
    // A block of the chain has a better child on disk.
    if (isOnChain && !isLeaf && this.children(node).length === 0) this.#candidates.delete(node);
  }

  #inherit(node: TreeNode, parent: TreeNode): void {
    node.hasInvalidAncestor = node.mark !== undefined || parent.hasInvalidAncestor;
    const isComplete = node.hasBody && parent.isComplete;
    if (isComplete && !node.isComplete) node.sequence = ++this.#sequence;
    node.isComplete = isComplete;
  }

  #link(node: TreeNode): void {
    if (node.sequence > this.#sequence) this.#sequence = node.sequence;
    this.#nodes.set(byteText(node.head.hash), node);
    const parentId = byteText(node.head.header.previousHash);
    const siblings = this.#children.get(parentId);
    if (siblings === undefined) this.#children.set(parentId, new Set([node]));
    else siblings.add(node);
    this.#consider(node);
  }

  #unlink(node: TreeNode): void {
    this.#nodes.delete(byteText(node.head.hash));
    this.#candidates.delete(node);
    this.#leaves.delete(node);
    const parentId = byteText(node.head.header.previousHash);
    const siblings = this.#children.get(parentId);
    siblings?.delete(node);
    if (siblings?.size === 0) this.#children.delete(parentId);
  }

  /** Whether it is a candidate now; its parent is none if it could be one. */
  #consider(node: TreeNode): void {
    if (!isUsable(node)) return;
    if (!this.children(node).some(isUsable)) this.#candidates.add(node);
    const parent = this.#nodes.get(byteText(node.head.header.previousHash));
    if (parent !== undefined) this.#candidates.delete(parent);
  }

  #complete(node: TreeNode, completed: TreeNode[]): void {
    const waiting = [node];
    // The list grows while it is read.
    for (const next of waiting) {
      next.isComplete = true;
      next.sequence = ++this.#sequence;
      completed.push(next);
      this.#consider(next);
      const ready = this.children(next).filter((child) => child.hasBody && !child.isComplete);
      // Of blocks that become complete at once none is first: their hashes decide, the same on every node.
      waiting.push(...ready.sort((a, b) => compareBytes(a.head.hash, b.head.hash)));
    }
  }

  #withDescendants(node: TreeNode): TreeNode[] {
    const found = [node];
    // The list grows while it is read.
    for (const one of found) for (const child of this.children(one)) found.push(child);
    return found;
  }

  #parentOfKnown(node: TreeNode): TreeNode {
    const parent = this.parentOf(node);
    assert(parent !== undefined, "every node but block 0 has a parent");
    return parent;
  }
}

function isUsable(node: TreeNode): boolean {
  return node.isComplete && !node.hasInvalidAncestor;
}

function isBetter(a: TreeNode, b: TreeNode): boolean {
  return a.work > b.work || (a.work === b.work && a.sequence < b.sequence);
}
