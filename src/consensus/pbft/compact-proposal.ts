/**
 * PRE-PREPAREs in which hashes stand for transactions: the same signed vote, and in place of the block its head, the hashes
 * of its transactions, and those transactions in full that the others may not have yet. The hashes prove themselves by the
 * head's txRoot, so who signed them is known before one is asked for; only what becomes a whole PRE-PREPARE again goes to
 * the engine. Which transactions are here, and who is asked for the others, is node/ingress/compact-proposals.ts.
 *
 *   PRE-PREPARE without its block | header 80 | summary | u32 count, hash 32 each | u32 count, (u16 length, envelope) each
 *
 * Source: docs/protocol.md, "Compact proposals"; the idea is BIP 152's.
 */
import { equalBytes, type Hash, ZERO_HASH } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import {
  type BlockHead,
  type BodyLimits,
  bodyBytesOf,
  encodeBlock,
  joinBlock,
  readBlockHead,
  writeBlockHead,
} from "../../chain/types/block.ts";
import type { SignedTransaction } from "../../chain/types/transaction.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { merkleRoot } from "../../crypto/merkle.ts";
import type { CertificateContext } from "./certificate.ts";
import { encodeMessage, type ParsedMessage } from "./message-bytes.ts";
import type { PrePrepare } from "./message-verifier.ts";
import type { VoteBody } from "./messages.ts";
import { checkSignature, type MessageFault, matchesVote, type Signed } from "./signed-messages.ts";

/** A PRE-PREPARE whose signature and hashes were checked, and whose transactions are yet to be put together. */
export interface CompactProposal {
  readonly vote: VoteBody<"pre-prepare"> & Signed;
  readonly head: BlockHead;
  /** Hashes of the whole envelopes in the block's order: the leaves of the summary's txRoot. */
  readonly hashes: readonly Hash[];
  /** Envelopes that came with it, as bytes: at most as many as there are hashes. */
  readonly envelopes: readonly Uint8Array[];
}

/** @param isFresh whether the others may not have a transaction yet */
export function encodeCompact(
  message: PrePrepare,
  isFresh: (transaction: SignedTransaction) => boolean,
): Uint8Array {
  const { block, blockBytes: _, signature, ...body } = message;
  const fresh = block.transactions.filter(isFresh);
  const writer = new Writer(512 + 32 * block.transactions.length);
  writeBlockHead(writer, block);
  const attachment = writer
    .list(block.transactions, (w, { hash }) => w.raw(hash))
    .list(fresh, (w, { bytes }) => w.bytes16(bytes))
    .finish();
  return encodeMessage(body, signature, attachment);
}

/** Checks the signature, the head and that the hashes are those of its body; the envelopes are not decoded here. */
export function openCompact(
  context: CertificateContext & { readonly limits: BodyLimits },
  { attachment, relayed: _, ...message }: ParsedMessage,
): Verdict<CompactProposal, MessageFault> {
  if (message.type !== "pre-prepare") return refuse("unknown-type", `a compact ${message.type}`);
  const bad = checkSignature(context, message, message.signature);
  if (bad !== undefined) return { ok: false, fault: bad };
  const read = decode(attachment, "compact proposal", (reader) => readAttachment(reader, context.limits));
  if (!read.ok) return read;
  const wrong = matchesVote(read.value.head, message);
  return wrong === undefined ? accept({ vote: message, ...read.value }) : { ok: false, fault: wrong };
}

/**
 * @param transactions those with the proposal's hashes, in their order
 * @returns `wrong-block` where they are others, or their bytes are not as many as the head says: the hashes alone do not bound them
 */
export function completeProposal(
  { vote, head, hashes }: CompactProposal,
  transactions: readonly SignedTransaction[],
): Verdict<PrePrepare, MessageFault> {
  // The executor does not compute the root again, so nothing but these is the body.
  const isBody =
    transactions.length === hashes.length &&
    transactions.every(({ hash }, i) => equalBytes(hash, hashes[i] ?? ZERO_HASH));
  if (!isBody) return refuse("wrong-block", "the transactions are not those of the hashes");
  const bytes = bodyBytesOf(transactions);
  const { bodyBytes } = head.summary;
  if (bytes !== bodyBytes) {
    return refuse("wrong-block", `transactions of ${bytes} bytes, the summary says ${bodyBytes}`);
  }
  const block = joinBlock(head, transactions);
  return accept({ ...vote, block, blockBytes: encodeBlock(block) } as PrePrepare);
}

function readAttachment(reader: Reader, limits: BodyLimits): Omit<CompactProposal, "vote"> {
  const head = readBlockHead(reader);
  const { txCount, bodyBytes, txRoot } = head.summary;
  if (bodyBytes > limits.maxBlockBytes) {
    reader.fail(`body of ${bodyBytes} bytes, at most ${limits.maxBlockBytes}`);
  }
  const hashes = reader.list(limits.maxBlockTransactions, (r) => r.raw(32) as Hash);
  if (hashes.length !== txCount) reader.fail(`${hashes.length} hashes, the summary says ${txCount}`);
  if (!equalBytes(merkleRoot(hashes), txRoot)) reader.fail("hashes do not match txRoot");
  const envelopes = reader.list(txCount, (r) => r.bytes16(limits.maxTxBytes));
  return { head, hashes, envelopes };
}
