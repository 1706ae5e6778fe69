/**
 * The questions and answers by which branches are fetched where blocks can be abandoned, byte by byte: heads after
 * a locator, bodies by hash, single transactions of a block. They share the stream protocol of anti-entropy and
 * continue its kinds. Bodies and envelopes are not opened here. Source: docs/protocol.md, "Branches".
 */
import { asHash, type Hash } from "../../base/bytes.ts";
import { refuse, type Verdict } from "../../base/fault.ts";
import {
  ANSWER_BYTES_MAX,
  BLOCK_TRANSACTIONS_CEILING,
  BODIES_PER_QUESTION_MAX,
  HEADS_PER_ANSWER_MAX,
  LOCATOR_HASHES_MAX,
  REQUEST_BYTES_MAX,
  TX_BYTES_CEILING,
} from "../../base/limits.ts";
import { type BlockHead, readBlockHead, writeBlockHead } from "../../chain/types/block.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";

const HEADS = 5;
const BODIES = 6;
const BLOCK_TRANSACTIONS = 7;

export type BranchQuestion =
  /** The heads of the answerer's chain after the first of these hashes that is on it. */
  | { readonly kind: "heads"; readonly locator: readonly Hash[] }
  /** The bodies of these blocks, about `bytesMax` bytes of them. */
  | { readonly kind: "bodies"; readonly bytesMax: number; readonly hashes: readonly Hash[] }
  /** Transactions of one block by their places, ascending. */
  | { readonly kind: "block-transactions"; readonly hash: Hash; readonly indexes: readonly number[] };

export type BranchAnswer =
  | { readonly kind: "heads"; readonly heads: readonly BlockHead[] }
  /** Bodies for the first of the hashes, one each. A body is empty where the peer does not have it. */
  | { readonly kind: "bodies"; readonly bodies: readonly Uint8Array[] }
  /** None when the block is not here. */
  | { readonly kind: "block-transactions"; readonly envelopes: readonly Uint8Array[] };

export type BranchAnswerTo<Kind extends BranchQuestion["kind"]> = Extract<BranchAnswer, { kind: Kind }>;

export function isBranchQuestion(bytes: Uint8Array): boolean {
  return bytes[0] === HEADS || bytes[0] === BODIES || bytes[0] === BLOCK_TRANSACTIONS;
}

export function encodeBranchQuestion(question: BranchQuestion): Uint8Array {
  switch (question.kind) {
    case "heads":
      return writeHashes(new Writer(8 + 32 * question.locator.length).u8(HEADS), question.locator);
    case "bodies": {
      const writer = new Writer(16 + 32 * question.hashes.length).u8(BODIES).u32(question.bytesMax);
      return writeHashes(writer, question.hashes);
    }
    case "block-transactions":
      return new Writer(40 + 2 * question.indexes.length)
        .u8(BLOCK_TRANSACTIONS)
        .raw(question.hash)
        .list(question.indexes, (writer, index) => writer.u16(index))
        .finish();
  }
}

export function decodeBranchQuestion(bytes: Uint8Array): Verdict<BranchQuestion, "malformed" | "too-large"> {
  if (bytes.length > REQUEST_BYTES_MAX) {
    return refuse("too-large", `question of ${bytes.length} bytes, at most ${REQUEST_BYTES_MAX}`);
  }
  return decode(bytes, "question", readQuestion);
}

function readQuestion(reader: Reader): BranchQuestion {
  const kind = reader.u8();
  switch (kind) {
    case HEADS:
      return { kind: "heads", locator: readHashes(reader, LOCATOR_HASHES_MAX) };
    case BODIES:
      return {
        kind: "bodies",
        bytesMax: reader.u32(),
        hashes: readHashes(reader, BODIES_PER_QUESTION_MAX),
      };
    case BLOCK_TRANSACTIONS:
      return { kind: "block-transactions", hash: asHash(reader.raw(32)), indexes: readIndexes(reader) };
    default:
      return reader.fail(`unknown kind of question ${kind}`);
  }
}

export function encodeBranchAnswer(answer: BranchAnswer): Uint8Array {
  switch (answer.kind) {
    case "heads":
      return new Writer(8 + 400 * answer.heads.length).u8(HEADS).list(answer.heads, writeBlockHead).finish();
    case "bodies":
      return new Writer(sizeOf(answer.bodies))
        .u8(BODIES)
        .list(answer.bodies, (writer, body) => writer.bytes32(body))
        .finish();
    case "block-transactions":
      return new Writer(sizeOf(answer.envelopes))
        .u8(BLOCK_TRANSACTIONS)
        .list(answer.envelopes, (writer, envelope) => writer.bytes16(envelope))
        .finish();
  }
}

/** Refuses an answer of another kind than the question's; bodies and envelopes share the answer's memory. */
export function decodeBranchAnswer<Kind extends BranchQuestion["kind"]>(
  kind: Kind,
  bytes: Uint8Array,
): Verdict<BranchAnswerTo<Kind>, "malformed"> {
  return decode(bytes, `answer to ${kind}`, (reader) => {
    const answer = readAnswer(reader);
    if (answer.kind !== kind) reader.fail(`an answer to ${answer.kind}`);
    return answer as BranchAnswerTo<Kind>;
  });
}

function readAnswer(reader: Reader): BranchAnswer {
  const kind = reader.u8();
  switch (kind) {
    case HEADS:
      return { kind: "heads", heads: reader.list(HEADS_PER_ANSWER_MAX, readBlockHead) };
    case BODIES:
      return {
        kind: "bodies",
        bodies: reader.list(BODIES_PER_QUESTION_MAX, (r) => r.bytes32(ANSWER_BYTES_MAX)),
      };
    case BLOCK_TRANSACTIONS:
      return {
        kind: "block-transactions",
        envelopes: reader.list(BLOCK_TRANSACTIONS_CEILING, (r) => r.bytes16(TX_BYTES_CEILING)),
      };
    default:
      return reader.fail(`unknown kind of answer ${kind}`);
  }
}

function writeHashes(writer: Writer, hashes: readonly Hash[]): Uint8Array {
  return writer.list(hashes, (w, hash) => w.raw(hash)).finish();
}

/** Copies: the question's memory is the stream's. */
function readHashes(reader: Reader, countMax: number): readonly Hash[] {
  const hashes = reader.list(countMax, (r) => asHash(r.raw(32).slice()));
  return hashes.length === 0 ? reader.fail("no hash") : hashes;
}

function readIndexes(reader: Reader): readonly number[] {
  const indexes = reader.list(BLOCK_TRANSACTIONS_CEILING, (r) => r.u16());
  if (indexes.length === 0) reader.fail("no index");
  if (indexes.some((index, i) => index <= (indexes[i - 1] ?? -1))) reader.fail("indexes do not ascend");
  return indexes;
}

function sizeOf(items: readonly Uint8Array[]): number {
  return items.reduce((sum, item) => sum + 4 + item.length, 8);
}
