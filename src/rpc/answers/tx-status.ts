/**
 * Where a transaction is, as tx_send, tx_get and the `tx` subscription say it: pending in the pool, included in a
 * block, or final. Where finality is instant included is final at once, elsewhere so many blocks later, and after a
 * reorganisation the same transaction may be pending again.
 *
 * This folder: answers that several methods share and that take more than one read: where a block or a transaction is,
 * waiting for it, pages of events and entries. Not here: their shapes (rpc/schemas).
 */
import { must } from "../../base/assert.ts";
import { equalBytes, type Hash, hex0x } from "../../base/bytes.ts";
import type { Block, SealedBlock } from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import type { NodeApi } from "../api.ts";
import { ATTACKER_SHARE, openReceipt, showReceipt } from "../schemas/show.ts";
import { showCount } from "../schemas/show-numbers.ts";
import { readSettled } from "../settled-reads.ts";

export interface TxStatus {
  readonly txHash: string;
  readonly status: "pending" | "included" | "final" | "expired" | "replaced" | "dropped";
  readonly blockHeight?: number;
  /** Blocks from its own on, and how many on top of it make it final: where finality is a matter of depth. */
  readonly confirmations?: number;
  readonly finalityDepth?: number;
  readonly receipt?: ReturnType<typeof showReceipt>;
}

/** The status of a transaction that is in a block. */
export interface IncludedStatus extends TxStatus {
  readonly status: "included" | "final";
  readonly blockHeight: number;
  readonly receipt: ReturnType<typeof showReceipt>;
}

/** A transaction with the block that holds it. */
export interface Inclusion {
  readonly sealed: SealedBlock;
  readonly index: number;
  readonly transaction: SignedTransaction;
  /** The receipts of the whole block. */
  readonly receipts: readonly Uint8Array[];
}

/** Where a transaction is, with all that an answer about it wants. */
export type Located =
  | { readonly status: "pending"; readonly transaction: SignedTransaction }
  | ({ readonly status: "included" } & Inclusion);

/** Undefined when it is unknown; one that only an abandoned branch holds is. */
export async function locate(api: NodeApi, id: Hash): Promise<Located | undefined> {
  // A reorganisation may come between two reads, and another block stand at that height: then it is asked again.
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const place = await api.findTransaction(id);
    if (place?.status !== "included") return place;
    const inclusion = await loadInclusion(api, id, place);
    if (inclusion !== undefined) return { status: "included", ...inclusion };
  }
  throw new Error("the chain changed branches at each of several reads; ask again");
}

const ATTEMPTS_MAX = 5;

/** The block and receipts around an included transaction, or undefined when it is pending or unknown. */
export async function findInclusion(api: NodeApi, id: Hash): Promise<Inclusion | undefined> {
  const located = await locate(api, id);
  return located?.status === "included" ? located : undefined;
}

async function loadInclusion(
  api: NodeApi,
  id: Hash,
  { height, index }: { readonly height: bigint; readonly index: number },
): Promise<Inclusion | undefined> {
  const [sealed, receipts] = await Promise.all([api.sealedBlockAt(height), api.receiptsAt(height)]);
  const transaction = sealed?.block.transactions[index];
  if (sealed === undefined || transaction === undefined || receipts === undefined) return undefined;
  if (!equalBytes(transaction.id, id) || receipts.length !== sealed.block.transactions.length)
    return undefined;
  return { sealed, index, transaction, receipts };
}

/** Where a transaction is, for whoever is not inside a read of one ledger already. @throws CallError SYNCING */
export function txStatusOf(api: NodeApi, id: Hash): Promise<TxStatus | undefined> {
  return readSettled(api, () => txStatusNow(api, id));
}

async function txStatusNow(api: NodeApi, id: Hash): Promise<TxStatus | undefined> {
  const located = await locate(api, id);
  if (located === undefined) return undefined;
  if (located.status === "pending") return { txHash: hex0x(id), status: "pending" };
  const { sealed, receipts, index } = located;
  return includedStatus(api, sealed.block, receipts, index);
}

export function includedStatus(
  api: NodeApi,
  block: Block,
  receipts: readonly Uint8Array[],
  index: number,
  attackerShare = ATTACKER_SHARE,
): IncludedStatus {
  const { id, module } = must(block.transactions[index], "the index comes from the block's own index");
  const receipt = showReceipt(
    openReceipt(must(receipts[index], "each transaction of a block has a receipt")),
    { at: block, api, module, attackerShare },
  );
  const mode = api.chainMode();
  return {
    txHash: hex0x(id),
    status: receipt.final ? "final" : "included",
    blockHeight: showCount(block.summary.height),
    ...(mode.kind === "final"
      ? {}
      : { confirmations: receipt.confirmations, finalityDepth: mode.finalityDepth }),
    receipt,
  };
}
