/**
 * The chain: the only writer of the ledger. `importBlock` is how final blocks come in: own proposals, gossip and sync all pass
 * through it, one at a time. A block is checked (form, mode's rules, seal), executed on its parent's ledger unless
 * it was before, and committed in one durable batch; only then do listeners hear of it.
 *
 * This folder: the ledger, from a block's bytes to the state that it leaves; store.ts is its disk, rules.ts its port to
 * the consensus. Not here: who proposes and votes (consensus), what waits (mempool), networks, threads.
 */
import { assert, must } from "../base/assert.ts";
import { equalBytes, type Hash, showHash } from "../base/bytes.ts";
import type { Fault, Verdict } from "../base/fault.ts";
import type { Kv, KvOperation } from "../storage/kv.ts";
import type { BranchSettings, ChainMode } from "./chain-mode.ts";
import { epochOperations, governedBy } from "./epochs.ts";
import type { AcceptedSignatures, SlowSignatureLimit } from "./execution/accepted-signatures.ts";
import { BlockExecutor, type BodyRoom, type Site, type TemplateSource } from "./execution/block-executor.ts";
import { Branches } from "./forks/branches.ts";
import { HeadMoves } from "./forks/head-moves.ts";
import type { TooLight } from "./forks/header-admission.ts";
import type { Genesis } from "./genesis/genesis.ts";
import { computeGenesisHash, executeGenesis, zeroBlock } from "./genesis/genesis-state.ts";
import type { ConsensusRules, ForkableRules, Proposal } from "./rules.ts";
import { type ExecutedBlock, ExecutedBlocks, type LedgerView } from "./state/ledger-view.ts";
import { ChainStore, type Stamp } from "./store.ts";
import { transitionOperations } from "./transitions.ts";
import type { Ancestry } from "./types/ancestry.ts";
import { type Block, type BlockHead, type SealedBlock, withBody } from "./types/block.ts";
import type { Receipt } from "./types/receipt.ts";
import type { SignedTransaction } from "./types/transaction.ts";

export type ImportResult =
  | { readonly kind: "imported" }
  | { readonly kind: "known" }
  | { readonly kind: "orphan"; readonly height: bigint } // its parent is not here
  | { readonly kind: "unready" } // it is executed with a module whose file is not here; this is no verdict
  /** It must not be accepted before this local time, ms since the Unix epoch; this is no verdict. */
  | { readonly kind: "early"; readonly notBeforeMs: number }
  /** It came from a peer, and its branch has too little work to be stored; this is no verdict. */
  | TooLight
  /** diverges: the seal and the form are right, and executing it here gives another result than it names. */
  | { readonly kind: "invalid"; readonly fault: Fault; readonly diverges?: boolean };

/** What came of judging a block without its seal. */
export type BlockCheck =
  | { readonly kind: "valid" }
  | { readonly kind: "orphan" } // its parent is not available here; no verdict
  | { readonly kind: "unready" } // a module's file is not here; no verdict
  | { readonly kind: "invalid"; readonly fault: Fault; readonly diverges?: boolean };

/** Who hands in a block: what was made or asked for here is stored however light its branch is. */
export type BlockOrigin = "own" | "peer";

/** A validly sealed block conflicts with a committed one: more than f validators are faulty. The node must stop. */
export class SafetyViolation extends Error {
  override readonly name = "SafetyViolation";
}

export interface HeadChange {
  readonly sealed: SealedBlock;
  /** The encoded receipts of the block, in the order of its transactions. */
  readonly receipts: readonly Uint8Array[];
  /** The whole change of branches, with each block that entered by it; it is durable already. */
  readonly reorg?: BranchChange;
}

/** The chain left one branch for another. */
export interface BranchChange {
  /** The last common block. */
  readonly ancestor: BlockHead;
  /** The blocks that left the chain, by ascending height. */
  readonly abandoned: readonly SealedBlock[];
  /** The blocks that entered, by ascending height: none when the operator only took the head away. */
  readonly entered: readonly SealedBlock[];
}

export interface ChainDependencies {
  readonly kv: Kv;
  readonly rules: ConsensusRules;
  readonly signatures: AcceptedSignatures;
  /** Asked for at each synced batch and stored with it. */
  readonly stamp?: Stamp;
  /** Milliseconds since the Unix epoch, by which blocks are early; nothing is if left out. */
  readonly now?: () => number;
  readonly branches?: BranchSettings | undefined;
  readonly rulesKnown?: number | undefined; // the highest (governance/rules-version.ts); this program's if left out
}

export type { BodyRoom, TemplateSource };

export class Chain {
  readonly genesis: Genesis;
  readonly genesisHash: Hash;
  readonly store: ChainStore;
  readonly mode: ChainMode;
  /** Tells how the head moves, where it can be abandoned. */
  readonly headMoves = new HeadMoves();
  readonly #executor: BlockExecutor;
  readonly #executed = new ExecutedBlocks();
  readonly #listeners: ((change: HeadChange) => void)[] = [];
  #head: BlockHead;
  #committing: Hash | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  readonly #failureListeners: ((error: unknown) => void)[] = [];

  private constructor(genesis: Genesis, head: BlockHead, store: ChainStore, ports: ChainDependencies) {
    this.genesis = genesis;
    this.genesisHash = computeGenesisHash(genesis);
    this.store = store;
    this.#head = head;
    const { rules, rulesKnown, signatures } = ports;
    this.#executor = new BlockExecutor(genesis, rules, signatures, governedBy(genesis), rulesKnown);
    this.mode =
      rules.kind === "final"
        ? { kind: "final", rules }
        : { kind: "forkable", rules, branches: this.#createBranches(rules, ports) };
  }

  /**
   * Opens the ledger in `kv`, or writes block 0 into an empty one.
   * @throws Error when the database belongs to another chain or has an unknown format.
   */
  static async open(genesis: Genesis, ports: ChainDependencies): Promise<Chain> {
    const zero = zeroBlock(genesis);
    const store = new ChainStore(ports.kv, genesis.limits, ports.stamp);
    const headHash = store.openHead(zero.hash, showHash);
    if (headHash === undefined) await store.writeGenesis(executeGenesis(genesis));
    const head = headHash === undefined ? zero : headIn(store, headHash);
    const chain = new Chain(genesis, head, store, ports);
    if (chain.mode.kind === "forkable") await chain.mode.branches.open(zero);
    return chain;
  }

  /** The last committed block. */
  get head(): BlockHead {
    return this.#head;
  }

  /** The ledger at the committed head. */
  get committed(): LedgerView {
    return this.store.committed;
  }

  /**
   * Reads the committed ledger and names the block it speaks of. A commit may land between two reads (LevelDB writes
   * on its own thread), so the head is read before and after, and the reading repeated if it moved.
   */
  readAtHead<T>(read: (view: LedgerView, head: BlockHead) => T): {
    readonly head: BlockHead;
    readonly value: T;
  } {
    for (;;) {
      const before = this.store.headHash();
      const moved = () => !equalBytes(before, this.store.headHash());
      try {
        const head = must(this.store.head(before), "the head's header was written with it");
        const value = read(this.committed, head);
        if (!moved()) return { head, value };
      } catch (error) {
        if (!moved()) throw error; // else it saw half of the old ledger and half of the new
      }
    }
  }

  get rules(): ConsensusRules {
    return this.#executor.rules;
  }

  /** The branch that block `hash` ends, or undefined when the block is not known. */
  branchOf(hash: Hash): Ancestry | undefined {
    if (this.mode.kind === "forkable") return this.mode.branches.ancestryOf(hash);
    const head = this.headOf(hash);
    return head === undefined ? undefined : this.#lineOf(head);
  }

  /** Called after each commit, in order, before the next one starts. */
  onHeadChange(listener: (change: HeadChange) => void): void {
    this.#listeners.push(listener);
  }

  /** The block with its seal, by hash. */
  sealedBlock(hash: Hash): SealedBlock | undefined {
    const [head, transactions, seal] = [this.store.head(hash), this.store.body(hash), this.store.seal(hash)];
    if (head === undefined || transactions === undefined || seal === undefined) return undefined;
    return { block: withBody(head, transactions), seal };
  }

  sealedBlockAt(height: bigint): SealedBlock | undefined {
    const hash = this.store.hashAt(height);
    return hash === undefined ? undefined : this.sealedBlock(hash);
  }

  /** The head of a block that others may rest on: the committed one, or one that was executed here. */
  headOf(hash: Hash): BlockHead | undefined {
    if (equalBytes(hash, this.#head.hash)) return this.#head;
    return this.#executed.get(hash)?.block;
  }

  /**
   * Builds and executes a block on `parent`; undefined when the parent or a module's file is not available, or when there is
   * nothing to put into it and `allowEmpty` is false. Transactions that are invalid here are left out.
   */
  buildBlock(
    parent: Hash,
    proposal: Proposal,
    template: TemplateSource,
    allowEmpty: boolean,
  ): Block | undefined {
    const site = this.#siteAt(parent);
    if (site === undefined || this.#executor.lacks(site)) return undefined;
    const executed = this.#executor.build(site, proposal, template, allowEmpty);
    // A template whose nonce is looked for has another hash when it is solved: what it did would be kept for nothing.
    if (executed !== undefined && this.mode.kind === "final") this.#executed.add(executed);
    return executed?.block;
  }

  /** What a transaction would do on `view`, the ledger after `parent`: those of {@link readAtHead}. Nothing is kept. */
  rehearse(
    { view, parent }: { readonly view: LedgerView; readonly parent: BlockHead },
    proposal: Proposal,
    tx: SignedTransaction,
  ): Verdict<Receipt> {
    return this.#executor.rehearse({ parent, view, branch: this.#branchTo(parent) }, proposal, tx);
  }

  /**
   * Executes and validates a block on its parent's ledger and keeps the result for the commit; no seal.
   * @param limit of what is verified slowly; once it is exceeded a fault is no verdict either, and nothing is kept
   */
  checkBlock(block: Block, limit?: SlowSignatureLimit): BlockCheck {
    if (this.#executed.get(block.hash) !== undefined) return { kind: "valid" };
    const site = this.#siteAt(block.header.previousHash);
    if (site === undefined) return { kind: "orphan" };
    const misfit =
      this.#executor.checkHeadForm(site.parent, block) ??
      this.#executor.checkBody(block) ??
      this.#executor.rules.checkHead(site.parent, block, site.branch);
    if (misfit !== undefined) return { kind: "invalid", fault: misfit };
    if (this.#executor.lacks(site)) return { kind: "unready" };
    const executed = this.#executor.execute(block, site, limit);
    if (!executed.ok) return { kind: "invalid", fault: executed.fault, diverges: true };
    this.#executed.add(executed.value);
    return { kind: "valid" };
  }

  /** The only way in for final blocks. A disk error or a {@link SafetyViolation} throws. */
  importBlock(sealed: SealedBlock, origin: BlockOrigin = "own"): Promise<ImportResult> {
    const { mode } = this;
    return this.enqueue(() =>
      mode.kind === "final" ? this.#import(sealed) : mode.branches.import(sealed, origin),
    );
  }

  /** Runs what writes, one at a time, in order. */
  async enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(() => this.#write(work));
    this.#queue = result.catch(() => undefined);
    return await result;
  }

  /** Told once, when a write has failed: by then memory may be ahead of the disk, and nothing is written any more. */
  onFailure(listener: (error: unknown) => void): void {
    this.#failureListeners.push(listener);
  }

  async #write<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      return await work();
    } catch (error) {
      this.#failure = { error };
      this.headMoves.fail(error);
      for (const listener of this.#failureListeners) listener(error);
      throw error;
    }
  }

  /** Resolves when nothing is being imported. */
  async settled(): Promise<void> {
    await this.#queue;
  }

  async #import(sealed: SealedBlock): Promise<ImportResult> {
    const { block, seal } = sealed;
    const { height } = block.summary;
    if (height > this.#head.summary.height + 1n) return { kind: "orphan", height };
    const known = this.store.hashAt(height);
    if (known !== undefined && equalBytes(known, block.hash)) return { kind: "known" };
    // Below a snapshot nothing is here to compare with, and nothing is wanted.
    if (known === undefined && height < this.store.firstHeight()) return { kind: "known" };
    const badSeal = this.#executor.rules.verifySeal(block, seal);
    if (badSeal !== undefined) return { kind: "invalid", fault: badSeal };
    if (known !== undefined || !equalBytes(block.header.previousHash, this.#head.hash))
      this.#alarm(block, known);
    const check = this.checkBlock(block);
    if (check.kind === "orphan") return { kind: "orphan", height };
    if (check.kind !== "valid") return check;
    await this.#commit(sealed);
    return { kind: "imported" };
  }

  async #commit(sealed: SealedBlock): Promise<void> {
    const { hash, header } = sealed.block;
    const executed = must(this.#executed.get(hash), "a checked block was executed");
    assert(equalBytes(header.previousHash, this.#head.hash), "a block is connected to the head");
    this.#committing = hash;
    await this.store.commitBlock(executed, sealed.seal, this.#epochOperations(executed));
    assert(equalBytes(this.store.headHash(), hash), "the head on disk is the block that was committed");
    this.#committing = undefined;
    this.#moved([{ sealed, receipts: executed.receipts }]);
  }

  /** What a block that changes the validators writes besides; `#head` is its parent still. */
  #epochOperations(executed: ExecutedBlock): KvOperation[] {
    const { mode } = this;
    const transition = mode.kind === "final" ? mode.rules.transitionOn(this.#head) : undefined;
    const ofTransition = transition === undefined ? [] : transitionOperations(transition);
    return [...epochOperations(executed), ...ofTransition];
  }

  /** The head is durably at the last of these, before the first is told. */
  #moved(changes: readonly HeadChange[]): void {
    this.#head = must(changes.at(-1), "a move of the head has a last block").sealed.block;
    this.#executed.dropUpTo(this.#head.summary.height);
    for (const change of changes) for (const listener of this.#listeners) listener(change);
    this.headMoves.end();
  }

  #createBranches(rules: ForkableRules, ports: ChainDependencies): Branches {
    return new Branches(
      { ...ports.branches },
      {
        rules,
        executor: this.#executor,
        store: this.store,
        head: () => this.#head,
        now: ports.now ?? (() => Number.MAX_SAFE_INTEGER),
        moving: (isMoving) => {
          this.#committing = isMoving ? this.genesisHash : undefined;
          if (isMoving) this.headMoves.begin();
        },
        moved: (changes) => this.#moved(changes),
      },
    );
  }

  #alarm(block: Block, known: Hash | undefined): never {
    const { height } = block.summary;
    throw new SafetyViolation(
      `two sealed blocks conflict at height ${height}: ours is ${showHash(known ?? this.#head.hash)}, the other is ` +
        `${showHash(block.hash)} on ${showHash(block.header.previousHash)}. More than f validators are faulty.`,
    );
  }

  #viewAt(hash: Hash): LedgerView | undefined {
    return this.#executed.viewAt(hash, {
      head: this.#head.hash,
      committing: this.#committing,
      ledger: this.committed,
    });
  }

  #siteAt(hash: Hash): Site | undefined {
    const parent = this.headOf(hash);
    const view = this.#viewAt(hash);
    if (parent === undefined || view === undefined) return undefined;
    return { parent, view, branch: this.#branchTo(parent) };
  }

  #branchTo(last: BlockHead): Ancestry {
    return this.branchOf(last.hash) ?? this.#lineOf(last);
  }

  /** The ancestry where nothing is ever abandoned: executed blocks down to the chain, then the chain. */
  #lineOf(last: BlockHead): Ancestry {
    return {
      height: last.summary.height,
      headerAt: (height) => {
        let at: BlockHead | undefined = last;
        while (at !== undefined && at.summary.height > height) {
          const hash: Hash | undefined =
            at.summary.height <= this.#head.summary.height
              ? this.store.hashAt(height)
              : at.header.previousHash;
          at = hash === undefined ? undefined : (this.headOf(hash) ?? this.store.head(hash));
        }
        assert(at !== undefined && at.summary.height === height, "a branch has a header at every height");
        return at.header;
      },
    };
  }
}

function headIn(store: ChainStore, hash: Hash): BlockHead {
  const head = store.head(hash);
  if (head === undefined) throw new Error(`the head block ${showHash(hash)} is missing from the database`);
  return head;
}
