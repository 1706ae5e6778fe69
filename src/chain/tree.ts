/**
 * The block tree: which heads are known, how much work stands behind each, and which is the best to be on. Headers
 * come first and bodies later; a block takes part in the choice once it and all its ancestors have their bodies, and
 * its sequence is that moment. Most work wins, the first seen on a tie. It executes nothing: what turns out invalid
 * is marked from outside, and its descendants with it. Pure; old nodes are loaded through `source` when asked for.
 * Sources: pow.md 2.3, 2.8.
 */
import { assert } from "../base/assert.ts";
import { byteText, type Hash } from "../base/bytes.ts";
import type { BlockHead } from "./block.ts";

/** invalid: by the rules, for good. invalidated: by the operator's word, until he takes it back. */
export type Mark = "invalid" | "invalidated";

export interface TreeNode {
  readonly head: BlockHead;
  /** Sum of the work of all blocks from block 0 up to this one. */
  readonly work: bigint;
  hasBody: boolean;
  /** It and all its ancestors have bodies. */
  isComplete: boolean;
  /** Order in which nodes became complete; 0 while it is not. */
  sequence: number;
  mark: Mark | undefined;
  /** It or an ancestor is marked. */
  isDoomed: boolean;
}

/** Where the nodes come from that are not in memory. */
export type NodeSource = (hash: Hash) => TreeNode | undefined;

/** Whether `candidate` shall replace the head. Both are complete; the candidate is not doomed. */
export type ForkChoice = (candidate: TreeNode, head: TreeNode) => boolean;

/** The rule of the chain: strictly more work, so that a tie never causes a reorg. */
export const MOST_WORK: ForkChoice = (candidate, head) => candidate.work > head.work;

/** From one block to another over their last common ancestor. */
export interface TreePath {
  readonly ancestor: TreeNode;
  /** To be undone, from the old head down. */
  readonly leave: readonly TreeNode[];
  /** To be executed, ascending. */
  readonly enter: readonly TreeNode[];
}

export class BlockTree {
  readonly #nodes = new Map<string, TreeNode>();
  readonly #children = new Map<string, TreeNode[]>();
  /** Complete, not doomed, and without such a child. */
  readonly #candidates = new Set<TreeNode>();
  /** Nodes without a child. */
  readonly #leaves = new Set<TreeNode>();
  readonly #source: NodeSource;
  readonly #choice: ForkChoice;
  /** The highest so far; of loaded nodes too. */
  #sequence = 0;

  constructor(source: NodeSource, choice: ForkChoice = MOST_WORK) {
    this.#source = source;
    this.#choice = choice;
  }

  get(hash: Hash): TreeNode | undefined {
    const known = this.#nodes.get(byteText(hash));
    if (known !== undefined) return known;
    const loaded = this.#source(hash);
    if (loaded !== undefined) this.#link(loaded);
    return loaded;
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
      isDoomed: parent.isDoomed,
    };
    this.#link(node);
    return node;
  }

  /** @returns the nodes that became complete by it, ascending. */
  bodyArrived(node: TreeNode): readonly TreeNode[] {
    node.hasBody = true;
    const completed: TreeNode[] = [];
    if (this.parentOf(node)?.isComplete === true) this.#complete(node, completed);
    return completed;
  }

  /** @returns the node and its descendants in memory: all whose record changed. */
  mark(node: TreeNode, mark: Mark): readonly TreeNode[] {
    node.mark = mark;
    const changed = this.#withDescendants(node);
    for (const doomed of changed) doomed.isDoomed = true;
    this.#recount();
    return changed;
  }

  /** Takes back what the operator said of this block, its ancestors and its descendants. */
  unmark(node: TreeNode): readonly TreeNode[] {
    const line: TreeNode[] = [];
    for (let at: TreeNode | undefined = node; at?.isDoomed === true; at = this.parentOf(at)) line.unshift(at);
    const changed = [...new Set([...line, ...this.#withDescendants(node)])];
    for (const one of changed) {
      if (one.mark === "invalidated") one.mark = undefined;
      one.isDoomed = one.mark !== undefined || this.parentOf(one)?.isDoomed === true;
    }
    this.#recount();
    return changed;
  }

  /** Where to go from `head`; undefined: stay. Among candidates of equal work the one first complete. */
  choose(head: TreeNode): TreeNode | undefined {
    let best: TreeNode | undefined;
    for (const candidate of this.#candidates) {
      if (candidate === head) continue;
      if (!head.isDoomed && !this.#choice(candidate, head)) continue;
      if (best === undefined || this.#isBetter(candidate, best)) best = candidate;
    }
    return best;
  }

  /** The heaviest known header that is not doomed, with or without bodies. */
  bestHeader(): TreeNode | undefined {
    let best: TreeNode | undefined;
    for (const leaf of this.#leaves) {
      if (!leaf.isDoomed && (best === undefined || leaf.work > best.work)) best = leaf;
    }
    return best;
  }

  path(from: TreeNode, to: TreeNode): TreePath {
    const leave: TreeNode[] = [];
    const enter: TreeNode[] = [];
    let [a, b] = [from, to];
    while (a !== b) {
      const [heightA, heightB] = [a.head.summary.height, b.head.summary.height];
      if (heightA >= heightB) {
        leave.push(a);
        a = this.#parentOfKnown(a);
      }
      if (heightB >= heightA) {
        enter.push(b);
        b = this.#parentOfKnown(b);
      }
    }
    return { ancestor: a, leave, enter: enter.reverse() };
  }

  /** The last known blocks of all branches. */
  leaves(): readonly TreeNode[] {
    return [...this.#leaves];
  }

  children(node: TreeNode): readonly TreeNode[] {
    return this.#children.get(byteText(node.head.hash)) ?? [];
  }

  /** How many nodes are in memory. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Drops from memory what lies below `height`; what has a source is found there again. */
  forgetBelow(height: bigint): void {
    for (const [id, node] of this.#nodes) {
      if (node.head.summary.height >= height) continue;
      this.#nodes.delete(id);
      // A node whose child stays must be known as its parent when it is loaded again.
      if (node.head.summary.height + 1n < height) this.#children.delete(id);
      this.#candidates.delete(node);
      this.#leaves.delete(node);
    }
  }

  #isBetter(a: TreeNode, b: TreeNode): boolean {
    return a.work > b.work || (a.work === b.work && a.sequence < b.sequence);
  }

  #link(node: TreeNode): void {
    const { hash, header } = node.head;
    if (node.sequence > this.#sequence) this.#sequence = node.sequence;
    this.#nodes.set(byteText(hash), node);
    const parentId = byteText(header.previousHash);
    const siblings = this.#children.get(parentId);
    if (siblings === undefined) this.#children.set(parentId, [node]);
    else siblings.push(node);
    const parent = this.#nodes.get(parentId);
    if (parent !== undefined) {
      this.#leaves.delete(parent);
      if (isUsable(node)) this.#candidates.delete(parent);
    }
    const children = this.children(node);
    if (children.length === 0) this.#leaves.add(node);
    if (isUsable(node) && !children.some(isUsable)) this.#candidates.add(node);
  }

  #complete(node: TreeNode, completed: TreeNode[]): void {
    const waiting = [node];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      next.isComplete = true;
      next.sequence = ++this.#sequence;
      completed.push(next);
      const parent = this.parentOf(next);
      if (isUsable(next)) {
        this.#candidates.add(next);
        if (parent !== undefined) this.#candidates.delete(parent);
      }
      waiting.push(...this.children(next).filter((child) => child.hasBody && !child.isComplete));
    }
  }

  #withDescendants(node: TreeNode): TreeNode[] {
    const found = [node];
    for (let i = 0; i < found.length; i++) found.push(...this.children(found[i]!));
    return found;
  }

  /** After marks have changed: which nodes are candidates now. */
  #recount(): void {
    this.#candidates.clear();
    for (const node of this.#nodes.values()) {
      if (isUsable(node) && !this.children(node).some(isUsable)) this.#candidates.add(node);
    }
  }

  #parentOfKnown(node: TreeNode): TreeNode {
    const parent = this.parentOf(node);
    assert(parent !== undefined, "every node but block 0 has a parent");
    return parent;
  }
}

function isUsable(node: TreeNode): boolean {
  return node.isComplete && !node.isDoomed;
}
