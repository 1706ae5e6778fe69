/**
 * Offline verification of a receipt file: with the genesis alone, no node and no network, in Node or a browser. It
 * trusts the genesis (its validators and their quorum) and nothing else, of a mined chain what the verifier brings
 * besides (verify-work.ts); every byte of the receipt is either
 * covered by the certificate or compared with what is. Each refusal is one plain sentence.
 */
import { must } from "../base/assert.ts";
import { asAddress, concatBytes, equalBytes, hex0x, parseBytes32, showHash, text } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { RECEIPT_FILE_BYTES_MAX, TX_BYTES_CEILING } from "../base/limits.ts";
import {
  ANCHOR,
  decodeAnchorCall,
  decodeFirstAnchor,
  decodeSenderAnchor,
} from "../chain/modules/anchor-declaration.ts";
import { anchorByKey, anchorKey } from "../chain/state/state-keys.ts";
import { checkStateProof, decodeStateProof } from "../chain/state/state-proof.ts";
import { type BlockHead, readBlockHead } from "../chain/types/block.ts";
import { blockTimeMs } from "../chain/types/block-time.ts";
import { decodeReceipt } from "../chain/types/receipt.ts";
import { decodeTransaction } from "../chain/types/transaction.ts";
import { checkFields } from "../codec/field.ts";
import { decode } from "../codec/reader.ts";
import { verifyCommitCertificate } from "../consensus/pbft/certificate.ts";
import { checkMerklePath } from "../crypto/merkle.ts";
import { ProvedSets, setFor } from "./epoch-chain.ts";
import { bytesOf, pathOf } from "./proof-parts.ts";
import { type ReceiptFile, receiptSchema } from "./receipt-file.ts";
import {
  type CertificateSigner,
  minedChainOf,
  openGenesis,
  signersOf,
  type TrustedGenesis,
} from "./trusted-genesis.ts";
import { type HeldDifficulty, type MinedChain, type TrustAnchor, verifyWork } from "./verify-work.ts";

export { type EpochLink, ProvedSets } from "./epoch-chain.ts";
export { createReceipt, type ReceiptFile, type ReceiptSource } from "./receipt-file.ts";
export { minedChainOf, openGenesis, type TrustedGenesis } from "./trusted-genesis.ts";
export { type EvidenceAnswer, type VerifiedEquivocation, verifyEvidence } from "./verify-evidence.ts";
export { type VerifiedInclusion, verifyInclusion } from "./verify-inclusion.ts";
export {
  describeDifficulty,
  type HeldDifficulty,
  type MinedChain,
  type ShownWork,
  type TrustAnchor,
  verifyWork,
  type WorkQuestion,
} from "./verify-work.ts";

/**
 * What is asked. Where blocks are mined the verifier brings what the work is held to; where validators sign,
 * that changes nothing.
 */
export interface ReceiptQuestion extends TrustAnchor {
  /** The file's text, or its parsed JSON. */
  readonly receipt: unknown;
  /** The text of genesis.json, or what openGenesis made of it. */
  readonly genesis: string | TrustedGenesis;
  /** Breaks of trust that the verifier accepts by name: ids of transitions, 0x-hex. */
  readonly accepted?: readonly string[] | undefined;
  /** SHA-256 of the document, 32 bytes or hex. Without it only the receipt itself is checked. */
  readonly digest?: Uint8Array | string | undefined;
}

export type ReceiptAnswer =
  | ({ readonly valid: true } & VerifiedAnchor)
  | {
      readonly valid: false;
      readonly reason: string;
      /** Everything holds but the anchor: how much work stands behind the block, expected hashes as decimal. */
      readonly unanchored?: Unanchored;
    };

/** Work, as far as the headers show it, that nothing says the chain of. */
export interface Unanchored {
  readonly confirmations: number;
  readonly work: string;
  /** What of the chain's retarget rule it was held to. */
  readonly difficulty: HeldDifficulty;
}

export interface VerifiedAnchor {
  /** The digest of the document, 0x-hex. */
  readonly digest: string;
  /** Height of the block that anchored the document. */
  readonly height: number;
  /** That block's time, ms since the Unix epoch. */
  readonly timeMs: number;
  /** The account that anchored it, 0x-hex (the first to do so, by state evidence without a sender). */
  readonly sender: string;
  readonly memo: string;
  /** The block whose certificate or work was checked, as shown. */
  readonly blockHash: string;
  /** What makes it believed: its validators' signatures, or the block or the minimum of work that the verifier brought. */
  readonly by: "certificate" | "block" | "work";
  /** The validators that signed it. There are none where blocks are mined. */
  readonly signers: readonly CertificateSigner[];
  /** Breaks of trust that its validators rest on, each accepted by name: present only where there are any. */
  readonly breaks?: readonly { readonly id: string; readonly height: number; readonly reason: string }[];
  /** Where blocks are mined: blocks from this one on in the receipt, and the expected hashes in them as decimal. */
  readonly confirmations?: number;
  readonly work?: string;
  /** Where blocks are mined: how far their difficulty was held to the chain's rule. */
  readonly difficulty?: HeldDifficulty;
}

/** Never throws for a wrong receipt or genesis. */
export function verifyReceipt({ receipt, genesis, ...question }: ReceiptQuestion): ReceiptAnswer {
  const trusted = typeof genesis === "string" ? openGenesis(genesis) : accept(genesis);
  if (!trusted.ok) return { valid: false, reason: `genesis: ${trusted.fault.detail}` };
  const { accepted = trusted.value.accepted } = question;
  const verdict = check(receipt, { ...trusted.value, accepted }, question);
  if (!verdict.ok) return { valid: false, reason: verdict.fault.detail };
  const { unproven, ...anchor } = verdict.value;
  if (unproven === undefined) return { valid: true, ...anchor };
  return { valid: false, ...unproven };
}

/** What the evidence says, once it is checked. */
type Finding = Pick<VerifiedAnchor, "height" | "timeMs" | "sender" | "memo">;

function check(
  receipt: unknown,
  trusted: TrustedGenesis,
  question: Omit<ReceiptQuestion, "receipt" | "genesis">,
): Verdict<VerifiedAnchor & { readonly unproven?: Unproven }> {
  const read = readFile(receipt);
  if (!read.ok) return read;
  const file = read.value;
  const stranger = checkNetwork(file, trusted) ?? checkDigest(file, question.digest);
  if (stranger !== undefined) return wrong(stranger);
  const head = readHead(file);
  if (!head.ok) return head;
  const misfit = checkHead(file, head.value, trusted);
  if (misfit !== undefined) return wrong(misfit);
  const proved = checkProof(file, head.value, trusted, question);
  if (!proved.ok) return proved;
  const found = checkEvidence(file, head.value);
  if (!found.ok) return found;
  const { digest: anchored, blockHash } = file;
  return accept({ digest: anchored, ...found.value, blockHash, ...proved.value });
}

type Proved = Pick<VerifiedAnchor, "by" | "signers" | "breaks" | "confirmations" | "work" | "difficulty">;

/** All is in order but that nothing says which chain it is. */
interface Unproven {
  readonly reason: string;
  readonly unanchored: Unanchored;
}

/** That the block is the chain's: its certificate, or work that is held to what the verifier brought. */
function checkProof(
  file: ReceiptFile,
  head: BlockHead,
  trusted: TrustedGenesis,
  anchor: TrustAnchor,
): Verdict<Proved & { readonly unproven?: Unproven }> {
  const seal = bytesOf(file.seal);
  const chain = minedChainOf(trusted);
  if (chain !== undefined) return checkWork(file, head, chain, anchor);
  if (file.headers !== undefined || file.before !== undefined)
    return wrong("headers in a receipt of a chain whose blocks are not mined");
  const { epoch } = head.summary;
  const sets = trusted.sets ?? new ProvedSets(trusted);
  const set = setFor(trusted, epoch, file.epochs ?? [], sets);
  if (!set.ok) return wrong(set.fault.detail);
  const { genesisHash } = trusted;
  const question = { genesisHash, validators: set.value, head, seal, namesEachBad: true };
  const unproved = verifyCommitCertificate(question);
  if (unproved !== undefined) return wrong(`certificate: ${unproved.detail}`);
  const breaks = sets
    .breaksUpTo(epoch)
    .map(({ id, height, reason }) => ({ id, height: Number(height), reason }));
  const signers = signersOf(seal, set.value);
  return accept({ by: "certificate", signers, ...(breaks.length === 0 ? {} : { breaks }) });
}

function checkWork(
  { seal, headers = [], before }: ReceiptFile,
  head: BlockHead,
  chain: MinedChain,
  { anchorHash, minimumWork }: TrustAnchor,
): Verdict<Proved & { readonly unproven?: Unproven }> {
  if (seal !== "0x") return wrong("a certificate in a receipt of a chain whose blocks are mined");
  const question = { head, headers, before, chain };
  const read = verifyWork({ ...question, minimumWork: 0n });
  if (!read.ok) return read;
  const { confirmations, difficulty } = read.value;
  const shown = { confirmations, work: read.value.work.toString(), difficulty };
  const held = verifyWork({ ...question, anchorHash, minimumWork });
  if (held.ok) return accept({ by: held.value.by, signers: [], ...shown });
  if (held.fault.code === "invalid") return held;
  return accept({
    by: "work",
    signers: [],
    ...shown,
    unproven: { reason: held.fault.detail, unanchored: shown },
  });
}

function readFile(receipt: unknown): Verdict<ReceiptFile> {
  let json = receipt;
  if (typeof receipt === "string") {
    if (receipt.length > RECEIPT_FILE_BYTES_MAX) {
      return wrong(`receipt of ${receipt.length} bytes, at most ${RECEIPT_FILE_BYTES_MAX} are read`);
    }
    try {
      json = JSON.parse(receipt);
    } catch {
      return wrong("receipt: not JSON");
    }
  }
  const parsed = checkFields(receiptSchema, json);
  return parsed.ok ? parsed : wrong(`receipt: ${parsed.fault.detail}`);
}

function checkNetwork(
  { network }: ReceiptFile,
  { genesis, genesisHash }: TrustedGenesis,
): string | undefined {
  const ours = showHash(genesisHash);
  if (network.genesisHash !== ours) {
    return `receipt of another chain: its genesis is ${network.genesisHash}, the given one ${ours}`;
  }
  if (BigInt(network.chainId) !== genesis.chainId) {
    return `chain id ${network.chainId}, the genesis says ${genesis.chainId}`;
  }
  return undefined;
}

function checkDigest(file: ReceiptFile, digest: Uint8Array | string | undefined): string | undefined {
  if (digest === undefined) return undefined;
  const bytes = typeof digest === "string" ? parseBytes32(digest) : digest;
  if (bytes?.length !== 32) return "the digest to compare is not 32 bytes";
  const shown = hex0x(bytes);
  return shown === file.digest
    ? undefined
    : `the document differs: its digest is ${shown}, the receipt is for ${file.digest}`;
}

function readHead(file: ReceiptFile): Verdict<BlockHead> {
  const bytes = concatBytes(bytesOf(file.header), bytesOf(file.summary));
  return decode(bytes, "header and summary", readBlockHead);
}

function checkHead(
  file: ReceiptFile,
  { hash, header, summary }: BlockHead,
  trusted: TrustedGenesis,
): string | undefined {
  if (file.blockHash !== showHash(hash)) {
    return `block hash ${file.blockHash}, the header's is ${showHash(hash)}`;
  }
  if (BigInt(file.height) !== summary.height) {
    return `height ${file.height}, the block's is ${summary.height}`;
  }
  const timeMs = blockTimeMs({ header, summary });
  if (BigInt(file.time) !== timeMs) {
    return `time ${file.time}, the block's is ${timeMs}`;
  }
  if (summary.chainId !== trusted.genesis.chainId) {
    return `block of chain ${summary.chainId}, the genesis says ${trusted.genesis.chainId}`;
  }
  return undefined;
}

function checkEvidence(file: ReceiptFile, head: BlockHead): Verdict<Finding> {
  const digest = must(parseBytes32(file.digest), "the file's check has read it as 32 bytes");
  const { evidence } = file;
  return evidence.type === "transaction"
    ? checkTransactionEvidence(evidence, digest, head)
    : checkStateEvidence(evidence, digest, head);
}

type Evidence<T extends ReceiptFile["evidence"]["type"]> = Extract<ReceiptFile["evidence"], { type: T }>;

function checkTransactionEvidence(
  evidence: Evidence<"transaction">,
  digest: Uint8Array,
  { header, summary }: BlockHead,
): Verdict<Finding> {
  const tx = decodeTransaction(bytesOf(evidence.tx), TX_BYTES_CEILING);
  if (!tx.ok) return tx;
  const receiptBytes = bytesOf(evidence.receipt);
  const receipt = decodeReceipt(receiptBytes);
  if (!receipt.ok) return receipt;
  if (!checkMerklePath(summary.txRoot, tx.value.hash, pathOf(evidence.txPath))) {
    return wrong("the transaction is not in the block: its Merkle path does not lead to txRoot");
  }
  if (!checkMerklePath(summary.receiptsRoot, receiptBytes, pathOf(evidence.receiptPath))) {
    return wrong(
      "the transaction's receipt is not in the block: its Merkle path does not lead to receiptsRoot",
    );
  }
  const { txid, index, status, code } = receipt.value;
  if (!equalBytes(txid, tx.value.id) || index !== evidence.txPath.index) {
    return wrong("the receipt is of another transaction of the block");
  }
  if (status !== "success") return wrong(`the transaction failed with code ${code}: it anchored nothing`);
  const call = tx.value.module === ANCHOR ? decodeAnchorCall(tx.value.payload) : undefined;
  if (call?.ok !== true) return wrong("the transaction anchors no document");
  if (!equalBytes(call.value.digest, digest)) {
    return wrong(`the transaction anchors ${hex0x(call.value.digest)}, not the receipt's digest`);
  }
  const { from } = tx.value;
  const { height } = summary;
  const timeMs = blockTimeMs({ header, summary });
  return accept(showFinding({ sender: from, memo: call.value.memo, height, timeMs }));
}

function checkStateEvidence(
  evidence: Evidence<"state">,
  digest: Uint8Array,
  { summary }: BlockHead,
): Verdict<Finding> {
  const proof = decodeStateProof(bytesOf(evidence.proof));
  if (!proof.ok) return proof;
  const value = bytesOf(evidence.value);
  const sender =
    evidence.sender === undefined
      ? undefined
      : asAddress(must(parseBytes32(evidence.sender), "the file's check has read it as 32 bytes"));
  const key = sender === undefined ? anchorKey(digest) : anchorByKey(digest, sender);
  if (!checkStateProof(summary.stateRoot, key, value, proof.value)) {
    return wrong("the state does not hold this anchor: the proof does not lead to stateRoot");
  }
  return accept(
    showFinding(sender === undefined ? decodeFirstAnchor(value) : { ...decodeSenderAnchor(value), sender }),
  );
}

function showFinding(found: {
  readonly sender: Uint8Array;
  readonly memo: Uint8Array;
  readonly height: bigint;
  readonly timeMs: bigint;
}): Finding {
  const { sender, memo, height, timeMs } = found;
  return { sender: hex0x(sender), memo: text(memo), height: Number(height), timeMs: Number(timeMs) };
}

function wrong(detail: string): { readonly ok: false; readonly fault: { code: "invalid"; detail: string } } {
  return refuse("invalid", detail);
}
