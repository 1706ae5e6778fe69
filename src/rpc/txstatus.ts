/**
 * Where a transaction is, as tx_send, tx_get and the `tx` subscription say it: pending in the pool, included in a
 * block, or final. Where finality is instant included is final at once, elsewhere so many blocks later, and after a
 * reorganisation the same transaction may be pending again.
 */
import { type Hash, hex0x } from "../base/bytes.ts";
import type { Block, SealedBlock } from "../chain/block.ts";
import type { SignedTransaction } from "../chain/transaction.ts";
import type { NodeApi } from "./api.ts";
import { mustExist } from "./blocks.ts";
import { ATTACKER_SHARE, openReceipt, showCount, showReceipt } from "./show.ts";

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
  /** Of the whole block. */
  readonly receipts: readonly Uint8Array[];
}

/** Loads the block and receipts around an included transaction; undefined when it is pending or unknown. */
export async function findInclusion(api: NodeApi, id: Hash): Promise<Inclusion | undefined> {
  const place = await api.findTransaction(id);
  return place?.status === "included" ? loadInclusion(api, place.height, place.index) : undefined;
}

export async function loadInclusion(api: NodeApi, height: bigint, index: number): Promise<Inclusion> {
  const [found, receipts] = await Promise.all([api.sealedBlockAt(height), api.receiptsAt(height)]);
  const sealed = mustExist(found, `block ${height}`);
  const transaction = mustExist(sealed.block.transactions[index], `transaction ${index} of block ${height}`);
  return { sealed, index, transaction, receipts: mustExist(receipts, `receipts of block ${height}`) };
}

export async function txStatusOf(api: NodeApi, id: Hash): Promise<TxStatus | undefined> {
  const place = await api.findTransaction(id);
  if (place === undefined) return undefined;
  if (place.status === "pending") return { txHash: hex0x(id), status: "pending" };
  const { sealed, receipts } = await loadInclusion(api, place.height, place.index);
  return includedStatus(api, sealed.block, receipts, place.index);
}

export function includedStatus(
  api: NodeApi,
  block: Block,
  receipts: readonly Uint8Array[],
  index: number,
  attackerShare = ATTACKER_SHARE,
): IncludedStatus {
  const { id, module } = block.transactions[index]!;
  const receipt = showReceipt(openReceipt(receipts[index]!), { at: block, api, module, attackerShare });
  const finalityDepth = api.finalityDepth();
  return {
    txHash: hex0x(id),
    status: receipt.final ? "final" : "included",
    blockHeight: showCount(block.summary.height),
    ...(finalityDepth === undefined ? {} : { confirmations: receipt.confirmations, finalityDepth }),
    receipt,
  };
}
