/**
 * Builds, checks and executes one block on a ledger that is handed in. It holds the genesis, the mode's rules and
 * the signature cache, and no chain: which block stands on which, and what is committed, is chain.ts's and
 * branches.ts's matter. Sources: decision 5; pbft.md 1.14; pow.md 2.7, 2.8.
 *
 * This folder: validating and executing transactions on a ledger, building blocks, the signatures that were accepted
 * already. Not here: what a call does (chain/modules), and admission to the pool (mempool).
 */
import { assert, must } from "../../base/assert.ts";
import { equalBytes, type Hash, hex } from "../../base/bytes.ts";
import { accept, type Fault, fault, refuse, type Verdict } from "../../base/fault.ts";
import type { Genesis } from "../genesis/genesis.ts";
import { closeEpoch, openByTransition } from "../governance/governance-state.ts";
import { turnModules } from "../governance/module-versions.ts";
import { policyOf } from "../governance/policy.ts";
import { checkRules, RULES_KNOWN } from "../governance/rules-version.ts";
import type { MembershipContext } from "../modules/module.ts";
import type { ConsensusRules, HeadFields, Proposal } from "../rules.ts";
import type { ExecutedBlock, LedgerView } from "../state/ledger-view.ts";
import type { StateOverlay } from "../state/state-overlay.ts";
import { updateTree } from "../state/state-tree.ts";
import { treeChanges } from "../state/tree-changes.ts";
import type { Ancestry } from "../types/ancestry.ts";
import {
  assembleBlock,
  type Block,
  type BlockHead,
  bodyBytesOf,
  hashHeader,
  hasReadBody,
  txRootOf,
} from "../types/block.ts";
import { encodeReceipt, type Receipt, receiptsRootOf } from "../types/receipt.ts";
import type { SignedTransaction } from "../types/transaction.ts";
import type { AcceptedSignatures, SlowSignatureLimit } from "./accepted-signatures.ts";
import { BlockExecution } from "./execute.ts";
import {
  type AwaitedModule,
  followProblem,
  MissingModule,
  missingModules,
  modulesOf,
  modulesOn,
} from "./modules-in-force.ts";
import { type RewardRule, rewardRuleOf } from "./reward-rule.ts";

/** The place at which a block stands: its parent, the branch that the parent ends, and the ledger after the parent. */
export interface Site {
  readonly parent: BlockHead;
  readonly branch: Ancestry;
  readonly view: LedgerView;
}

/** What a block has room for besides what its mode itself puts in: the genesis's limits, less a coinbase. */
export interface BodyRoom {
  readonly maxBlockBytes: number;
  readonly maxBlockTransactions: number;
}

/** Chooses transactions for a block on a parent, whose ledger is `view`; what is beyond `room` is left out. */
export type TemplateSource = (
  view: LedgerView,
  height: bigint,
  room: BodyRoom,
) => readonly SignedTransaction[];

/** What a chain whose validators may change tells those who change them. */
export type MembershipRules = Omit<MembershipContext, "hashAt">;

export class BlockExecutor {
  readonly genesis: Genesis;
  readonly rules: ConsensusRules;
  readonly #signatures: AcceptedSignatures;
  readonly #reward: RewardRule;
  readonly #governed: MembershipRules | undefined;
  readonly #rulesKnown: number;

  /**
   * @param governed where the validators may change
   * @param rulesKnown the highest rules that are known here
   */
  constructor(
    genesis: Genesis,
    rules: ConsensusRules,
    signatures: AcceptedSignatures,
    governed?: MembershipRules,
    rulesKnown: number = RULES_KNOWN,
  ) {
    this.genesis = genesis;
    this.#governed = governed;
    this.#rulesKnown = rulesKnown;
    this.rules = rules;
    this.#signatures = signatures;
    this.#reward = rewardRuleOf(rules);
  }

  /**
   * Builds and executes a block; undefined when there is nothing to put into it and `allowEmpty` is false.
   * Transactions that are invalid here are left out, and so is what the block has no room for: whoever chooses, a
   * block that is built here passes the check by which others judge its form.
   */
  build(
    site: Site,
    proposal: Proposal,
    template: TemplateSource,
    allowEmpty: boolean,
  ): ExecutedBlock | undefined {
    const { parent, branch, view } = site;
    const fields = this.rules.prepareHead(parent, proposal, branch);
    // The mode's rules see only head fields that do not depend on execution: a draft serves.
    const draft = draftHead(parent, fields, this.genesis.chainId);
    const execution = this.#start(site, draft);
    const chosen = this.#runWithinRoom(execution, this.roomOn(view), (room) =>
      template(view, draft.summary.height, room),
    );
    if (chosen.length === 0 && !allowEmpty) return undefined;
    const included = [...this.#reward.mint(proposal, draft.summary.height, execution.fees), ...chosen];
    const closed = this.#close(execution, included[0], view);
    assert(closed.ok, "a coinbase made here takes what it may");
    const { nextValidatorsHash, ...roots } = closed.value.roots;
    const summary = {
      ...draft.summary,
      ...roots,
      ...(nextValidatorsHash === undefined ? {} : { nextValidatorsHash }),
      txRoot: txRootOf(included),
      txCount: included.length,
      bodyBytes: bodyBytesOf(included),
    };
    const block = assembleBlock({ ...fields.header, previousHash: parent.hash }, summary, included);
    const misfit = this.checkHeadForm(parent, block);
    assert(misfit === undefined, `a block built here has the form of a valid one: ${misfit?.detail}`);
    return executedBlock(block, closed.value.result);
  }

  /** Whether the file of a module is not here, without which the block at this place cannot be executed. */
  lacks({ parent, view }: Pick<Site, "parent" | "view">): boolean {
    return this.#missing(parent, view).length > 0;
  }

  #missing(parent: BlockHead, view: LedgerView): readonly AwaitedModule[] {
    if (this.#governed === undefined) return [];
    return missingModules(this.genesis, view, parent, this.rules);
  }

  /** The limits in force on a state, less the coinbase where the mode puts one into each block. */
  roomOn(view: LedgerView): BodyRoom {
    const { maxBlockBytes, maxBlockTransactions } = policyOf(this.genesis, view);
    return {
      maxBlockBytes: maxBlockBytes - this.#reward.coinbaseBytes,
      maxBlockTransactions: maxBlockTransactions - this.#reward.coinbases,
    };
  }

  #runWithinRoom(
    execution: BlockExecution,
    room: BodyRoom,
    choose: (room: BodyRoom) => readonly SignedTransaction[],
  ): SignedTransaction[] {
    const chosen: SignedTransaction[] = [];
    let bytes = 0;
    for (const tx of choose(room)) {
      const fits = chosen.length < room.maxBlockTransactions && bytes + tx.bytes.length <= room.maxBlockBytes;
      if (!fits || execution.run(tx) !== undefined) continue;
      chosen.push(tx);
      bytes += tx.bytes.length;
    }
    return chosen;
  }

  /** What a transaction would do as the only one of the next block; nothing is kept. */
  rehearse(site: Site, proposal: Proposal, tx: SignedTransaction): Verdict<Receipt> {
    const fields = this.rules.prepareHead(site.parent, proposal, site.branch);
    const execution = this.#start(site, draftHead(site.parent, fields, this.genesis.chainId));
    const refused = execution.run(tx);
    if (refused !== undefined) return { ok: false, fault: refused };
    return accept(must(execution.receipts[0], "a transaction that ran has a receipt"));
  }

  /** Everything about a head that it, its parent and the genesis decide, the mode aside. */
  checkHeadForm(parent: BlockHead, { summary }: BlockHead): Fault | undefined {
    const { limits, chainId } = this.genesis;
    if (summary.chainId !== chainId)
      return fault("wrong-chain", `chain ${summary.chainId}, this is ${chainId}`);
    if (summary.height !== parent.summary.height + 1n) {
      return fault("wrong-height", `height ${summary.height} on a parent of height ${parent.summary.height}`);
    }
    return checkSize(summary, limits);
  }

  /** Checks a body against its header, as {@link checkBody} does. */
  checkBody(block: Block): Fault | undefined {
    return checkBody(block);
  }

  /** Runs a block whose form was checked; a fault is permanent for its hash, unless the limit given is exceeded. */
  execute(block: Block, site: Site, limit?: SlowSignatureLimit): Verdict<ExecutedBlock> {
    const { transactions, summary } = block;
    const wrong =
      this.#reward.check(transactions, summary.height) ??
      checkSize(summary, policyOf(this.genesis, site.view));
    if (wrong !== undefined) return { ok: false, fault: wrong };
    const { coinbases } = this.#reward;
    this.#signatures.validateTogether(coinbases > 0 ? transactions.slice(coinbases) : transactions);
    const execution = this.#start(site, block, limit);
    for (const [index, tx] of transactions.entries()) {
      if (index < coinbases) continue;
      const refused = execution.run(tx);
      if (refused !== undefined) return refuse(refused.code, `transaction ${index}: ${refused.detail}`);
    }
    const closed = this.#close(execution, transactions[0], site.view);
    if (!closed.ok) return closed;
    const misfit = compareRoots(closed.value.roots, block);
    return misfit === undefined
      ? accept(executedBlock(block, closed.value.result))
      : { ok: false, fault: misfit };
  }

  /**
   * Runs a block that others have certified, whatever comes out: for whoever asks where two executions differ.
   * @param wrote is called after each transaction with the state as it is then
   */
  replay(
    block: Block,
    site: Site,
    wrote?: (index: number, state: StateOverlay) => void,
  ): Verdict<ReplayResult> {
    const { transactions } = block;
    const execution = this.#start(site, block);
    for (const [index, tx] of transactions.entries()) {
      if (index < this.#reward.coinbases) continue;
      // What cannot run here has run elsewhere: the states differ already.
      if (execution.run(tx) === undefined) wrote?.(index, execution.state);
    }
    const closed = this.#close(execution, transactions[0], site.view);
    if (!closed.ok) return closed;
    const { roots, result } = closed.value;
    return accept({
      executed: executedBlock(block, result),
      stateRoot: roots.stateRoot,
      misfit: compareRoots(roots, block),
    });
  }

  #start({ parent, branch, view }: Site, head: BlockHead, limit?: SlowSignatureLimit): BlockExecution {
    const { rules, genesis } = this;
    const { height } = head.summary;
    const missing = this.#missing(parent, view);
    if (missing.length > 0) throw new MissingModule(missing, height);
    const policy = policyOf(genesis, view);
    const execution = new BlockExecution(view, {
      height,
      timeMs: rules.executionTimeMs(parent, head, branch),
      feeRecipient: this.#reward.feeRecipient(head),
      firstIndex: this.#reward.coinbases,
      rules: {
        chainId: genesis.chainId,
        minFee: policy.minFee,
        senders: policy.senders,
        modules: this.#governed === undefined ? modulesOf(genesis) : modulesOn(genesis, view).set,
        governs: this.#governed !== undefined,
      },
      governing: this.#governing(parent, branch),
      signatureIsValid: (tx) => this.#signatures.validate(tx, limit),
    });
    if (this.#governed !== undefined) checkRules(execution.state, height, this.#rulesKnown);
    this.#reward.begin(execution.state, height);
    const transition = rules.kind === "final" ? rules.transitionOn(parent) : undefined;
    if (transition !== undefined && this.#governed !== undefined)
      openByTransition(execution.state, transition, height, this.#governed.checkpointInterval);
    return execution;
  }

  #governing(parent: BlockHead, branch: Ancestry): MembershipContext | undefined {
    const governed = this.#governed;
    if (governed === undefined) return undefined;
    const hashAt = (height: bigint) =>
      height === parent.summary.height ? parent.hash : hashHeader(branch.headerAt(height));
    return { ...governed, hashAt };
  }

  #turnModules(state: StateOverlay, nextEpoch: bigint, height: bigint): void {
    turnModules(state, nextEpoch, (running, planned) => {
      const problem = followProblem(this.genesis, running, planned);
      if (problem?.why === "missing") throw new MissingModule([planned], height);
      return problem === undefined;
    });
  }

  #close(execution: BlockExecution, first: SignedTransaction | undefined, view: LedgerView): Verdict<Closed> {
    const minted = this.#reward.finish(execution.state, first, execution.fees);
    if (!minted.ok) return minted;
    const receipts: Receipt[] = [...minted.value, ...execution.receipts];
    const { state, height } = execution;
    const nextValidatorsHash =
      this.#governed && closeEpoch(state, height, (next) => this.#turnModules(state, next, height));
    const diff = state.diff();
    const { root, pages } = updateTree(view, treeChanges(diff));
    const encoded = receipts.map(encodeReceipt);
    return accept({
      result: { diff, pages, receipts: encoded, read: execution.read },
      roots: { stateRoot: root, receiptsRoot: receiptsRootOf(encoded), nextValidatorsHash },
    });
  }
}

/** Written out, as {@link withBody} is. */
function executedBlock(block: Block, { diff, pages, receipts, read }: Closed["result"]): ExecutedBlock {
  return { block, diff, pages, receipts, read };
}

function checkSize({ txCount, bodyBytes }: BlockHead["summary"], limits: BodyRoom): Fault | undefined {
  if (txCount > limits.maxBlockTransactions)
    return fault("too-large", `${txCount} transactions, at most ${limits.maxBlockTransactions}`);
  if (bodyBytes > limits.maxBlockBytes)
    return fault("too-large", `${bodyBytes} bytes, at most ${limits.maxBlockBytes}`);
  return undefined;
}

/** Whether the body is the one of its head: a fault here says nothing about the head. */
export function checkBody(block: Block): Fault | undefined {
  const { summary, transactions } = block;
  const bodyBytes = bodyBytesOf(transactions);
  if (summary.bodyBytes !== bodyBytes || summary.txCount !== transactions.length) {
    return fault(
      "wrong-body",
      `${transactions.length} transactions of ${bodyBytes} bytes, the summary says ${summary.txCount} ` +
        `of ${summary.bodyBytes}`,
    );
  }
  if (hasReadBody(block) || equalBytes(summary.txRoot, txRootOf(transactions))) return undefined;
  return fault("wrong-body", "txRoot differs");
}

/** What executing a block here came to. */
export interface ReplayResult {
  readonly executed: ExecutedBlock;
  readonly stateRoot: Hash;
  /** Undefined: what the block says of itself. */
  readonly misfit: Fault | undefined;
}

interface Closed {
  readonly result: Required<Omit<ExecutedBlock, "block">>;
  readonly roots: Roots;
}

interface Roots {
  readonly stateRoot: Hash;
  readonly receiptsRoot: Hash;
  /** The hash of the next epoch's set, after the last block of an epoch. */
  readonly nextValidatorsHash: Hash | undefined;
}

function compareRoots(roots: Roots, { summary }: BlockHead): Fault | undefined {
  for (const name of ["stateRoot", "receiptsRoot"] as const) {
    if (equalBytes(roots[name], summary[name])) continue;
    return fault("wrong-root", `${name} is ${hex(roots[name])}, the block says ${hex(summary[name])}`);
  }
  // Every other block names its own set once more (consensus/pbft/rules.ts checks which that is).
  const next = roots.nextValidatorsHash ?? summary.validatorsHash;
  if (equalBytes(next, summary.nextValidatorsHash)) return undefined;
  return fault(
    "wrong-validators",
    `nextValidatorsHash is ${hex(summary.nextValidatorsHash)}, executing the block gives ${hex(next)}`,
  );
}

/** A head whose roots are not known yet: enough for the rules that look at height, time and proposer. */
function draftHead(parent: BlockHead, fields: HeadFields, chainId: bigint): BlockHead {
  const { hash } = parent;
  const { version, time, bits, nonce } = fields.header;
  const { epoch, timeMs, proposer, flags, validatorsHash, nextValidatorsHash, extra } = fields.summary;
  const height = parent.summary.height + 1n;
  const roots = { txRoot: hash, stateRoot: hash, receiptsRoot: hash, validatorsHash, nextValidatorsHash };
  return {
    hash,
    header: { version, previousHash: hash, bodyRoot: hash, time, bits, nonce },
    summary: { ...roots, chainId, height, epoch, timeMs, proposer, flags, txCount: 0, bodyBytes: 0, extra },
  };
}
