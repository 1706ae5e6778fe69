/**
 * The receipt file of an anchored document: everything that an offline check needs beside the genesis, and nothing
 * that the check does not cover; of a mined block the headers on top of it, which a verifier holds against what is
 * known besides (verify-work.ts). Three kinds of evidence: the anchoring transaction with its receipt in its block, or
 * in the state of a later block the first anchor of the digest, or that of one sender.
 * Format: docs/protocol.md, "Receipt file". JSON, version 1 to 4; another version is refused.
 */
import { hex0x, showHash } from "../base/bytes.ts";
import { PROOF_HEADERS_MAX } from "../base/limits.ts";
import { choiceField, field, list, mapped, object, optional, type ValueOf, variant } from "../codec/field.ts";
import type { ResultOf } from "./client.ts";
import { type EpochLink, epochLinkField } from "./epoch-chain.ts";
import { bytesField, countField, hashField, pathField } from "./proof-parts.ts";
import type { ChainRef } from "./wallet.ts";

/**
 * 2 is 1 with `before`, 3 is 1 with `evidence.sender`, 4 is 1 or 3 with `epochs`, and each is written only where that is
 * present.
 */
const FORMATS = [1, 2, 3, 4] as const;

/** Epochs of a week each: of two centuries. */
const EPOCH_LINKS_MAX = 10_000;

const transactionEvidence = object({
  type: choiceField("transaction"),
  /** The signed envelope, whose SHA-256 is under txRoot. */
  tx: bytesField,
  txPath: pathField,
  /** The encoded receipt, under receiptsRoot. */
  receipt: bytesField,
  receiptPath: pathField,
});

const stateEvidence = object({
  type: choiceField("state"),
  /** Format 3 names whose anchor it is. Without it the first anchor of the digest is meant. */
  sender: optional(hashField),
  /** What the state holds under the digest, and the sender (chain/modules/anchor.ts), and the proof under stateRoot. */
  value: bytesField,
  proof: bytesField,
});

const receiptFields = object({
  format: field("1, 2, 3 or 4", (value) => FORMATS.find((format) => format === value)),
  kind: choiceField("quorate-anchor-receipt"),
  network: object({ chainId: countField, genesisHash: hashField }),
  /** SHA-256 of the document, 32 bytes as hex. */
  digest: hashField,
  /** The block that the evidence is in. */
  height: countField,
  blockHash: hashField,
  time: countField,
  header: bytesField,
  summary: bytesField,
  /** The commit certificate of the block. It is empty where blocks are mined. */
  seal: bytesField,
  /** Where blocks are mined: the headers on top of the block at export, ascending, 80 bytes each. */
  headers: optional(list(bytesField, PROOF_HEADERS_MAX)),
  /** Format 2: the headers below the block that its target and those of `headers` follow from, ascending. */
  before: optional(list(bytesField, PROOF_HEADERS_MAX)),
  /** Format 4: of a block above epoch 0, how its validators follow from those of genesis, ascending. */
  epochs: optional(list(epochLinkField, EPOCH_LINKS_MAX)),
  evidence: variant("type", { transaction: transactionEvidence, state: stateEvidence }),
});

export const receiptSchema = mapped(
  receiptFields,
  (file) => file,
  ({ format, before, epochs, evidence }) => {
    if ((before !== undefined) !== (format === 2)) return "before: format 2 has it, the others do not";
    if ((epochs !== undefined) !== (format === 4)) return "epochs: format 4 has it, the others do not";
    const sender = evidence.type === "state" ? evidence.sender : undefined;
    if (format === 4) return undefined;
    if ((sender !== undefined) === (format === 3)) return undefined;
    return "evidence.sender: format 3 has it, formats 1 and 2 do not";
  },
);

export type ReceiptFile = ValueOf<typeof receiptSchema>;

export interface ReceiptSource {
  readonly chain: ChainRef;
  /** The digest of the document, 32 bytes. */
  readonly digest: Uint8Array;
  /** The account whose anchor `proof` is of, 32 bytes: for state_query anchor/<digest>/<sender>. */
  readonly sender?: Uint8Array;
  /** The answer of tx_getProof for the anchoring transaction, or of state_query anchor/<digest>[/<sender>] with prove. */
  readonly proof: NonNullable<ResultOf<"tx_getProof">> | ResultOf<"state_query">;
  /** The links of chain_getEpochs up to the block's epoch, where that is above 0 (epoch-chain.ts, `linksOf`). */
  readonly epochs?: readonly EpochLink[];
}

/** Puts an answer of a node into a file. It is not checked here: verifyReceipt does that. */
export function createReceipt(source: ReceiptSource): ReceiptFile {
  const file = createPlain(source);
  const { epochs = [] } = source;
  return epochs.length === 0 ? file : { ...file, format: 4, epochs: [...epochs] };
}

function createPlain({ chain, digest, sender, proof }: ReceiptSource): ReceiptFile {
  const { genesisHash } = chain;
  const shown = typeof genesisHash === "string" ? genesisHash : showHash(genesisHash);
  const network = { chainId: Number(chain.chainId), genesisHash: shown };
  const { height, blockHash: hash } = proof;
  const start = {
    kind: "quorate-anchor-receipt",
    network,
    digest: hex0x(digest),
  } as const;
  if ("tx" in proof) {
    const { time, header, summary, seal, tx, txPath, receipt, receiptPath } = proof;
    const evidence = { type: "transaction", tx, txPath, receipt, receiptPath } as const;
    const { headers, before } = proof;
    const onTop = headers === undefined ? {} : { headers };
    const below = before === undefined ? ({ format: 1 } as const) : ({ format: 2, before } as const);
    return { ...below, ...start, height, blockHash: hash, time, header, summary, seal, ...onTop, evidence };
  }
  if (proof.finality === undefined || proof.proof === undefined || proof.value === null) {
    throw new Error(`${proof.path}: no anchor, or asked for without prove`);
  }
  const entry = { value: proof.value, proof: proof.proof };
  const format = sender === undefined ? 1 : 3;
  const whose = sender === undefined ? {} : { sender: hex0x(sender) };
  const evidence = { type: "state", ...whose, ...entry } as const;
  return { format, ...start, height, blockHash: hash, time: proof.time, ...proof.finality, evidence };
}
