/**
 * The questions and answers of anti-entropy, byte by byte. A question starts with its kind; its answer starts with
 * the same byte. Blocks travel as encoded sealed blocks and transactions as envelopes, which this file does not
 * open. Source: docs/protocol.md, "Repair".
 */
import { asHash, type Hash } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import {
  ANSWER_BYTES_MAX,
  POOL_FETCH_MAX,
  POOL_TRANSACTIONS_MAX,
  REQUEST_BYTES_MAX,
  SYNC_BATCH_BLOCKS_MAX,
  TX_BYTES_CEILING,
} from "../../base/limits.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";

const COMPARE = 1;
const BLOCKS = 2;
const POOL = 3;
const TRANSACTIONS = 4;
/** 5 to 7 are questions about branches, 16 to 18 about snapshots. */
const KEPT = 8;

/** A node's state in a few bytes: its head and a checksum of its pool. */
export interface Digest {
  readonly height: bigint;
  readonly headHash: Hash;
  readonly poolCount: number;
  /** XOR of the 32-byte hashes of the pool's settled transactions, in whatever order. */
  readonly poolChecksum: Uint8Array;
}

export type RepairQuestion =
  /** "This is my digest, of what pays `feeMin`; what is yours?" The answer's checksum is over what pays as much. */
  | { readonly kind: "compare"; readonly digest: Digest; readonly feeMin: bigint }
  /** Sealed blocks from height `from` up, without a gap, about `bytesMax` bytes of them. */
  | { readonly kind: "blocks"; readonly from: bigint; readonly bytesMax: number }
  /** Short hashes under `salt` of the pool's settled transactions that pay `feeMin` (short-hash.ts). */
  | { readonly kind: "pool"; readonly feeMin: bigint; readonly salt: bigint }
  /** The transactions with these short hashes under `salt`. */
  | { readonly kind: "transactions"; readonly salt: bigint; readonly shortHashes: readonly bigint[] }
  /** From which height on the peer has its blocks whole. */
  | { readonly kind: "kept" };

export type RepairAnswer =
  | { readonly kind: "compare"; readonly digest: Digest }
  | { readonly kind: "blocks"; readonly blocks: readonly Uint8Array[] }
  | { readonly kind: "pool"; readonly shortHashes: readonly bigint[] }
  | { readonly kind: "transactions"; readonly envelopes: readonly Uint8Array[] }
  /** The lowest height whose body is here. It is 1 where all are. */
  | { readonly kind: "kept"; readonly lowest: bigint };

export function encodeQuestion(question: RepairQuestion): Uint8Array {
  switch (question.kind) {
    case "compare":
      return writeDigest(new Writer(88).u8(COMPARE), question.digest).u64(question.feeMin).finish();
    case "blocks":
      return new Writer(16).u8(BLOCKS).u64(question.from).u32(question.bytesMax).finish();
    case "pool":
      return new Writer(17).u8(POOL).u64(question.feeMin).u64(question.salt).finish();
    case "transactions":
      return writeShortHashes(
        new Writer(16 + 8 * question.shortHashes.length).u8(TRANSACTIONS).u64(question.salt),
        question.shortHashes,
      );
    case "kept":
      return new Writer(1).u8(KEPT).finish();
  }
}

export function decodeQuestion(bytes: Uint8Array): Verdict<RepairQuestion, "malformed" | "too-large"> {
  if (bytes.length > REQUEST_BYTES_MAX) {
    return refuse("too-large", `question of ${bytes.length} bytes, at most ${REQUEST_BYTES_MAX}`);
  }
  return decode(bytes, "question", readQuestion);
}

function readQuestion(reader: Reader): RepairQuestion {
  const kind = reader.u8();
  switch (kind) {
    case COMPARE:
      return { kind: "compare", digest: readDigest(reader), feeMin: reader.u64() };
    case BLOCKS:
      return { kind: "blocks", from: reader.u64(), bytesMax: reader.u32() };
    case POOL:
      return { kind: "pool", feeMin: reader.u64(), salt: reader.u64() };
    case TRANSACTIONS:
      return {
        kind: "transactions",
        salt: reader.u64(),
        shortHashes: reader.list(POOL_FETCH_MAX, (r) => r.u64()),
      };
    case KEPT:
      return { kind: "kept" };
    default:
      return reader.fail(`unknown kind of question ${kind}`);
  }
}

export function encodeAnswer(answer: RepairAnswer): Uint8Array {
  switch (answer.kind) {
    case "compare":
      return writeDigest(new Writer(80).u8(COMPARE), answer.digest).finish();
    case "blocks":
      return new Writer(sizeOf(answer.blocks))
        .u8(BLOCKS)
        .list(answer.blocks, (writer, block) => writer.bytes32(block))
        .finish();
    case "pool":
      return writeShortHashes(new Writer(8 + 8 * answer.shortHashes.length).u8(POOL), answer.shortHashes);
    case "transactions":
      return new Writer(sizeOf(answer.envelopes))
        .u8(TRANSACTIONS)
        .list(answer.envelopes, (writer, envelope) => writer.bytes16(envelope))
        .finish();
    case "kept":
      return new Writer(9).u8(KEPT).u64(answer.lowest).finish();
  }
}

/** Refuses an answer of another kind than the question's. */
export function decodeAnswer<Kind extends RepairAnswer["kind"]>(
  kind: Kind,
  bytes: Uint8Array,
): Verdict<Extract<RepairAnswer, { kind: Kind }>, "malformed"> {
  return decode(bytes, `answer to ${kind}`, (reader) => {
    const answer = readAnswer(reader);
    if (answer.kind !== kind) reader.fail(`an answer to ${answer.kind}`);
    return answer as Extract<RepairAnswer, { kind: Kind }>;
  });
}

function readAnswer(reader: Reader): RepairAnswer {
  const kind = reader.u8();
  switch (kind) {
    case COMPARE:
      return { kind: "compare", digest: readDigest(reader) };
    case BLOCKS:
      return {
        kind: "blocks",
        blocks: reader.list(SYNC_BATCH_BLOCKS_MAX, (r) => r.bytes32(ANSWER_BYTES_MAX)),
      };
    case POOL:
      return { kind: "pool", shortHashes: reader.list(POOL_TRANSACTIONS_MAX, (r) => r.u64()) };
    case TRANSACTIONS:
      return {
        kind: "transactions",
        envelopes: reader.list(POOL_FETCH_MAX, (r) => r.bytes16(TX_BYTES_CEILING)),
      };
    case KEPT:
      return { kind: "kept", lowest: reader.u64() };
    default:
      return reader.fail(`unknown kind of answer ${kind}`);
  }
}

function writeDigest(writer: Writer, digest: Digest): Writer {
  return writer.u64(digest.height).raw(digest.headHash).u32(digest.poolCount).raw(digest.poolChecksum);
}

function readDigest(reader: Reader): Digest {
  return {
    height: reader.u64(),
    headHash: asHash(reader.raw(32)),
    poolCount: reader.u32(),
    poolChecksum: reader.raw(32),
  };
}

function writeShortHashes(writer: Writer, shortHashes: readonly bigint[]): Uint8Array {
  return writer.list(shortHashes, (w, shortHash) => w.u64(shortHash)).finish();
}

function sizeOf(items: readonly Uint8Array[]): number {
  return items.reduce((sum, item) => sum + 4 + item.length, 8);
}
