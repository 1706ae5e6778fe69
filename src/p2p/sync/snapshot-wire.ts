/**
 * Questions about snapshots and their answers, byte by byte, as kinds of `/quorate/request` that older nodes refuse. What
 * is asked for is named by the hash of the snapshot's head; chunks are asked for by a path, so that nobody has to be
 * believed about how many there are. Source: docs/protocol.md, "Snapshots between peers".
 */
import { asHash, type Hash } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { ANSWER_BYTES_MAX } from "../../base/limits.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";

const LIST = 16;
const HEAD = 17;
const CHUNK = 18;

/** Snapshots that a node keeps, and so in one answer; config.toml with more is refused. */
export const SNAPSHOTS_KEPT_MAX = 64;
/** Bytes of one piece of what stands before the state. */
export const SNAPSHOT_PIECE_BYTES: number = 1024 * 1024;

/** What a peer says that it has; nothing of it is believed but whom to ask. */
export interface SnapshotOffer {
  readonly height: bigint;
  readonly headHash: Hash;
  /** How many chunks the state has: a hint for asking several peers at once. */
  readonly chunks: number;
  readonly bytes: bigint;
}

export type SnapshotQuestion =
  | { readonly kind: "list" }
  /** The bytes of the file before its first chunk, from an offset on. */
  | { readonly kind: "head"; readonly headHash: Hash; readonly offset: number }
  /** The chunk that the path lies in. */
  | { readonly kind: "chunk"; readonly headHash: Hash; readonly path: Hash };

export type SnapshotAnswer =
  | { readonly kind: "list"; readonly offers: readonly SnapshotOffer[] }
  /** `bytes` is how many there are in all; 0 where the snapshot is not here any more. */
  | { readonly kind: "head"; readonly bytes: number; readonly piece: Uint8Array }
  /** Empty where the snapshot is not here any more. */
  | { readonly kind: "chunk"; readonly chunk: Uint8Array };

export function encodeSnapshotQuestion(question: SnapshotQuestion): Uint8Array {
  switch (question.kind) {
    case "list":
      return Uint8Array.of(LIST);
    case "head":
      return new Writer(37).u8(HEAD).raw(question.headHash).u32(question.offset).finish();
    case "chunk":
      return new Writer(65).u8(CHUNK).raw(question.headHash).raw(question.path).finish();
  }
}

/** Whether a question is about snapshots: others are for others to answer. */
export function isSnapshotQuestion(bytes: Uint8Array): boolean {
  const kind = bytes[0];
  return kind !== undefined && kind >= LIST && kind <= CHUNK;
}

export function decodeSnapshotQuestion(bytes: Uint8Array): Verdict<SnapshotQuestion, "malformed"> {
  return decode(bytes, "question", (reader): SnapshotQuestion => {
    switch (reader.u8()) {
      case LIST:
        return { kind: "list" };
      case HEAD:
        return { kind: "head", headHash: hashIn(reader), offset: reader.u32() };
      case CHUNK:
        return { kind: "chunk", headHash: hashIn(reader), path: hashIn(reader) };
      default:
        return reader.fail("unknown kind of question");
    }
  });
}

export function encodeSnapshotAnswer(answer: SnapshotAnswer): Uint8Array {
  switch (answer.kind) {
    case "list": {
      const writer = new Writer(5 + 52 * answer.offers.length).u8(LIST);
      return writer.list(answer.offers, writeOffer).finish();
    }
    case "head":
      return new Writer(9 + answer.piece.length).u8(HEAD).u32(answer.bytes).bytes32(answer.piece).finish();
    case "chunk":
      return new Writer(5 + answer.chunk.length).u8(CHUNK).bytes32(answer.chunk).finish();
  }
}

/** Refuses an answer of another kind than the question's. */
export function decodeSnapshotAnswer<Kind extends SnapshotQuestion["kind"]>(
  kind: Kind,
  bytes: Uint8Array,
): Verdict<Extract<SnapshotAnswer, { kind: Kind }>, "malformed"> {
  return decode(bytes, `answer to ${kind}`, (reader) => {
    const answer = readAnswer(reader);
    if (answer.kind !== kind) reader.fail(`an answer to ${answer.kind}`);
    return answer as Extract<SnapshotAnswer, { kind: Kind }>;
  });
}

function readAnswer(reader: Reader): SnapshotAnswer {
  switch (reader.u8()) {
    case LIST:
      return { kind: "list", offers: reader.list(SNAPSHOTS_KEPT_MAX, readOffer) };
    case HEAD:
      return { kind: "head", bytes: reader.u32(), piece: reader.bytes32(SNAPSHOT_PIECE_BYTES) };
    case CHUNK:
      return { kind: "chunk", chunk: reader.bytes32(ANSWER_BYTES_MAX) };
    default:
      return reader.fail("unknown kind of answer");
  }
}

function writeOffer(writer: Writer, { height, headHash, chunks, bytes }: SnapshotOffer): Writer {
  return writer.u64(height).raw(headHash).u32(chunks).u64(bytes);
}

function readOffer(reader: Reader): SnapshotOffer {
  return { height: reader.u64(), headHash: hashIn(reader), chunks: reader.u32(), bytes: reader.u64() };
}

function hashIn(reader: Reader): Hash {
  return asHash(reader.raw(32).slice());
}
