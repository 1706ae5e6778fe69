/**
 * Blocks: the 80-byte header (Bitcoin's layout, both modes), the summary that its body root commits to, and the
 * body. The block's identity is the double SHA-256 of the header; neither a view nor a certificate is in it, so
 * that the same block can be proposed again in a later view. Layouts: docs/protocol.md, "Block"; pbft.md 1.14.
 *
 * This folder: blocks, transactions, receipts, validator sets, targets, and the bytes of each. Not here: whether what
 * they say is true (chain/execution, consensus).
 */
import { asHash, type Hash, ZERO_HASH } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import { EXTRA_BYTES_MAX, SEAL_BYTES_MAX } from "../../base/limits.ts";
import { decode, Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { sha256d, taggedHash } from "../../crypto/hash.ts";
import { merkleRoot } from "../../crypto/merkle.ts";
import type { TransactionHoldings } from "./known-transactions.ts";
import { decodeTransaction, type SignedTransaction } from "./transaction.ts";

export const HEADER_BYTES = 80;
/** Header versions: 2 in chains under PBFT, 1 under proof of work. */
export const VERSION_PBFT = 2;
export const VERSION_POW = 1;

export interface Header {
  readonly version: number;
  readonly previousHash: Hash;
  /** taggedHash("quorate/summary/v1") of the encoded summary. */
  readonly bodyRoot: Hash;
  /** Seconds since the Unix epoch, u32: floor(summary.timeMs / 1000) under PBFT. */
  readonly time: number;
  readonly bits: number;
  readonly nonce: number;
}

export interface Summary {
  readonly chainId: bigint;
  readonly height: bigint;
  readonly epoch: bigint;
  /** Milliseconds since the Unix epoch. It is 0 under proof of work. */
  readonly timeMs: bigint;
  /** Index of the proposing validator in its epoch's set. */
  readonly proposer: number;
  /** Reserved for later use, and 0 today. */
  readonly flags: number;
  readonly txRoot: Hash;
  /** State after executing this very block. */
  readonly stateRoot: Hash;
  readonly receiptsRoot: Hash;
  readonly txCount: number;
  /** Sum of the transactions' envelope lengths. */
  readonly bodyBytes: number;
  readonly validatorsHash: Hash;
  readonly nextValidatorsHash: Hash;
  /** Holds at most 64 bytes; in block 0 it is the hash of the genesis parameters. */
  readonly extra: Uint8Array;
}

/** What stands for a block in consensus messages: everything but the transactions. */
export interface BlockHead {
  readonly hash: Hash;
  readonly header: Header;
  readonly summary: Summary;
}

/** Where a block stands in the database (storage/database-keys.ts). */
export function placeOf({ hash, summary }: BlockHead): { readonly height: bigint; readonly hash: Hash } {
  return { height: summary.height, hash };
}

export interface Block extends BlockHead {
  readonly transactions: readonly SignedTransaction[];
}

/**
 * A head with its body. It is written out, as what executing a block gives is: the shape of an object that was spread
 * lives in V8 only as long as such an object, and code that was compiled for it is compiled anew with the next one.
 */
export function withBody(
  { hash, header, summary }: BlockHead,
  transactions: readonly SignedTransaction[],
): Block {
  return { hash, header, summary, transactions };
}

/** A block with the proof that it may enter the chain; the seal is outside the hash (pbft: a commit certificate). */
export interface SealedBlock {
  readonly block: Block;
  readonly seal: Uint8Array;
}

/** A summary that agrees on nothing: where only the header matters (measuring, experiments, tests). */
export const BLANK_SUMMARY: Summary = {
  chainId: 0n,
  height: 0n,
  epoch: 0n,
  timeMs: 0n,
  proposer: 0,
  flags: 0,
  txRoot: ZERO_HASH,
  stateRoot: ZERO_HASH,
  receiptsRoot: ZERO_HASH,
  txCount: 0,
  bodyBytes: 0,
  validatorsHash: ZERO_HASH,
  nextValidatorsHash: ZERO_HASH,
  extra: new Uint8Array(0),
};

const hashSummary = taggedHash("quorate/summary/v1");

export function hashHeader(header: Header): Hash {
  return sha256d(encodeHeader(header));
}

/** The body root that a header must carry for this summary. */
export function bodyRootOf(summary: Summary): Hash {
  return hashSummary(encodeSummary(summary));
}

/** The root over a body: leaves are the hashes of the whole envelopes, in order. */
export function txRootOf(transactions: readonly SignedTransaction[]): Hash {
  return merkleRoot(transactions.map((transaction) => transaction.hash));
}

export function bodyBytesOf(transactions: readonly SignedTransaction[]): number {
  return transactions.reduce((sum, transaction) => sum + transaction.bytes.length, 0);
}

/** Encodes the header as 80 bytes, little-endian. */
export function encodeHeader(header: Header): Uint8Array {
  return new Writer(HEADER_BYTES)
    .i32le(header.version)
    .raw(header.previousHash)
    .raw(header.bodyRoot)
    .u32le(header.time)
    .u32le(header.bits)
    .u32le(header.nonce)
    .finish();
}

export function readHeader(reader: Reader): Header {
  return {
    version: reader.i32le(),
    previousHash: asHash(reader.raw(32)),
    bodyRoot: asHash(reader.raw(32)),
    time: reader.u32le(),
    bits: reader.u32le(),
    nonce: reader.u32le(),
  };
}

export function encodeSummary(summary: Summary): Uint8Array {
  return new Writer(288)
    .u64(summary.chainId)
    .u64(summary.height)
    .u64(summary.epoch)
    .u64(summary.timeMs)
    .u16(summary.proposer)
    .u16(summary.flags)
    .raw(summary.txRoot)
    .raw(summary.stateRoot)
    .raw(summary.receiptsRoot)
    .u32(summary.txCount)
    .u32(summary.bodyBytes)
    .raw(summary.validatorsHash)
    .raw(summary.nextValidatorsHash)
    .bytes8(summary.extra)
    .finish();
}

function readSummary(reader: Reader): Summary {
  return {
    chainId: reader.u64(),
    height: reader.u64(),
    epoch: reader.u64(),
    timeMs: reader.u64(),
    proposer: reader.u16(),
    flags: reader.u16(),
    txRoot: asHash(reader.raw(32)),
    stateRoot: asHash(reader.raw(32)),
    receiptsRoot: asHash(reader.raw(32)),
    txCount: reader.u32(),
    bodyBytes: reader.u32(),
    validatorsHash: asHash(reader.raw(32)),
    nextValidatorsHash: asHash(reader.raw(32)),
    extra: reader.bytes8(EXTRA_BYTES_MAX),
  };
}

/** Header, then summary: the "header" of the consensus messages (pbft.md 1.14). */
export function writeBlockHead(writer: Writer, head: BlockHead): void {
  writer.raw(encodeHeader(head.header)).raw(encodeSummary(head.summary));
}

/** Reads header and summary, computes the hash, refuses a summary that the header does not commit to. */
export function readBlockHead(reader: Reader): BlockHead {
  const header = readHeader(reader);
  const summary = readSummary(reader);
  const expected = bodyRootOf(summary);
  if (!expected.every((byte, i) => byte === header.bodyRoot[i]))
    reader.fail("summary does not match the body root");
  return { hash: hashHeader(header), header, summary };
}

/** The same head in memory of its own: one that was decoded looks into the message that brought it. */
export function copyHead({ hash, header, summary }: BlockHead): BlockHead {
  const own = (bytes: Uint8Array) => asHash(new Uint8Array(bytes));
  const { txRoot, stateRoot, receiptsRoot, validatorsHash, nextValidatorsHash, extra } = summary;
  return {
    hash: own(hash),
    header: { ...header, previousHash: own(header.previousHash), bodyRoot: own(header.bodyRoot) },
    summary: {
      ...summary,
      txRoot: own(txRoot),
      stateRoot: own(stateRoot),
      receiptsRoot: own(receiptsRoot),
      validatorsHash: own(validatorsHash),
      nextValidatorsHash: own(nextValidatorsHash),
      extra: new Uint8Array(extra),
    },
  };
}

/** What a codec must know of the chain before it reads a body: sizes first. */
export interface BodyLimits {
  readonly maxTxBytes: number;
  readonly maxBlockBytes: number;
  readonly maxBlockTransactions: number;
  /** What was decoded before is taken from there. */
  readonly known?: TransactionHoldings;
}

export function encodeBody(transactions: readonly SignedTransaction[]): Uint8Array {
  const size = 4 + 2 * transactions.length + bodyBytesOf(transactions);
  return new Writer(size).list(transactions, (writer, tx) => writer.bytes16(tx.bytes)).finish();
}

/** Reads a body within the limits. It says nothing about whether the body is the one of a header. */
export function readBody(reader: Reader, limits: BodyLimits): SignedTransaction[] {
  let total = 0;
  return reader.list(limits.maxBlockTransactions, () => {
    const bytes = reader.bytes16(limits.maxTxBytes);
    total += bytes.length;
    if (total > limits.maxBlockBytes) reader.fail(`body of more than ${limits.maxBlockBytes} bytes`);
    const known = limits.known?.find(bytes);
    if (known !== undefined) return known;
    const transaction = decodeTransaction(bytes, limits.maxTxBytes);
    return transaction.ok ? transaction.value : reader.fail(transaction.fault.detail);
  });
}

/** The envelope at an index of an encoded body, which is walked through and not decoded; undefined behind its end. */
export function envelopeAt(body: Uint8Array, index: number): Uint8Array | undefined {
  const reader = new Reader(body);
  if (index >= reader.u32()) return undefined;
  for (let i = 0; i < index; i++) reader.bytes16(0xffff);
  return reader.bytes16(0xffff);
}

/** header | summary | body */
export function encodeBlock(block: Block): Uint8Array {
  const writer = new Writer(512 + block.summary.bodyBytes);
  writeBlockHead(writer, block);
  return writer.raw(encodeBody(block.transactions)).finish();
}

/** Reads a block and refuses a body that its summary does not commit to (which says nothing about the header). */
export function readBlock(reader: Reader, limits: BodyLimits): Block {
  const head = readBlockHead(reader);
  const transactions = readBody(reader, limits);
  if (transactions.length !== head.summary.txCount) {
    reader.fail(`${transactions.length} transactions, the summary says ${head.summary.txCount}`);
  }
  const root = txRootOf(transactions);
  if (!root.every((byte, i) => byte === head.summary.txRoot[i])) reader.fail("body does not match txRoot");
  const block = withBody(head, transactions);
  BODY_READ.add(block);
  return block;
}

/** Blocks as {@link readBlock} gave them: the very objects, since a block never changes. */
const BODY_READ = new WeakSet<Block>();

/** Whether the body's root was compared with the head's when the block was read: two hashes a transaction. */
export function hasReadBody(block: Block): boolean {
  return BODY_READ.has(block);
}

/** A head and transactions whose hashes were compared with its txRoot already: what {@link readBlock} would have read. */
export function joinBlock(
  { hash, header, summary }: BlockHead,
  transactions: readonly SignedTransaction[],
): Block {
  const block = { hash, header, summary, transactions };
  BODY_READ.add(block);
  return block;
}

/** u32 length | block | u32 length | seal */
export function encodeSealedBlock(sealed: SealedBlock): Uint8Array {
  return new Writer(1024).bytes32(encodeBlock(sealed.block)).bytes32(sealed.seal).finish();
}

export function decodeSealedBlock(
  bytes: Uint8Array,
  limits: BodyLimits,
): Verdict<SealedBlock, "malformed" | "too-large"> {
  const bytesMax = sealedBlockBytesMax(limits);
  if (bytes.length > bytesMax)
    return refuse("too-large", `sealed block of ${bytes.length} bytes, at most ${bytesMax}`);
  return decode(bytes, "sealed block", (reader) => readSealedBlock(reader, limits));
}

/** The height that a sealed block tells in its first bytes. Undefined where these are fewer than it takes. */
export function sealedBlockHeight(start: Uint8Array): bigint | undefined {
  const offset = 4 + HEADER_BYTES + 8;
  if (start.length < offset + 8) return undefined;
  return new Reader(start.subarray(offset)).u64();
}

function readSealedBlock(reader: Reader, limits: BodyLimits): SealedBlock {
  const blockBytes = decode(reader.bytes32(sealedBlockBytesMax(limits)), "block", (inner) =>
    readBlock(inner, limits),
  );
  if (!blockBytes.ok) return reader.fail(blockBytes.fault.detail);
  return { block: blockBytes.value, seal: reader.bytes32(SEAL_BYTES_MAX) };
}

/** Bytes that a sealed block of this chain can have at most. */
export function sealedBlockBytesMax(limits: BodyLimits): number {
  return 1024 + limits.maxBlockBytes + 2 * limits.maxBlockTransactions + SEAL_BYTES_MAX;
}

/** Puts a header around a summary. */
export function assembleBlock(
  fields: Omit<Header, "bodyRoot">,
  summary: Summary,
  transactions: readonly SignedTransaction[],
): Block {
  const header: Header = { ...fields, bodyRoot: bodyRootOf(summary) };
  return { hash: hashHeader(header), header, summary, transactions };
}

/** The previous hash of block 0. */
export const NO_PARENT = ZERO_HASH;
