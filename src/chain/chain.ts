/**
 * The chain: the only writer of the ledger. `importBlock` is the one door: own proposals, gossip and sync all pass
 * through it, one at a time. A block is checked (form, mode's rules, seal), executed on its parent's ledger unless
 * it was before, and committed in one durable batch; only then do listeners hear of it.
 */
import { equalBytes, type Hash, hex, showHash } from "../base/bytes.ts";
import { type Fault, fault } from "../base/fault.ts";
import type { Kv } from "../storage/kv.ts";
import {
  assembleBlock,
  type Block,
  type BlockHead,
  bodyBytesOf,
  type SealedBlock,
  txRootOf,
} from "./block.ts";
import { BlockExecution } from "./execute.ts";
import type { Genesis } from "./genesis.ts";
import { executeGenesis } from "./genesisstate.ts";
import { type ExecutedBlock, ExecutedBlocks, type LedgerView } from "./ledgerview.ts";
import { encodeReceipt, receiptsRootOf } from "./receipt.ts";
import type { ConsensusRules, Proposal } from "./rules.ts";
import type { AcceptedSignatures } from "./signatures.ts";
import { invertDiff } from "./state.ts";
import { updateTree } from "./statetree.ts";
import { ChainStore, type Stamp } from "./store.ts";
import type { SignedTransaction } from "./transaction.ts";
import { treeChanges } from "./treechanges.ts";

export type ImportResult =
  | { readonly kind: "imported" }
  | { readonly kind: "known" }
  /** Its parent is not here. */
  | { readonly kind: "orphan"; readonly height: bigint }
  | { readonly kind: "invalid"; readonly fault: Fault };

/** A validly sealed block conflicts with a committed one: more than f validators are faulty. The node must stop. */
export class SafetyViolation extends Error {
  override readonly name = "SafetyViolation";
}

export interface HeadChange {
  readonly sealed: SealedBlock;
  /** Encoded receipts in order. */
  readonly receipts: readonly Uint8Array[];
}

export interface ChainDependencies {
  readonly kv: Kv;
  readonly rules: ConsensusRules;
  readonly signatures: AcceptedSignatures;
  /** Asked for at each synced batch and stored with it. */
  readonly stamp?: Stamp;
}

/** Chooses transactions for a block on `parent`, whose ledger is `view`. */
export type TemplateSource = (view: LedgerView, height: bigint) => readonly SignedTransaction[];

export class Chain {
  readonly genesis: Genesis;
  readonly genesisHash: Hash;
  readonly store: ChainStore;
  readonly #rules: ConsensusRules;
  readonly #signatures: AcceptedSignatures;
  readonly #executed = new ExecutedBlocks();
  readonly #listeners: ((change: HeadChange) => void)[] = [];
  #head: BlockHead;
  #committing: Hash | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(
    genesis: Genesis,
    genesisHash: Hash,
    head: BlockHead,
    store: ChainStore,
    ports: ChainDependencies,
  ) {
    this.genesis = genesis;
    this.genesisHash = genesisHash;
    this.store = store;
    this.#head = head;
    this.#rules = ports.rules;
    this.#signatures = ports.signatures;
  }

  /**
   * Opens the ledger in `kv`, or writes block 0 into an empty one.
   * @throws Error when the database belongs to another chain or has an unknown format.
   */
  static async open(genesis: Genesis, ports: ChainDependencies): Promise<Chain> {
    const zero = executeGenesis(genesis);
    const store = new ChainStore(ports.kv, genesis.limits, ports.stamp);
    const headHash = store.openHead(zero.block.hash, showHash);
    if (headHash === undefined) await store.writeGenesis(zero);
    const head = headHash === undefined ? zero.block : store.head(headHash);
    if (head === undefined)
      throw new Error(`the head block ${showHash(headHash!)} is missing from the database`);
    return new Chain(genesis, zero.block.hash, head, store, ports);
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
  readAtHead<T>(read: (view: LedgerView) => T): { readonly head: BlockHead; readonly value: T } {
    for (;;) {
      const before = this.store.headHash();
      const moved = () => !equalBytes(before, this.store.headHash());
      try {
        const value = read(this.committed);
        if (!moved()) return { head: this.store.head(before)!, value };
      } catch (error) {
        if (!moved()) throw error; // else it saw half of the old ledger and half of the new
      }
    }
  }

  /** The mode's stateless rules, for whoever shows or serves blocks. */
  get rules(): ConsensusRules {
    return this.#rules;
  }

  /** Called after each commit, in order, before the next one starts. */
  onHeadChange(listener: (change: HeadChange) => void): void {
    this.#listeners.push(listener);
  }

  /** The block with its seal, by hash. */
  sealedBlock(hash: Hash): SealedBlock | undefined {
    const head = this.store.head(hash);
    const transactions = this.store.body(hash);
    const seal = this.store.seal(hash);
    if (head === undefined || transactions === undefined || seal === undefined) return undefined;
    return { block: { ...head, transactions }, seal };
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

  /** Whether block `hash` may be a parent: committed head, or executed on top of it. */
  canExtend(hash: Hash): boolean {
    return this.#viewAt(hash) !== undefined;
  }

  /**
   * Builds and executes a block on `parent`; undefined when the parent is not available, or when there is nothing to
   * put into it and `allowEmpty` is false. Transactions that are invalid here are left out.
   */
  buildBlock(
    parent: Hash,
    proposal: Proposal,
    template: TemplateSource,
    allowEmpty: boolean,
  ): Block | undefined {
    const view = this.#viewAt(parent);
    const parentHead = this.headOf(parent);
    if (view === undefined || parentHead === undefined) return undefined;
    const height = parentHead.summary.height + 1n;
    const fields = this.#rules.prepareHead(parentHead, proposal);
    // The mode's rules see only head fields that do not depend on execution: a draft serves.
    const draft = draftHead(parentHead, fields.summary, fields.header, this.genesis.chainId);
    const execution = this.#execution(view, parentHead, draft);
    const included = template(view, height).filter((tx) => execution.run(tx) === undefined);
    if (included.length === 0 && !allowEmpty) return undefined;
    const { result, roots } = this.#close(execution, view);
    const summary = {
      ...draft.summary,
      ...roots,
      txRoot: txRootOf(included),
      txCount: included.length,
      bodyBytes: bodyBytesOf(included),
    };
    const block = assembleBlock({ ...fields.header, previousHash: parent }, summary, included);
    this.#executed.add({ block, ...result });
    return block;
  }

  /**
   * Executes and validates a block on its parent's ledger and keeps the result for the commit; no seal.
   * undefined = valid; "orphan" = its parent is not available here, which is no verdict.
   */
  checkBlock(block: Block): Fault | "orphan" | undefined {
    if (this.#executed.get(block.hash) !== undefined) return undefined;
    const parent = this.headOf(block.header.previousHash);
    const view = this.#viewAt(block.header.previousHash);
    if (parent === undefined || view === undefined) return "orphan";
    const misfit = this.#checkForm(parent, block) ?? this.#rules.checkHead(parent, block);
    if (misfit !== undefined) return misfit;
    return this.#executeAgainst(block, parent, view);
  }

  /** The one door. A disk error or a {@link SafetyViolation} throws. */
  importBlock(sealed: SealedBlock): Promise<ImportResult> {
    const result = this.#queue.then(() => this.#import(sealed));
    this.#queue = result.catch(() => undefined);
    return result;
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
    const badSeal = this.#rules.verifySeal(block, seal);
    if (badSeal !== undefined) return { kind: "invalid", fault: badSeal };
    if (known !== undefined || !equalBytes(block.header.previousHash, this.#head.hash))
      this.#alarm(block, known);
    const verdict = this.checkBlock(block);
    if (verdict === "orphan") return { kind: "orphan", height };
    if (verdict !== undefined) return { kind: "invalid", fault: verdict };
    await this.#commit(sealed);
    return { kind: "imported" };
  }

  async #commit(sealed: SealedBlock): Promise<void> {
    const executed = this.#executed.get(sealed.block.hash)!;
    const undo = this.#rules.finality === "instant" ? undefined : invertDiff(executed.diff, this.committed);
    this.#committing = sealed.block.hash;
    await this.store.commitBlock(executed, sealed.seal, undo);
    this.#committing = undefined;
    this.#head = sealed.block;
    this.#executed.dropUpTo(sealed.block.summary.height);
    for (const listener of this.#listeners) listener({ sealed, receipts: executed.receipts });
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

  /** Everything about a block that its bytes, its parent's head and the genesis decide. */
  #checkForm(parent: BlockHead, block: Block): Fault | undefined {
    const { summary, transactions } = block;
    const { limits, chainId } = this.genesis;
    if (summary.chainId !== chainId)
      return fault("wrong-chain", `chain ${summary.chainId}, this is ${chainId}`);
    if (summary.height !== parent.summary.height + 1n) {
      return fault("wrong-height", `height ${summary.height} on a parent of height ${parent.summary.height}`);
    }
    if (transactions.length > limits.maxBlockTransactions) {
      return fault(
        "too-large",
        `${transactions.length} transactions, at most ${limits.maxBlockTransactions}`,
      );
    }
    const bodyBytes = bodyBytesOf(transactions);
    if (bodyBytes > limits.maxBlockBytes)
      return fault("too-large", `${bodyBytes} bytes, at most ${limits.maxBlockBytes}`);
    if (summary.bodyBytes !== bodyBytes || summary.txCount !== transactions.length) {
      return fault(
        "wrong-body",
        `summary says ${summary.txCount} transactions of ${summary.bodyBytes} bytes`,
      );
    }
    if (!equalBytes(summary.txRoot, txRootOf(transactions))) return fault("wrong-body", "txRoot differs");
    return undefined;
  }

  #executeAgainst(block: Block, parent: BlockHead, view: LedgerView): Fault | undefined {
    const execution = this.#execution(view, parent, block);
    for (const [index, tx] of block.transactions.entries()) {
      const refused = execution.run(tx);
      if (refused !== undefined) return fault(refused.code, `transaction ${index}: ${refused.detail}`);
    }
    const { result, roots } = this.#close(execution, view);
    for (const name of ["stateRoot", "receiptsRoot"] as const) {
      if (!equalBytes(roots[name], block.summary[name])) {
        return fault(
          "wrong-root",
          `${name} is ${hex(roots[name])}, the block says ${hex(block.summary[name])}`,
        );
      }
    }
    this.#executed.add({ block, ...result });
    return undefined;
  }

  #execution(view: LedgerView, parent: BlockHead, head: BlockHead): BlockExecution {
    return new BlockExecution(view, {
      height: head.summary.height,
      timeMs: this.#rules.executionTimeMs(parent, head),
      feeRecipient: this.#rules.feeRecipient(head),
      rules: { chainId: this.genesis.chainId, minFee: this.genesis.limits.minFee },
      signatureIsValid: (tx) => this.#signatures.validate(tx),
    });
  }

  #close(
    execution: BlockExecution,
    view: LedgerView,
  ): { result: Omit<ExecutedBlock, "block">; roots: Roots } {
    const diff = execution.state.diff();
    const { root, pages } = updateTree(view, treeChanges(diff));
    const receipts = execution.receipts.map(encodeReceipt);
    return {
      result: { diff, pages, receipts },
      roots: { stateRoot: root, receiptsRoot: receiptsRootOf(receipts) },
    };
  }
}

interface Roots {
  readonly stateRoot: Hash;
  readonly receiptsRoot: Hash;
}

/** A head whose roots are not known yet: enough for the rules that look at height, time and proposer. */
function draftHead(
  parent: BlockHead,
  fields: ReturnType<ConsensusRules["prepareHead"]>["summary"],
  header: ReturnType<ConsensusRules["prepareHead"]>["header"],
  chainId: bigint,
): BlockHead {
  const { hash, summary } = parent;
  const unknown = { txRoot: hash, stateRoot: hash, receiptsRoot: hash, txCount: 0, bodyBytes: 0 };
  return {
    hash,
    header: { ...header, previousHash: hash, bodyRoot: hash },
    summary: { ...fields, ...unknown, chainId, height: summary.height + 1n },
  };
}
