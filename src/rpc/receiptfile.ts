/**
 * The receipt file of an anchored document: everything that an offline check needs beside the genesis, and nothing
 * that the check does not cover; of a mined block the headers on top of it, which a verifier holds against what he
 * knows besides (verifywork.ts). Two kinds of evidence: the anchoring transaction with its receipt in its block, or
 * the entry of the digest in the state of a later block (for a document that somebody anchored before).
 * Format: docs/protocol.md, "Receipt file". JSON, version 1 or 2; another version is refused.
 */
import { z } from "zod";
import { hex0x, showHash } from "../base/bytes.ts";
import { PROOF_HEADERS_MAX } from "../base/limits.ts";
import type { ResultOf } from "./client.ts";
import { blockHash, bytesHex, count, hash32, timeMs } from "./output.ts";
import type { ChainRef } from "./wallet.ts";

/** 2 is 1 with `before`, and written only where that is present. */
const FORMATS = [1, 2] as const;

/** u32 in the encodings that these are checked against. */
const u32 = z.int().min(0).max(0xffff_ffff);
const path = z.strictObject({ index: u32, count: u32, siblings: z.array(hash32).max(32) });

const transactionEvidence = z.strictObject({
  type: z.literal("transaction"),
  /** The signed envelope, whose SHA-256 is under txRoot. */
  tx: bytesHex,
  txPath: path,
  /** The encoded receipt, under receiptsRoot. */
  receipt: bytesHex,
  receiptPath: path,
});

const stateEvidence = z.strictObject({
  type: z.literal("state"),
  /** What the state holds under the digest (chain/modules/anchor.ts), and the proof under stateRoot. */
  value: bytesHex,
  proof: bytesHex,
});

const receiptFields = z.strictObject({
  format: z.literal(FORMATS),
  kind: z.literal("quorate-anchor-receipt"),
  network: z.strictObject({ chainId: count, genesisHash: blockHash }),
  /** SHA-256 of the document. */
  digest: hash32,
  /** The block that the evidence is in. */
  height: count,
  blockHash,
  time: timeMs,
  header: bytesHex,
  summary: bytesHex,
  /** The commit certificate of the block; empty where blocks are mined. */
  seal: bytesHex,
  /** Where blocks are mined: the headers on top of the block at export, ascending, 80 bytes each. */
  headers: z.array(bytesHex).max(PROOF_HEADERS_MAX).optional(),
  /** Format 2: the headers below the block that its target and those of `headers` follow from, ascending. */
  before: z.array(bytesHex).max(PROOF_HEADERS_MAX).optional(),
  evidence: z.discriminatedUnion("type", [transactionEvidence, stateEvidence]),
});

export const receiptSchema = receiptFields.refine(
  ({ format, before }) => (before !== undefined) === (format === 2),
  { path: ["before"], message: "format 2 has it, format 1 does not" },
);

export type ReceiptFile = z.output<typeof receiptSchema>;

export interface ReceiptSource {
  readonly chain: ChainRef;
  /** 32 bytes. */
  readonly digest: Uint8Array;
  /** The answer of tx_getProof for the anchoring transaction, or of state_query anchor/<digest> with prove. */
  readonly proof: NonNullable<ResultOf<"tx_getProof">> | ResultOf<"state_query">;
}

/** Puts an answer of a node into a file. It is not checked here: verifyReceipt does that. */
export function createReceipt({ chain, digest, proof }: ReceiptSource): ReceiptFile {
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
  const evidence = { type: "state", value: proof.value, proof: proof.proof } as const;
  return { format: 1, ...start, height, blockHash: hash, time: proof.time, ...proof.finality, evidence };
}
