/**
 * The chain's door where blocks can be abandoned: heads and bodies come in, the tree says which branch is the best
 * to be on, and the head moves there by undoing and executing blocks above the fork, as one atomic batch. A block is
 * executed only when its branch would win. One that turns out invalid is marked with its descendants, and the choice
 * is made again: the heaviest valid prefix, or the old head, untouched. Source: pow.md 2.8; decision 5.
 */
import { assert } from "../base/assert.ts";
import { byteText, EMPTY, equalBytes, type Hash, showHash } from "../base/bytes.ts";
import { type Fault, fault } from "../base/fault.ts";
import { RECENT_BODIES_MAX, TREE_DEPTH } from "../base/limits.ts";
import type { KvOperation } from "../storage/kv.ts";
import type { Ancestry } from "./ancestry.ts";
import type { Block, BlockHead, SealedBlock } from "./block.ts";
import type { BranchChange, BranchSettings, HeadChange, ImportResult } from "./chain.ts";
import type { BlockExecutor } from "./executor.ts";
import { HeadStep, shortestBetter } from "./headstep.ts";
import type { ExecutedBlock, LedgerView } from "./ledgerview.ts";
import { bodyOperations, type ChainStore, headOperations } from "./store.ts";
import { isCoinbase, type SignedTransaction } from "./transaction.ts";
import { BlockTree, type TreeNode, type TreePath } from "./tree.ts";
import { leafOperations, nodeOperations, type Reorg, reorgOperations, TreeStore } from "./treestore.ts";

export interface BranchesPorts {
  readonly executor: BlockExecutor;
  readonly store: ChainStore;
  readonly head: () => BlockHead;
  readonly now: () => number;
  /** While true the store may show either ledger: nothing is built on it. */
  readonly moving: (isMoving: boolean) => void;
  /** The head has durably moved over these. */
  readonly moved: (changes: readonly HeadChange[]) => void;
}

/** What came of heads that were offered. */
export type HeadsResult =
  | { readonly kind: "added"; readonly added: number; readonly last: TreeNode | undefined }
  | { readonly kind: "orphan" }
  /** The rest is early. */
  | { readonly kind: "early"; readonly added: number }
  /** Too little work to be worth storing. */
  | { readonly kind: "too-light"; readonly work: bigint; readonly needed: bigint }
  | { readonly kind: "invalid"; readonly fault: Fault };

/** A branch with less than this many blocks' work below the head is not stored. */
const SPAM_MARGIN_BLOCKS = 144n;

export class Branches {
  readonly tree: BlockTree;
  readonly #settings: BranchSettings;
  readonly #ports: BranchesPorts;
  readonly #disk: TreeStore;
  readonly #bodies = new Map<string, readonly SignedTransaction[]>();
  /** Branches that would undo more than the operator allows; asked again after a restart. */
  readonly #refused = new Set<string>();
  #reorgs = 0n;

  constructor(settings: BranchSettings, ports: BranchesPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#disk = new TreeStore(ports.store.kv, (hash) => ports.store.head(hash));
    this.tree = new BlockTree((hash) => this.#disk.node(hash), settings.forkChoice);
  }

  /** Reads the tree from disk and takes up what was left undone. */
  async open(zero: BlockHead): Promise<void> {
    if (this.tree.get(zero.hash) === undefined) await this.#plant(zero);
    this.#reorgs = await this.#disk.lastReorg();
    for (const hash of await this.#disk.leaves()) this.#loadBranch(hash);
    this.#headNode();
    await this.#advance();
  }

  /** The one door for whole blocks. */
  async import({ block, seal }: SealedBlock): Promise<ImportResult> {
    const { height } = block.summary;
    const known = this.tree.get(block.hash);
    if (known?.hasBody === true) {
      return known.isDoomed ? { kind: "invalid", fault: this.#doom(known) } : { kind: "known" };
    }
    const wrong = this.#ports.executor.checkBody(block);
    if (wrong !== undefined) return { kind: "invalid", fault: wrong };
    const node = known ?? (await this.#addHead(block, seal));
    if (node === "orphan") return { kind: "orphan", height };
    if ("notBeforeMs" in node) return { kind: "early", notBeforeMs: node.notBeforeMs };
    if ("code" in node) return { kind: "invalid", fault: node };
    await this.#addBody(node, block);
    return node.isDoomed ? { kind: "invalid", fault: this.#doom(node) } : { kind: "imported" };
  }

  /** Heads in ascending order, each on the one before; the first on a known block. */
  async addHeads(heads: readonly BlockHead[]): Promise<HeadsResult> {
    const first = heads.find((head) => this.tree.get(head.hash) === undefined);
    if (first === undefined) return { kind: "added", added: 0, last: this.tree.get(heads.at(-1)!.hash) };
    const fresh = heads.slice(heads.indexOf(first));
    const parent = this.tree.get(first.header.previousHash);
    if (parent === undefined) return { kind: "orphan" };
    const light = this.#tooLight(parent, fresh);
    if (light !== undefined) return light;
    let [added, last]: [number, TreeNode | undefined] = [0, undefined];
    for (const head of fresh) {
      const node = await this.#addHead(head, EMPTY);
      if (node === "orphan") return { kind: "invalid", fault: fault("not-a-chain", "heads do not link") };
      if ("notBeforeMs" in node) return { kind: "early", added };
      if ("code" in node) return { kind: "invalid", fault: node };
      [added, last] = [added + 1, node];
    }
    return { kind: "added", added, last };
  }

  /** The body of a known head. A fault is the sender's and says nothing about the head. */
  async addBody(hash: Hash, transactions: readonly SignedTransaction[]): Promise<Fault | undefined> {
    const node = this.tree.get(hash);
    if (node === undefined) return fault("unknown-block", `no head of block ${showHash(hash)} is known here`);
    if (node.hasBody) return undefined;
    const block: Block = { ...node.head, transactions };
    const wrong = this.#ports.executor.checkBody(block);
    if (wrong === undefined) await this.#addBody(node, block);
    return wrong;
  }

  /** The operator's word against a block; it is kept until {@link reconsider}. */
  async invalidate(hash: Hash): Promise<Fault | undefined> {
    const node = this.tree.get(hash);
    if (node === undefined) return fault("unknown-block", `no block ${showHash(hash)} is known here`);
    if (node.head.summary.height === 0n) return fault("genesis", "block 0 cannot be taken away");
    // All of the branch must be in memory, so that every descendant is marked.
    for (let at = this.#headNode(); at.head.summary.height > node.head.summary.height; )
      at = this.tree.parentOf(at)!;
    await this.#write(nodeOperations(this.tree.mark(node, "invalidated")));
    await this.#advance();
    return undefined;
  }

  async reconsider(hash: Hash): Promise<Fault | undefined> {
    const node = this.tree.get(hash);
    if (node === undefined) return fault("unknown-block", `no block ${showHash(hash)} is known here`);
    await this.#write(nodeOperations(this.tree.unmark(node)));
    this.#refused.clear();
    await this.#advance();
    return undefined;
  }

  /** The branch that a known block ends. */
  ancestryOf(hash: Hash): Ancestry | undefined {
    const last = this.tree.get(hash);
    return last === undefined ? undefined : this.#ancestryOf(last);
  }

  /** Whether the block is on the chain that the head ends. */
  isCanonical({ hash, summary }: BlockHead): boolean {
    const at = this.#ports.store.hashAt(summary.height);
    return at !== undefined && equalBytes(at, hash);
  }

  /** Whether a block was executed here once, on whatever branch. */
  wasExecuted({ hash }: BlockHead): boolean {
    return this.#ports.store.undo(hash) !== undefined;
  }

  /** The newest first. */
  reorgs(countMax: number): Promise<readonly Reorg[]> {
    return this.#disk.reorgs(countMax);
  }

  /** How many there have been since this database began. */
  get reorgCount(): bigint {
    return this.#reorgs;
  }

  async #plant(zero: BlockHead): Promise<void> {
    const work = this.#ports.executor.rules.weight(zero.header);
    const node: TreeNode = {
      head: zero,
      work,
      hasBody: true,
      isComplete: true,
      sequence: 0,
      mark: undefined,
      isDoomed: false,
    };
    await this.#write([...nodeOperations([node]), leafOperations(zero)[0]!]);
  }

  /** From a leaf down to the chain or to what is in memory, so that its blocks take part in the choice. */
  #loadBranch(leaf: Hash): void {
    let node = this.tree.get(leaf);
    while (node !== undefined && !this.isCanonical(node.head)) node = this.tree.parentOf(node);
  }

  async #addHead(
    head: BlockHead,
    seal: Uint8Array,
  ): Promise<TreeNode | Fault | "orphan" | { readonly notBeforeMs: number }> {
    const { executor, now } = this.#ports;
    const known = this.tree.get(head.hash);
    if (known !== undefined) return known.isDoomed ? this.#doom(known) : known;
    const parent = this.tree.get(head.header.previousHash);
    if (parent === undefined) return "orphan";
    if (parent.isDoomed) return this.#doom(parent);
    const wrong =
      executor.rules.verifySeal(head, seal) ??
      executor.checkHeadForm(parent.head, head) ??
      executor.rules.checkHead(parent.head, head, this.#ancestryOf(parent));
    if (wrong !== undefined) return wrong;
    const notBeforeMs = executor.rules.notBeforeMs(head);
    if (notBeforeMs > now()) return { notBeforeMs };
    const node = this.tree.add(head, executor.rules.weight(head.header))!;
    await this.#write([...headOperations(head), ...nodeOperations([node]), ...leafOperations(head)]);
    return node;
  }

  async #addBody(node: TreeNode, block: Block): Promise<void> {
    this.#keepBody(block);
    const completed = this.tree.bodyArrived(node);
    await this.#write([...bodyOperations(block, EMPTY), ...nodeOperations([node, ...completed])]);
    if (completed.length > 0) await this.#advance();
  }

  #tooLight(parent: TreeNode, heads: readonly BlockHead[]): HeadsResult | undefined {
    const { rules } = this.#ports.executor;
    const head = this.#headNode();
    const margin = SPAM_MARGIN_BLOCKS * rules.weight(head.head.header);
    const floor = this.#settings.minimumChainWork ?? 0n;
    const needed = head.work - margin > floor ? head.work - margin : floor;
    const work = heads.reduce((sum, { header }) => sum + rules.weight(header), parent.work);
    return work < needed ? { kind: "too-light", work, needed } : undefined;
  }

  /** Moves the head until no better one is to be had. */
  async #advance(): Promise<void> {
    for (;;) {
      const head = this.#headNode();
      const target = this.tree.choose(head);
      if (target === undefined || this.#refused.has(byteText(target.head.hash))) return;
      await this.#moveTowards(head, target);
    }
  }

  async #moveTowards(head: TreeNode, target: TreeNode): Promise<void> {
    const whole = this.tree.path(head, target);
    const doomed = whole.enter.find((node) => node.isDoomed);
    if (doomed !== undefined) {
      await this.#write(nodeOperations(this.tree.mark(doomed, doomed.mark ?? "invalid")));
      return;
    }
    if (this.#isTooDeep(head, whole)) {
      this.#refused.add(byteText(target.head.hash));
      return;
    }
    const path = shortestBetter(head, whole);
    const step = new HeadStep(this.#ports.store.committed);
    for (const node of path.leave) step.undo(this.#ports.store.undo(node.head.hash));
    for (const node of path.enter) {
      const executed = this.#execute(node, step.view);
      if ("code" in executed) {
        await this.#write(nodeOperations(this.tree.mark(node, "invalid")));
        return;
      }
      step.apply(executed);
    }
    await this.#commit(head, path, step);
  }

  #isTooDeep(head: TreeNode, { leave }: TreePath): boolean {
    const { maxReorgDepth = 0 } = this.#settings;
    return maxReorgDepth > 0 && leave.length > maxReorgDepth && !head.isDoomed;
  }

  #execute(node: TreeNode, view: LedgerView): ExecutedBlock | Fault {
    const parent = this.tree.parentOf(node)!;
    const transactions = this.#bodyOf(node.head.hash);
    const site = { parent: parent.head, branch: this.#ancestryOf(parent), view };
    return this.#ports.executor.execute({ ...node.head, transactions }, site);
  }

  async #commit(old: TreeNode, path: TreePath, step: HeadStep): Promise<void> {
    const { store, moving, moved } = this.#ports;
    const last = path.enter.at(-1) ?? path.ancestor;
    const change = path.leave.length === 0 ? undefined : this.#changeOf(path, step);
    const besides = change === undefined ? [] : this.#recordOf(old, last, change);
    moving(true);
    await store.moveHead({
      diff: step.diff,
      pages: step.pages,
      dropped: path.leave
        .map((node) => node.head.summary.height)
        .filter((height) => height > last.head.summary.height),
      entered: step.entered,
      head: last.head.hash,
      besides,
    });
    moving(false);
    this.tree.forgetBelow(last.head.summary.height - BigInt(TREE_DEPTH));
    moved(this.#tellings(last, step, change));
  }

  #tellings(last: TreeNode, step: HeadStep, reorg: BranchChange | undefined): HeadChange[] {
    const about = reorg === undefined ? {} : { reorg };
    if (step.entered.length === 0) {
      const block = { ...last.head, transactions: this.#bodyOf(last.head.hash) };
      const receipts = this.#ports.store.receipts(last.head.hash) ?? [];
      return [{ sealed: { block, seal: EMPTY }, receipts, ...about }];
    }
    return step.entered.map(({ executed: { block, receipts } }) => ({
      sealed: { block, seal: EMPTY },
      receipts,
      ...about,
    }));
  }

  #changeOf(path: TreePath, step: HeadStep): BranchChange {
    const abandoned = [...path.leave].reverse().map(({ head }) => ({
      block: { ...head, transactions: this.#bodyOf(head.hash) },
      seal: EMPTY,
    }));
    const entered = step.entered.map(({ executed: { block } }) => ({ block, seal: EMPTY }));
    return { ancestor: path.ancestor.head, abandoned, entered };
  }

  #recordOf(old: TreeNode, last: TreeNode, { ancestor, abandoned, entered }: BranchChange): KvOperation[] {
    const kept = new Set(entered.flatMap(({ block }) => block.transactions.map((tx) => byteText(tx.hash))));
    const dropped = abandoned
      .flatMap(({ block }) => block.transactions)
      .filter((tx) => !isCoinbase(tx) && !kept.has(byteText(tx.hash))).length;
    this.#reorgs++;
    return reorgOperations(this.#reorgs, {
      atMs: this.#ports.now(),
      ancestor: ancestor.hash,
      oldHead: old.head.hash,
      newHead: last.head.hash,
      depth: abandoned.length,
      entered: entered.length,
      dropped,
    });
  }

  #headNode(): TreeNode {
    const node = this.tree.get(this.#ports.head().hash);
    assert(node !== undefined, "the head is in the tree");
    return node;
  }

  #doom(node: TreeNode): Fault {
    return fault(
      node.mark === "invalidated" ? "invalidated" : "invalid-block",
      `block ${showHash(node.head.hash)} or an ancestor of it is marked as invalid here`,
    );
  }

  #ancestryOf(last: TreeNode): Ancestry {
    return {
      height: last.head.summary.height,
      headerAt: (height) => {
        let at = last;
        while (at.head.summary.height > height) {
          if (this.isCanonical(at.head)) {
            return this.#ports.store.head(this.#ports.store.hashAt(height)!)!.header;
          }
          at = this.tree.parentOf(at)!;
        }
        return at.head.header;
      },
    };
  }

  #bodyOf(hash: Hash): readonly SignedTransaction[] {
    const body = this.#bodies.get(byteText(hash)) ?? this.#ports.store.body(hash);
    assert(body !== undefined, "a complete block has a body");
    return body;
  }

  #keepBody({ hash, transactions }: Block): void {
    this.#bodies.set(byteText(hash), transactions);
    if (this.#bodies.size > RECENT_BODIES_MAX) this.#bodies.delete(this.#bodies.keys().next().value!);
  }

  #write(operations: readonly KvOperation[]): Promise<void> {
    return this.#ports.store.writeAhead(operations);
  }
}
