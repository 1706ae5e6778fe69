/**
 * The chain where blocks can be abandoned: heads and bodies come in, the tree says which branch is best, and the head
 * moves there by disconnecting and connecting blocks, in one atomic batch. A block is executed only when its branch
 * would win; an invalid one is marked with its descendants, and the choice is made again. Source: pow.md 2.8; decision 5.
 */
import { assert, must } from "../../base/assert.ts";
import { EMPTY, equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { type Fault, fault, type Verdict } from "../../base/fault.ts";
import {
  HEAD_MOVE_BYTES_MAX,
  HEADERS_AHEAD_MAX,
  SIDE_BODIES_BYTES_MAX,
  SIDE_BRANCHES_MAX,
  TREE_DEPTH,
  TREE_TIDY_BLOCKS,
} from "../../base/limits.ts";
import type { KvOperation } from "../../storage/kv.ts";
import { bodyOperations, headOperations } from "../block-operations.ts";
import type { BlockOrigin, ImportResult } from "../chain.ts";
import type { BranchSettings } from "../chain-mode.ts";
import type { ExecutedBlock, LedgerView } from "../state/ledger-view.ts";
import type { Ancestry } from "../types/ancestry.ts";
import { type Block, type BlockHead, copyHead, type SealedBlock, withBody } from "../types/block.ts";
import type { SignedTransaction } from "../types/transaction.ts";
import { BlockTree, type TreeNode, type TreePath } from "./block-tree.ts";
import {
  dropOperations,
  leafOperations,
  nodeOperations,
  type Reorg,
  reorgOperations,
  rootOperations,
  TreeStore,
} from "./block-tree-store.ts";
import { BranchRefusals, cannotBeUndone } from "./branch-refusals.ts";
import type { AddedHead, BranchesPorts, OfferedBody } from "./branches-ports.ts";
import { ancestryIn, HeaderAdmission, type HeadsResult } from "./header-admission.ts";
import { HeaderPresync } from "./header-presync.ts";
import { BlockFaults } from "./invalid-blocks.ts";
import { RecentBodies } from "./recent-bodies.ts";
import { assertPath, EXTENSION_BLOCKS, heightsLost, ReorgBatch, shortestBetter } from "./reorg-batch.ts";
import { surplus } from "./side-branches.ts";
import { changeOf, recordOf, tipEventsOf } from "./tip-events.ts";

/** Everything here that writes runs one at a time, through Chain.enqueue. */
export class Branches {
  readonly tree: BlockTree;
  readonly #settings: BranchSettings;
  readonly #ports: BranchesPorts;
  readonly #disk: TreeStore;
  readonly #admission: HeaderAdmission;
  readonly #bodies = new RecentBodies();
  readonly #faults: BlockFaults;
  readonly #refused: BranchRefusals;
  #reorgs = 0n;
  /** Head moves since the last tidying, and an upper bound of the bytes of bodies beside the chain. */
  #movesUntidy = 0;
  #sideBytes = 0;

  constructor(settings: BranchSettings, ports: BranchesPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#disk = new TreeStore(ports.store.kv, (hash) => ports.store.head(hash));
    this.#admission = new HeaderAdmission(settings.minimumChainWork ?? 0n, ports);
    const source = {
      node: (hash: Hash) => this.#disk.node(hash),
      isLeaf: (hash: Hash) => this.#disk.isLeaf(hash),
      isOnChain: (head: BlockHead) => this.isCanonical(head),
    };
    this.tree = new BlockTree(source, settings.forkChoice);
    this.#faults = new BlockFaults(this.tree);
    this.#refused = new BranchRefusals(settings, this.tree, ({ head }) => this.wasExecuted(head));
  }

  /** Reads the tree from disk and takes up what was left undone. */
  async open(zero: BlockHead): Promise<void> {
    if (this.tree.get(zero.hash) === undefined)
      await this.#write(rootOperations(zero, this.#ports.rules.weight(zero.header)));
    this.#reorgs = await this.#disk.lastReorg();
    await this.#loadLeaves();
    this.#headNode();
    await this.#advance();
    await this.#tidy();
  }

  /** The only way in for whole blocks. */
  async import({ block, seal }: SealedBlock, origin: BlockOrigin): Promise<ImportResult> {
    const known = this.tree.get(block.hash);
    if (known?.hasBody === true) {
      return known.hasInvalidAncestor
        ? { kind: "invalid", fault: this.#faults.of(known) }
        : { kind: "known" };
    }
    const wrong = this.#ports.executor.checkBody(block);
    if (wrong !== undefined) return { kind: "invalid", fault: wrong };
    if (known?.hasInvalidAncestor === true) return { kind: "invalid", fault: this.#faults.of(known) };
    const added = known ? { kind: "added" as const, node: known } : this.#addHead(block, seal, origin);
    if (added.kind !== "added") return added;
    const { node } = added;
    await this.#addBodies([[node, block]], known === undefined ? node : undefined);
    return node.hasInvalidAncestor ? { kind: "invalid", fault: this.#faults.of(node) } : { kind: "imported" };
  }

  /**
   * Heads in ascending order, each on the one before; the first on a known block. All are judged before any is
   * stored. Those too far ahead of the head are left out: `last` says how far it went.
   * @param workProven of the branch that they begin, where a first pass over its headers has found it
   */
  async addHeads(heads: readonly BlockHead[], workProven = 0n): Promise<HeadsResult> {
    const first = heads.find((head) => this.tree.get(head.hash) === undefined);
    if (first === undefined)
      return { kind: "added", added: 0, last: heads.map(({ hash }) => this.tree.get(hash)).at(-1) };
    const parent = this.tree.get(first.header.previousHash);
    if (parent === undefined) return { kind: "orphan" };
    if (parent.hasInvalidAncestor) return { kind: "invalid", fault: this.#faults.of(parent) };
    const highest = this.#ports.head().summary.height + BigInt(HEADERS_AHEAD_MAX);
    const fresh = heads.slice(heads.indexOf(first)).filter(({ summary }) => summary.height <= highest);
    const { good, stop } = this.#admission.judge(parent.head, this.#ancestryOf(parent), fresh);
    const light = this.#admission.weigh(this.#headNode(), parent, good, workProven);
    if (light === undefined) await this.#store(good);
    if (stop?.kind === "invalid") return stop;
    if (light !== undefined) return light;
    if (stop !== undefined) return { kind: "early", added: good.length };
    return { kind: "added", added: good.length, last: this.tree.get((good.at(-1) ?? parent.head).hash) };
  }

  /** Reads through what follows a known block, before any of it is worth storing. */
  scan(parent: Hash): HeaderPresync | undefined {
    const node = this.tree.get(parent);
    return node && new HeaderPresync(this.#admission, this.#ports.rules, node, this.#ancestryOf(node));
  }

  /** The body of a known head. A fault is the sender's and says nothing about the head. */
  async addBody(hash: Hash, transactions: readonly SignedTransaction[]): Promise<Fault | undefined> {
    return (await this.addBodies([{ hash, transactions }]))[0];
  }

  /** Bodies of known heads, each judged by itself; the head moves once for all of them. */
  async addBodies(bodies: readonly OfferedBody[]): Promise<readonly (Fault | undefined)[]> {
    const blocks: [TreeNode, Block][] = [];
    const faults = bodies.map(({ hash, transactions }) => {
      const node = this.tree.get(hash);
      if (node === undefined)
        return fault("unknown-block", `no head of block ${showHash(hash)} is known here`);
      if (node.hasBody) return undefined;
      const block = withBody(node.head, transactions);
      const wrong = this.#ports.executor.checkBody(block);
      // Of a block that is invalid anyway the body is not kept, which is not the sender's fault.
      if (wrong === undefined && !node.hasInvalidAncestor) blocks.push([node, block]);
      return wrong;
    });
    await this.#addBodies(blocks);
    return faults;
  }

  /** The bytes that a head commits to are no valid body (they do not decode): the block is invalid for good. */
  async markInvalid(hash: Hash): Promise<void> {
    const node = this.tree.get(hash);
    if (node === undefined || node.hasBody) return;
    await this.#markInvalid(node, fault("malformed", "a transaction of its body does not decode"));
  }

  /** Takes the operator's word that a block is invalid, and keeps it until {@link reconsider}. */
  async invalidate(hash: Hash): Promise<Fault | undefined> {
    const node = this.tree.get(hash);
    if (node === undefined) return fault("unknown-block", `no block ${showHash(hash)} is known here`);
    if (node.head.summary.height === 0n) return fault("genesis", "block 0 cannot be taken away");
    if (this.isCanonical(node.head) && !this.wasExecuted(node.head)) return cannotBeUndone(node);
    await this.#loadAbove(node);
    await this.#write(nodeOperations(this.tree.mark(node, "invalidated")));
    await this.#advance();
    return undefined;
  }

  async reconsider(hash: Hash): Promise<Fault | undefined> {
    const node = this.tree.get(hash);
    if (node === undefined) return fault("unknown-block", `no block ${showHash(hash)} is known here`);
    await this.#loadAbove(node);
    await this.#write(nodeOperations(this.tree.unmark(node)));
    this.#refused.clear();
    await this.#advance();
    return undefined;
  }

  /** Undo data of old blocks are here again: branches that needed them may be taken. */
  async undoRestored(): Promise<void> {
    this.#refused.clear();
    await this.#advance();
  }

  /** The branch that a known block ends. */
  ancestryOf(hash: Hash): Ancestry | undefined {
    const last = this.tree.get(hash);
    return last === undefined ? undefined : this.#ancestryOf(last);
  }

  /** Whether the block is on the chain that the head ends. */
  isCanonical({ hash, summary }: BlockHead): boolean {
    if (summary.height > this.#ports.head().summary.height) return false;
    return equalBytes(this.#ports.store.hashAt(summary.height) ?? EMPTY, hash);
  }

  /** Whether a block was executed here once, on whatever branch. */
  wasExecuted = ({ hash }: BlockHead): boolean => this.#ports.store.undo(hash) !== undefined;

  /** The newest first. */
  reorgs = (countMax: number): Promise<readonly Reorg[]> => this.#disk.reorgs(countMax);

  get reorgCount(): bigint {
    return this.#reorgs;
  }

  /** So that all branches take part in the choice: those that the tree has forgotten too. */
  async #loadLeaves(): Promise<void> {
    for (const hash of await this.#disk.leaves()) this.tree.get(hash);
  }

  /** So that all that stands on a block is in memory to be marked, and all that may replace it. */
  async #loadAbove({ head: { summary } }: TreeNode): Promise<void> {
    await this.#loadLeaves();
    for (let at = this.#headNode(); at.head.summary.height > summary.height; )
      at = must(this.tree.parentOf(at), "the chain reaches down to block 0");
  }

  #addHead(
    head: BlockHead,
    seal: Uint8Array,
    origin: BlockOrigin,
  ): AddedHead | Exclude<ImportResult, { kind: "imported" }> {
    const parent = this.tree.get(head.header.previousHash);
    if (parent === undefined) return { kind: "orphan", height: head.summary.height };
    if (parent.hasInvalidAncestor) return { kind: "invalid", fault: this.#faults.of(parent) };
    const { stop } = this.#admission.judge(parent.head, this.#ancestryOf(parent), [head], seal);
    if (stop !== undefined) return stop;
    const light = origin === "peer" ? this.#admission.weigh(this.#headNode(), parent, [head]) : undefined;
    return light ?? { kind: "added", node: this.#addNode(head) };
  }

  #addNode(head: BlockHead): TreeNode {
    const added = this.tree.add(copyHead(head), this.#ports.rules.weight(head.header));
    return must(added, "a judged head has its parent in the tree");
  }

  async #store(heads: readonly BlockHead[]): Promise<void> {
    const nodes = heads.map((head) => this.#addNode(head));
    const operations = heads.flatMap((head) => [...headOperations(head), ...leafOperations(head)]);
    await this.#write([...operations, ...nodeOperations(nodes)]);
    if (this.tree.leafCount > SIDE_BRANCHES_MAX) await this.#tidy();
  }

  async #addBodies(blocks: readonly (readonly [TreeNode, Block])[], unstoredHead?: TreeNode): Promise<void> {
    const operations: KvOperation[] = [];
    let isComplete = false;
    for (const [node, block] of blocks) {
      this.#bodies.keep(block);
      const isEnd = this.tree.children(node).length === 0;
      if (node === unstoredHead) operations.push(...headOperations(block), ...leafOperations(block));
      const isForgotten = node !== unstoredHead && isEnd && !this.#disk.isLeaf(node.head.hash);
      // What stands on it may become complete by it.
      if (isForgotten) await this.#loadLeaves();
      const completed = this.tree.bodyArrived(node);
      isComplete ||= completed.length > 0;
      operations.push(...bodyOperations(block, EMPTY), ...nodeOperations([node, ...completed]));
      this.#sideBytes += block.summary.bodyBytes;
    }
    await this.#write(operations);
    if (isComplete) await this.#advance();
    const { sideBytesMax = SIDE_BODIES_BYTES_MAX, treeDepth = TREE_DEPTH } = this.#settings;
    const isUntidy = this.#movesUntidy >= Math.min(TREE_TIDY_BLOCKS, treeDepth);
    const isWide = this.tree.leafCount > SIDE_BRANCHES_MAX;
    if (this.#sideBytes > sideBytesMax || isUntidy || isWide) await this.#tidy();
  }

  /** Brings what is stored beside the chain back to its bounds, and the tree in memory. */
  async #tidy(): Promise<void> {
    const { sideBranchesMax = SIDE_BRANCHES_MAX, sideBytesMax = SIDE_BODIES_BYTES_MAX } = this.#settings;
    const { treeDepth = TREE_DEPTH } = this.#settings;
    await this.#loadLeaves();
    const bounds = { branchesMax: sideBranchesMax, bytesMax: sideBytesMax };
    const { dropped, bytes } = surplus(this.tree, ({ head }) => this.isCanonical(head), bounds);
    const bodyOf = (hash: Hash) => (this.#ports.store.undo(hash) === undefined ? [] : this.#bodyOf(hash));
    await this.#write(dropped.flatMap(({ head }) => dropOperations(head, bodyOf(head.hash))));
    for (const node of dropped) this.tree.remove(node);
    this.tree.forgetBelow(this.#ports.head().summary.height - BigInt(treeDepth));
    this.#movesUntidy = 0;
    this.#sideBytes = bytes;
  }

  /** Moves the head until no better one is to be had than there was: a move in stages may have to be taken back. */
  async #advance(): Promise<void> {
    for (let origin = this.#headNode(); ; ) {
      const head = this.#headNode();
      const floor = origin.hasInvalidAncestor ? head : origin;
      const target =
        this.tree.choose(floor, (candidate) => this.#refused.mayReplace(head, candidate)) ?? floor;
      if (target === head) return;
      await this.#reorganizeTo(head, target);
      const { work } = this.#headNode();
      if (origin.hasInvalidAncestor || work > origin.work || work === target.work) origin = this.#headNode();
    }
  }

  /** The least that makes the new branch better, then block by block for as long as they are valid. */
  async #reorganizeTo(head: TreeNode, target: TreeNode): Promise<void> {
    const { extensionBlocks = EXTENSION_BLOCKS } = this.#settings;
    const whole = this.tree.path(head, target);
    const path = shortestBetter(head, whole, extensionBlocks);
    if (!(await this.#follow(head, path))) return;
    for (let at = path.connect.length; at < whole.connect.length; at += extensionBlocks) {
      const ancestor = this.#headNode();
      const connect = whole.connect.slice(at, at + extensionBlocks);
      if (!(await this.#follow(ancestor, { ancestor, disconnect: [], connect }))) return;
    }
  }

  /** @returns whether the path was taken to its end; if not, it is to be chosen again. */
  async #follow(head: TreeNode, { ancestor, disconnect, connect }: TreePath): Promise<boolean> {
    const { moveBytesMax = HEAD_MOVE_BYTES_MAX } = this.#settings;
    const step = new ReorgBatch(this.#ports.store.committed);
    const upTo = (end: number) => ({ ancestor, disconnect, connect: connect.slice(0, end) });
    for (const [i, node] of disconnect.entries()) {
      const below = must(this.tree.parentOf(node), "the tree reaches down to the fork");
      step.undo(this.#ports.store.undo(node.head.hash), below.head.summary.stateRoot);
      if (step.bytes <= moveBytesMax || i === disconnect.length - 1) continue;
      const undone = { ancestor: below, disconnect: disconnect.slice(0, i + 1), connect: [] };
      await this.#commit(head, undone, step);
      return false;
    }
    for (const [i, node] of connect.entries()) {
      const executed = this.#execute(node, step.view);
      if (!executed.ok) {
        // An extension keeps its valid beginning, as it would block by block.
        if (disconnect.length === 0 && i > 0) await this.#commit(head, upTo(i), step);
        await this.#markInvalid(node, executed.fault);
        return false;
      }
      step.apply(executed.value);
      if (step.bytes <= moveBytesMax || i === connect.length - 1) continue;
      await this.#commit(head, upTo(i + 1), step);
      return false;
    }
    await this.#commit(head, upTo(connect.length), step);
    return true;
  }

  async #markInvalid(node: TreeNode, why: Fault): Promise<void> {
    this.#faults.remember(node, why);
    await this.#write(nodeOperations(this.tree.mark(node, "invalid")));
  }

  #execute(node: TreeNode, view: LedgerView): Verdict<ExecutedBlock> {
    const parent = must(this.tree.parentOf(node), "what is executed has its parent in the tree");
    const site = { parent: parent.head, branch: this.#ancestryOf(parent), view };
    return this.#ports.executor.execute(withBody(node.head, this.#bodyOf(node.head.hash)), site);
  }

  async #commit(old: TreeNode, path: TreePath, step: ReorgBatch): Promise<void> {
    assertPath(old, path, step);
    const { store, moving, moved } = this.#ports;
    const last = path.connect.at(-1) ?? path.ancestor;
    const bodyOf = (hash: Hash) => this.#bodyOf(hash);
    const change = changeOf(path, step, bodyOf);
    const heads = { atMs: this.#ports.now(), oldHead: old.head.hash, newHead: last.head.hash };
    const besides = change === undefined ? [] : reorgOperations(++this.#reorgs, recordOf(change, heads));
    moving(true);
    await store.moveHead({
      diff: step.diff,
      pages: step.pages,
      dropped: heightsLost(path),
      entered: step.entered,
      head: last.head.hash,
      besides,
    });
    assert(equalBytes(store.headHash(), last.head.hash), "the head on disk is where the path ends");
    moving(false);
    this.tree.left(old);
    this.#movesUntidy++;
    if (change !== undefined) this.#refused.clear();
    moved(tipEventsOf(last.head, step, change, { bodyOf, receipts: (hash) => store.receipts(hash) }));
  }

  #headNode(): TreeNode {
    return must(this.tree.get(this.#ports.head().hash), "the head is in the tree");
  }

  #ancestryOf(last: TreeNode): Ancestry {
    return ancestryIn(this.tree, last, (head, height) => {
      const hash = this.isCanonical(head) ? this.#ports.store.hashAt(height) : undefined;
      return hash && this.#ports.store.head(hash);
    });
  }

  #bodyOf(hash: Hash): readonly SignedTransaction[] {
    return must(this.#bodies.get(hash) ?? this.#ports.store.body(hash), "a complete block has a body");
  }

  #write(operations: readonly KvOperation[]): Promise<void> {
    return this.#ports.store.writeAhead(operations);
  }
}
