/**
 * Ledger values as JSON: the one place that turns bigint, bytes and hashes into what output.ts describes. It reads
 * what it is given and asks nobody. Heights and counts are below 2^53 by construction (they grow by one), which is
 * asserted; what a transaction's author chose may be any u64.
 */
import type { z } from "zod";
import { assert } from "../base/assert.ts";
import { hex0x, showHash } from "../base/bytes.ts";
import {
  type BlockHead,
  encodeHeader,
  encodeSummary,
  HEADER_BYTES,
  type SealedBlock,
} from "../chain/block.ts";
import type { Description } from "../chain/modules/module.ts";
import { findModule } from "../chain/modules/registry.ts";
import { decodeReceipt, type Event, type Receipt } from "../chain/receipt.ts";
import { showBits } from "../chain/target.ts";
import type { SignedTransaction } from "../chain/transaction.ts";
import type { MerklePath } from "../crypto/merkle.ts";
import type { NodeApi } from "./api.ts";
import type {
  headerResult,
  pathResult,
  receiptResult,
  sealedHeadResult,
  sealResult,
  txResult,
} from "./output.ts";

/** What this node counts itself. A value that a single peer may choose goes through {@link showWide}. */
export function showCount(value: bigint): number {
  assert(value <= BigInt(Number.MAX_SAFE_INTEGER), `${value} does not fit a JSON number`);
  return Number(value);
}

/** Any u64: a number when JSON can hold it exactly, else a decimal string. */
export function showWide(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

export function showHeader({ hash, header, summary }: BlockHead): z.input<typeof headerResult> {
  return {
    height: showCount(summary.height),
    hash: showHash(hash),
    parentHash: showHash(header.previousHash),
    time: showCount(summary.timeMs),
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
  };
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

export function showSeal(api: NodeApi, { block, seal }: SealedBlock): z.input<typeof sealResult> {
  const seq = showCount(block.summary.height);
  const view = api.describeSeal(block, seal);
  if ("work" in view) {
    const bits = `0x${showBits(view.bits)}`;
    return {
      type: view.type,
      nonce: view.nonce,
      bits,
      difficulty: view.difficulty,
      work: view.work.toString(),
    };
  }
  return {
    type: view.type,
    view: showCount(view.view),
    seq,
    commits: view.commits.map((commit) => ({ validator: commit.validator, sig: hex0x(commit.signature) })),
  };
}

/** Bytes of header, summary and body as they are encoded (chain/block.ts). */
export function blockBytes({ summary }: BlockHead): number {
  const body = 4 + summary.bodyBytes + 2 * summary.txCount;
  return HEADER_BYTES + encodeSummary(summary).length + body;
}

export function showTransaction(tx: SignedTransaction): z.input<typeof txResult> {
  const module = findModule(tx.module);
  const call = module?.decodeCall(tx.payload);
  return {
    txHash: hex0x(tx.id),
    envelopeHash: hex0x(tx.hash),
    chainId: showWide(tx.chainId),
    from: hex0x(tx.from),
    nonce: showWide(tx.nonce),
    fee: tx.fee.toString(),
    validUntilHeight: showWide(tx.validUntilHeight),
    module: moduleName(tx.module),
    call: call?.ok === true ? describe(module?.describeCall(call.value)) : null,
    payload: hex0x(tx.payload),
    signature: hex0x(tx.signature),
    raw: hex0x(tx.bytes),
  };
}

/** What the block around a receipt adds to it. */
export interface ReceiptPlace {
  readonly at: BlockHead;
  readonly api: Pick<NodeApi, "head" | "finalized">;
  /** The called module's number, which the receipt itself does not hold. */
  readonly module: number;
}

export function showReceipt(receipt: Receipt, place: ReceiptPlace): z.input<typeof receiptResult> {
  const height = place.at.summary.height;
  const top = place.api.head().summary.height;
  return {
    txHash: hex0x(receipt.txid),
    ...showOutcome(receipt, place.module),
    blockHash: showHash(place.at.hash),
    blockHeight: showCount(height),
    index: receipt.index,
    confirmations: top < height ? 1 : showCount(top - height + 1n),
    final: place.api.finalized().summary.height >= height,
  };
}

/** The part of a receipt that needs no block: also of a simulation. */
export function showOutcome({ status, code, fee, events }: Receipt, module: number) {
  return {
    status,
    code,
    fault: code === 0 ? null : (findModule(module)?.faultName(code) ?? null),
    fee: fee.toString(),
    events: events.map(showEvent),
  };
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

function showEvent(event: Event) {
  return {
    module: moduleName(event.module),
    kind: event.kind,
    data: hex0x(event.data),
    decoded: describe(findModule(event.module)?.describeEvent(event)),
  };
}

function moduleName(id: number): string {
  return findModule(id)?.name ?? `module-${id}`;
}

function describe(
  description: Description | undefined,
): Record<string, string | number | boolean | null> | null {
  return description === undefined ? null : { ...description };
}
