/**
 * The branches of a chain as JSON-RPC sees them: tips, reorganisations, work, and the operator's two words. Only
 * reading and translating; the choice between branches is chain/forks/branches.ts's. Old blocks are read from disk, so
 * that a curious caller does not fill the tree in memory.
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash } from "../../base/bytes.ts";
import type { Fault } from "../../base/fault.ts";
import { TIPS_SHOWN_MAX } from "../../base/limits.ts";
import type { Chain } from "../../chain/chain.ts";
import type { ChainMode } from "../../chain/chain-mode.ts";
import type { TreeNode } from "../../chain/forks/block-tree.ts";
import { TreeStore } from "../../chain/forks/block-tree-store.ts";
import type { Branches } from "../../chain/forks/branches.ts";
import type { WorkSchedule } from "../../chain/rules.ts";
import type { BranchesApi, ReorgRecord, SideBlockView, TipView } from "../../rpc/api.ts";

/** Blocks that the hash rate is estimated from. */
const RATE_BLOCKS = 120n;

export class ChainBranches implements BranchesApi {
  readonly schedule: WorkSchedule;
  readonly #chain: Chain;
  readonly #branches: Branches;
  readonly #disk: TreeStore;

  constructor(chain: Chain, { branches, rules }: Extract<ChainMode, { kind: "forkable" }>) {
    this.schedule = rules.schedule;
    this.#chain = chain;
    this.#branches = branches;
    this.#disk = new TreeStore(chain.store.kv, (hash) => chain.store.head(hash));
  }

  workOf(hash: Hash): bigint | undefined {
    return this.#disk.node(hash)?.work;
  }

  tips(): readonly TipView[] {
    const { head } = this.#chain;
    const others = this.#branches.tree
      .leaves()
      // An old block of the chain that was looked at lies in memory without its child.
      .filter((leaf) => !equalBytes(leaf.head.hash, head.hash) && !this.#branches.isCanonical(leaf.head))
      .sort((a, b) => (a.work < b.work ? 1 : a.work > b.work ? -1 : 0))
      .slice(0, TIPS_SHOWN_MAX - 1);
    const active: TipView = {
      head,
      branchLength: 0,
      work: must(this.workOf(head.hash), "the head is in the tree"),
      status: "active",
    };
    return [active, ...others.map((leaf) => this.#tip(leaf))];
  }

  async beside(hash: Hash): Promise<SideBlockView | undefined> {
    const { store } = this.#chain;
    const head = store.head(hash);
    if (head === undefined || this.#branches.isCanonical(head)) return undefined;
    // From the tree: what the block inherits from its ancestors is known there, and may be out of date on disk.
    const node = this.#branches.tree.get(hash);
    if (node === undefined) return undefined;
    let at: TreeNode | undefined = node;
    while (at !== undefined && !this.#branches.isCanonical(at.head)) at = this.#branches.tree.parentOf(at);
    const forkHeight = at?.head.summary.height ?? 0n;
    const transactions = node.hasBody ? store.body(hash) : undefined;
    return { head, transactions, forkHeight, status: this.#statusOf(node, node.hasBody) };
  }

  reorgs(countMax: number): Promise<readonly ReorgRecord[]> {
    return this.#branches.reorgs(countMax);
  }

  hashrate(): number | undefined {
    const top = this.#chain.head.summary.height;
    // Block 0 was made long before anybody mined.
    const from = top > RATE_BLOCKS ? top - RATE_BLOCKS : 1n;
    if (top <= from) return undefined;
    let [earliest, latest] = [Number.POSITIVE_INFINITY, 0];
    const { tree } = this.#branches;
    const last = must(tree.get(this.#chain.head.hash), "the head is in the tree");
    let first = last;
    // In memory, so near the head. Times may go backwards: the span is between the earliest and the latest.
    for (
      let at = last;
      at.head.summary.height >= from;
      at = must(tree.parentOf(at), "the chain reaches down to block 0")
    ) {
      const { time } = at.head.header;
      earliest = Math.min(earliest, time);
      latest = Math.max(latest, time);
      first = at;
    }
    return latest > earliest ? Number(last.work - first.work) / (latest - earliest) : undefined;
  }

  invalidate(hash: Hash): Promise<Fault | undefined> {
    return this.#chain.enqueue(() => this.#branches.invalidate(hash));
  }

  reconsider(hash: Hash): Promise<Fault | undefined> {
    return this.#chain.enqueue(() => this.#branches.reconsider(hash));
  }

  #tip(leaf: TreeNode): TipView {
    let branchLength = 0;
    let at: TreeNode | undefined = leaf;
    while (at !== undefined && !this.#branches.isCanonical(at.head)) {
      branchLength++;
      at = this.#parentOf(at);
    }
    return { head: leaf.head, branchLength, work: leaf.work, status: this.#statusOf(leaf, leaf.isComplete) };
  }

  #parentOf({ head }: TreeNode): TreeNode | undefined {
    return this.#disk.node(head.header.previousHash);
  }

  /** @param isHere whether the bodies are that the answer speaks of: a tip's whole branch, or one block's */
  #statusOf(node: TreeNode, isHere: boolean): SideBlockView["status"] {
    if (node.hasInvalidAncestor) return "invalid";
    if (!isHere) return "headers-only";
    return this.#branches.wasExecuted(node.head) ? "valid-fork" : "valid-headers";
  }
}

/** Whether the block is on the chain that the head ends. */
export function isOnChain(chain: Chain, hash: Hash, height: bigint): boolean {
  const at = chain.store.hashAt(height);
  return at !== undefined && equalBytes(at, hash);
}
