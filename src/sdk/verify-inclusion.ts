/**
 * Whether the answer of tx_getProof proves that a transaction is final: header and summary, the certificate over
 * them, and the Merkle paths of the transaction and its receipt. It trusts the genesis alone; what it gives back
 * comes from checked bytes. The check behind the client's `finality: { by: "certificate" }`; pbft.md 1.11 (b).
 */
import { equalBytes, type Hash, showHash } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { TX_BYTES_CEILING } from "../base/limits.ts";
import { decodeReceipt } from "../chain/types/receipt.ts";
import { decodeTransaction } from "../chain/types/transaction.ts";
import { checkFields, object } from "../codec/field.ts";
import { checkMerklePath } from "../crypto/merkle.ts";
import { showCount } from "../rpc/schemas/show-numbers.ts";
import { showOutcome } from "../rpc/schemas/show-outcome.ts";
import { openCertifiedHead } from "./final-head.ts";
import { bytesField, bytesOf, pathField, pathOf } from "./proof-parts.ts";
import type { CertificateSigner, TrustedGenesis } from "./trusted-genesis.ts";

const proofSchema = object(
  {
    header: bytesField,
    summary: bytesField,
    seal: bytesField,
    tx: bytesField,
    txPath: pathField,
    receipt: bytesField,
    receiptPath: pathField,
  },
  { others: "ignored" },
);

/** A transaction in a final block. */
export interface VerifiedInclusion {
  readonly blockHeight: number;
  /** The hash of the block, as it is shown to people. */
  readonly blockHash: string;
  /** The transaction's position in the block, from 0 on. */
  readonly index: number;
  /** What it did, as tx_getReceipt shows it. */
  readonly outcome: ReturnType<typeof showOutcome>;
  /** The validators whose signatures make it final. */
  readonly signers: readonly CertificateSigner[];
}

/** @param txid of the transaction that the proof should be for. Never throws for a wrong proof. */
export function verifyInclusion(
  proof: unknown,
  txid: Hash,
  trusted: TrustedGenesis,
): Verdict<VerifiedInclusion> {
  const parsed = checkFields(proofSchema, proof);
  if (!parsed.ok) return refuse("malformed", `proof: ${parsed.fault.detail}`);
  const { header, summary: shownSummary, seal: shownSeal, ...evidence } = parsed.value;
  const opened = openCertifiedHead({ header, summary: shownSummary, seal: shownSeal }, trusted);
  if (!opened.ok) return opened;
  const { signers, head } = opened.value;
  const { summary, hash } = head;
  const tx = decodeTransaction(bytesOf(evidence.tx), TX_BYTES_CEILING);
  if (!tx.ok) return tx;
  if (!equalBytes(tx.value.id, txid)) return refuse("invalid", "the proof is for another transaction");
  const receiptBytes = bytesOf(evidence.receipt);
  const receipt = decodeReceipt(receiptBytes);
  if (!receipt.ok) return receipt;
  if (!checkMerklePath(summary.txRoot, tx.value.hash, pathOf(evidence.txPath))) {
    return refuse("invalid", "the transaction's Merkle path does not lead to the block's txRoot");
  }
  if (!checkMerklePath(summary.receiptsRoot, receiptBytes, pathOf(evidence.receiptPath))) {
    return refuse("invalid", "the receipt's Merkle path does not lead to the block's receiptsRoot");
  }
  const { index } = evidence.txPath;
  if (!equalBytes(receipt.value.txid, txid) || receipt.value.index !== index) {
    return refuse("invalid", "the receipt is of another transaction of the block");
  }
  return accept({
    blockHeight: showCount(summary.height),
    blockHash: showHash(hash),
    index,
    outcome: showOutcome(receipt.value, tx.value.module),
    signers,
  });
}
