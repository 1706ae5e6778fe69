/**
 * Whole blocks, transactions and state as a node's answers show them, judged in Node or a browser against the genesis
 * alone: what the explorer shows is what comes out of here. Every byte that is handed on is covered by a certificate, by
 * proof of work, or by the genesis itself. Never throws for a wrong answer; each refusal is one plain sentence.
 */
import { asHash, concatBytes, equalBytes, type Hash, parseHex, showHash } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { TX_BYTES_CEILING } from "../base/limits.ts";
import { checkStateProof, decodeStateProof } from "../chain/state/state-proof.ts";
import { type BlockHead, readBlockHead, txRootOf } from "../chain/types/block.ts";
import { decodeReceipt, type Receipt } from "../chain/types/receipt.ts";
import { decodeTransaction, type SignedTransaction } from "../chain/types/transaction.ts";
import { decode } from "../codec/reader.ts";
import { verifyCommitCertificate } from "../consensus/pbft/certificate.ts";
import { quorumOf } from "../consensus/pbft/quorum.ts";
import { checkMerklePath } from "../crypto/merkle.ts";
import { setFor } from "./epoch-chain.ts";
import { pathOf } from "./proof-parts.ts";
import { type CertificateSigner, minedChainOf, signersOf, type TrustedGenesis } from "./trusted-genesis.ts";
import { describeDifficulty, verifyWork } from "./verify-work.ts";

/** A head in hex, as chain_getFinalityProof, tx_getProof and state_query (`finality`) have it. */
export interface ShownHead {
  readonly header: string;
  readonly summary: string;
  readonly seal: string;
  /** Where blocks are mined: headers on top, and those below that the retarget rule reads. */
  readonly headers?: readonly string[] | undefined;
  readonly before?: readonly string[] | undefined;
}

export interface VerifiedHead {
  readonly head: BlockHead;
  readonly by: "genesis" | "certificate" | "work";
  /** The validators that signed. There are none where blocks are mined. */
  readonly signers: readonly CertificateSigner[];
  /** What was checked, in words. */
  readonly words: string;
  /** Where blocks are mined: blocks from this one on that the answer shows. */
  readonly confirmations?: number;
}

type Refused = "invalid" | "malformed";

/** Decodes a head and holds it to the genesis: block 0 by its hash, others by certificate or by work. */
export function verifyHead(shown: ShownHead, trusted: TrustedGenesis): Verdict<VerifiedHead, Refused> {
  const bytes = concatBytes(parseHex(shown.header) ?? NONE, parseHex(shown.summary) ?? NONE);
  const read = decode(bytes, "header and summary", readBlockHead);
  if (!read.ok) return refuse("malformed", read.fault.detail);
  const head = read.value;
  const { genesis, genesisHash } = trusted;
  if (head.summary.chainId !== genesis.chainId) {
    return refuse("invalid", `block of chain ${head.summary.chainId}, the genesis says ${genesis.chainId}`);
  }
  if (head.summary.height === 0n) {
    if (!equalBytes(head.hash, genesisHash)) {
      return refuse(
        "invalid",
        `block 0 is ${showHash(head.hash)}, the genesis makes ${showHash(genesisHash)}`,
      );
    }
    return accept({ head, by: "genesis", signers: [], words: "it is block 0 that the genesis makes" });
  }
  return minedChainOf(trusted) === undefined
    ? verifySigned(head, shown, trusted)
    : verifyMined(head, shown, trusted);
}

function verifySigned(
  head: BlockHead,
  { seal }: ShownHead,
  trusted: TrustedGenesis,
): Verdict<VerifiedHead, Refused> {
  const bytes = parseHex(seal) ?? NONE;
  const set = setFor(trusted, head.summary.epoch, []);
  if (!set.ok) return refuse("invalid", set.fault.detail);
  const validators = set.value;
  const { genesisHash } = trusted;
  const fault = verifyCommitCertificate({ genesisHash, validators, head, seal: bytes, namesEachBad: true });
  if (fault !== undefined) return refuse("invalid", `certificate: ${fault.detail}`);
  const signers = signersOf(bytes, validators);
  const n = validators.members.length;
  const words = `${signers.length} of ${n} validators signed its hash, ${quorumOf(n).quorum} make a quorum: ${signers.map(({ name }) => name).join(", ")}`;
  return accept({ head, by: "certificate", signers, words });
}

function verifyMined(
  head: BlockHead,
  shown: ShownHead,
  trusted: TrustedGenesis,
): Verdict<VerifiedHead, Refused> {
  const chain = minedChainOf(trusted);
  if (chain === undefined) return refuse("invalid", "a mined block on a chain whose blocks are signed");
  const { headers = [], before } = shown;
  const work = verifyWork({ head, headers, before, chain, minimumWork: 0n });
  if (!work.ok) return refuse("invalid", work.fault.detail);
  const { confirmations, difficulty } = work.value;
  const words = `its hash meets its target, and so do the ${confirmations - 1} headers on top, ${work.value.work} expected hashes together; ${describeDifficulty(difficulty, confirmations)}`;
  return accept({ head, by: "work", signers: [], words, confirmations });
}

/** Decodes a block's transactions and holds them to its txRoot. @param raw the signed envelopes, hex */
export function verifyBody(
  { summary }: BlockHead,
  raw: readonly string[],
): Verdict<readonly SignedTransaction[], Refused> {
  if (raw.length !== summary.txCount) {
    return refuse("invalid", `${raw.length} transactions, the block says ${summary.txCount}`);
  }
  const transactions: SignedTransaction[] = [];
  for (const [i, text] of raw.entries()) {
    const tx = decodeTransaction(parseHex(text) ?? NONE, TX_BYTES_CEILING);
    if (!tx.ok) return refuse("malformed", `transaction ${i}: ${tx.fault.detail}`);
    transactions.push(tx.value);
  }
  if (!equalBytes(txRootOf(transactions), summary.txRoot)) {
    return refuse("invalid", "the transactions do not make the block's txRoot");
  }
  return accept(transactions);
}

/** A transaction in a block, as tx_getProof has it. */
export interface ShownInclusion extends ShownHead {
  readonly tx: string;
  readonly txPath: ShownPath;
  readonly receipt: string;
  readonly receiptPath: ShownPath;
}

interface ShownPath {
  readonly index: number;
  readonly count: number;
  readonly siblings: readonly string[];
}

export interface VerifiedTransaction {
  readonly transaction: SignedTransaction;
  readonly receipt: Receipt;
  readonly index: number;
}

/** Holds a transaction and its receipt to a head that was verified. @param txid that was asked for */
export function verifyTransaction(
  { summary }: BlockHead,
  shown: ShownInclusion,
  txid: Hash,
): Verdict<VerifiedTransaction, Refused> {
  const tx = decodeTransaction(parseHex(shown.tx) ?? NONE, TX_BYTES_CEILING);
  if (!tx.ok) return refuse("malformed", tx.fault.detail);
  const bytes = parseHex(shown.receipt) ?? NONE;
  const receipt = decodeReceipt(bytes);
  if (!receipt.ok) return refuse("malformed", receipt.fault.detail);
  if (!equalBytes(tx.value.id, txid)) return refuse("invalid", "the proof is for another transaction");
  if (!holds(summary.txRoot, tx.value.hash, shown.txPath)) {
    return refuse("invalid", "the transaction's Merkle path does not lead to the block's txRoot");
  }
  if (!holds(summary.receiptsRoot, bytes, shown.receiptPath)) {
    return refuse("invalid", "the receipt's Merkle path does not lead to the block's receiptsRoot");
  }
  const { index } = shown.txPath;
  if (!equalBytes(receipt.value.txid, txid) || receipt.value.index !== index) {
    return refuse("invalid", "the receipt is of another transaction of the block");
  }
  return accept({ transaction: tx.value, receipt: receipt.value, index });
}

/** @throws nothing: a path that is none leads nowhere */
function holds(root: Hash, leaf: Uint8Array, path: ShownPath): boolean {
  const isPath =
    path.siblings.every((sibling) => /^0x[0-9a-f]{64}$/.test(sibling)) && path.siblings.length <= 32;
  return isPath && checkMerklePath(root, leaf, pathOf({ ...path, siblings: [...path.siblings] }));
}

/** Holds a value of the state, or its absence, to a head that was verified. @param value in hex, or null when it is absent */
export function verifyState(
  { summary }: BlockHead,
  key: Uint8Array,
  value: string | null,
  proof: string,
): Verdict<Uint8Array | undefined, Refused> {
  const decoded = decodeStateProof(parseHex(proof) ?? NONE);
  if (!decoded.ok) return refuse("malformed", decoded.fault.detail);
  const bytes = value === null ? undefined : (parseHex(value) ?? NONE);
  if (!checkStateProof(asHash(summary.stateRoot), key, bytes, decoded.value)) {
    return refuse("invalid", "the proof does not lead to the block's stateRoot");
  }
  return accept(bytes);
}

const NONE = new Uint8Array(0);
