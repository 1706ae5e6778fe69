/**
 * Ledger values as JSON: the one place that turns bigint, bytes and hashes into what answer-fields.ts describes. It reads
 * what it is given and asks nobody. Heights and counts are below 2^53 by construction (they grow by one), which is
 * asserted; what a transaction's author chose may be any u64.
 *
 * This folder: the shapes of inputs and outputs, and how values of the chain are shown in them. Not here: where the
 * values come from (rpc/answers).
 */
import type { z } from "zod";
import { assert } from "../../base/assert.ts";
import { EMPTY, hex0x, showHash } from "../../base/bytes.ts";
import { type Declarations, findDeclaration } from "../../chain/modules/built-in-declarations.ts";
import type { Description } from "../../chain/modules/module.ts";
import { type BlockHead, encodeHeader, encodeSummary, HEADER_BYTES } from "../../chain/types/block.ts";
import { blockTimeMs } from "../../chain/types/block-time.ts";
import { decodeReceipt, type Receipt } from "../../chain/types/receipt.ts";
import { showBits } from "../../chain/types/target.ts";
import { coinbaseValue, isCoinbase, type SignedTransaction } from "../../chain/types/transaction.ts";
import { reversalProbability } from "../../consensus/pow/reversal.ts";
import type { MerklePath } from "../../crypto/merkle.ts";
import type { NodeApi, SideBlockView } from "../api.ts";
import type {
  headerResult,
  pathResult,
  receiptResult,
  sealedHeadResult,
  sealResult,
  txResult,
} from "./answer-fields.ts";
import { showCount, showWide } from "./show-numbers.ts";
import { describe, moduleName, showOutcome } from "./show-outcome.ts";

/** A block's time, ms since the Unix epoch. */
export function showTime(head: BlockHead): number {
  return showCount(blockTimeMs(head));
}

export function showHeader(
  api: Pick<NodeApi, "describeSeal" | "chainMode">,
  head: BlockHead,
): z.input<typeof headerResult> {
  const { hash, header, summary } = head;
  return {
    height: showCount(summary.height),
    hash: showHash(hash),
    parentHash: showHash(header.previousHash),
    time: showTime(head),
    epoch: showCount(summary.epoch),
    proposer: summary.proposer,
    txCount: summary.txCount,
    bodyBytes: summary.bodyBytes,
    txRoot: hex0x(summary.txRoot),
    stateRoot: hex0x(summary.stateRoot),
    receiptsRoot: hex0x(summary.receiptsRoot),
    validatorsHash: hex0x(summary.validatorsHash),
    nextValidatorsHash: hex0x(summary.nextValidatorsHash),
    bodyRoot: hex0x(header.bodyRoot),
    version: header.version,
    bits: header.bits,
    nonce: header.nonce,
    extra: hex0x(summary.extra),
    // Its proof is in the header: no seal is needed to show it.
    ...(api.chainMode().kind === "final" ? {} : { consensus: showSeal(api, head, EMPTY) }),
  };
}

/** That a block is on another branch than the active chain, and what is known of it there. */
export function showBranch({ status, forkHeight }: SideBlockView): z.input<typeof headerResult>["branch"] {
  return { status, forkHeight: showCount(forkHeight) };
}

/** The height and block that an answer speaks of. */
export function showAt({ hash, summary }: BlockHead): { height: number; blockHash: string } {
  return { height: showCount(summary.height), blockHash: showHash(hash) };
}

export function showSealedHead(head: BlockHead, seal: Uint8Array): z.input<typeof sealedHeadResult> {
  return {
    header: hex0x(encodeHeader(head.header)),
    summary: hex0x(encodeSummary(head.summary)),
    seal: hex0x(seal),
  };
}

export function showSeal(
  api: Pick<NodeApi, "describeSeal" | "chainMode">,
  head: BlockHead,
  seal: Uint8Array,
): z.input<typeof sealResult> {
  const seq = showCount(head.summary.height);
  const view = api.describeSeal(head, seal);
  if ("work" in view) {
    const mode = api.chainMode();
    const total = mode.kind === "final" ? undefined : mode.branches.workOf(head.hash);
    return {
      type: view.type,
      nonce: view.nonce,
      bits: `0x${showBits(view.bits)}`,
      difficulty: view.difficulty,
      work: view.work.toString(),
      ...(total === undefined ? {} : { totalWork: total.toString() }),
    };
  }
  return {
    type: view.type,
    view: showCount(view.view),
    seq,
    commits: view.commits.map((commit) => ({ validator: commit.validator, sig: hex0x(commit.signature) })),
  };
}

/** Bytes of header, summary and body as they are encoded (chain/types/block.ts). */
export function blockBytes({ summary }: BlockHead): number {
  const body = 4 + summary.bodyBytes + 2 * summary.txCount;
  return HEADER_BYTES + encodeSummary(summary).length + body;
}

const BUILT_IN: Declarations = { find: findDeclaration };

/** @param modules of the chain; without them a declared module's call is shown as bytes */
export function showTransaction(
  tx: SignedTransaction,
  modules: Declarations = BUILT_IN,
): z.input<typeof txResult> {
  return {
    txHash: hex0x(tx.id),
    envelopeHash: hex0x(tx.hash),
    chainId: showWide(tx.chainId),
    from: hex0x(tx.from),
    nonce: showWide(tx.nonce),
    fee: tx.fee.toString(),
    validUntilHeight: showWide(tx.validUntilHeight),
    module: moduleName(tx.module, modules),
    call: describe(describeCall(tx, modules)),
    payload: hex0x(tx.payload),
    signature: hex0x(tx.signature),
    raw: hex0x(tx.bytes),
  };
}

/** A payload, decoded by its module. Undefined when no module decodes it. */
export function describeCall(tx: SignedTransaction, modules: Declarations): Description | undefined {
  if (isCoinbase(tx)) {
    const amount = coinbaseValue(tx).toString();
    return { type: "coinbase", to: hex0x(tx.from), amount, height: showWide(tx.nonce) };
  }
  const module = modules.find(tx.module);
  const call = module?.decodeCall(tx.payload);
  return call?.ok === true ? module?.describeCall(call.value) : undefined;
}

/** What the block around a receipt adds to it. */
export interface ReceiptPlace {
  readonly at: BlockHead;
  readonly api: Pick<NodeApi, "head" | "finalized" | "chainMode" | "modules">;
  /** The called module's number, which the receipt itself does not hold. */
  readonly module: number;
  /** The attacker's share of all hash power, from 0 to below 1/2. */
  readonly attackerShare: number;
}

/** The attacker that an answer speaks of when nobody says another. */
export const ATTACKER_SHARE = 0.1;

export function showReceipt(receipt: Receipt, place: ReceiptPlace): z.input<typeof receiptResult> {
  const { at, api, module, attackerShare } = place;
  const { height } = at.summary;
  const confirmations = confirmationsOf(api, at);
  return {
    txHash: hex0x(receipt.txid),
    ...showOutcome(receipt, module, api.modules()),
    blockHash: showHash(at.hash),
    blockHeight: showCount(height),
    index: receipt.index,
    confirmations,
    ...(api.chainMode().kind === "final"
      ? {}
      : { reversalProbability: reversalProbability(attackerShare, confirmations) }),
    final: api.finalized().summary.height >= height,
  };
}

/** Blocks from this one on, 1 for the head. */
export function confirmationsOf(api: Pick<NodeApi, "head">, { summary: { height } }: BlockHead): number {
  const top = api.head().summary.height;
  return top < height ? 1 : showCount(top - height + 1n);
}

/** Decodes a receipt of our own store. */
export function openReceipt(bytes: Uint8Array): Receipt {
  const receipt = decodeReceipt(bytes);
  assert(receipt.ok, "a stored receipt must decode");
  return receipt.value;
}

export function showPath(path: MerklePath): z.input<typeof pathResult> {
  return { index: path.index, count: path.count, siblings: path.siblings.map(hex0x) };
}
