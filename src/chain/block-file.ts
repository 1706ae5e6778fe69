/**
 * Blocks of a chain as a file: a head that names the chain and the heights, then one record a block, ascending without
 * a gap. Whoever reads it checks every block by the rules of the chain; the sums only find what was copied badly.
 * Source: docs/protocol.md, "Block file".
 */
import { asHash, equalBytes, type Hash, utf8 } from "../base/bytes.ts";
import { accept, refuse, type Verdict } from "../base/fault.ts";
import { Reader } from "../codec/reader.ts";
import { Writer } from "../codec/writer.ts";
import { crc32c } from "../storage/crc32c.ts";
import { type BlockHead, writeBlockHead } from "./types/block.ts";

const MAGIC = utf8("QUORBLKS");
const FORMAT = 1;

/** magic 8 | format u16 | genesis hash 32 | first u64 | last u64 | sum u32 */
export const BLOCK_FILE_HEAD_BYTES = 62;
/** length u32 | sum u32, before each sealed block */
export const BLOCK_RECORD_HEAD_BYTES = 8;

export interface BlockFileHead {
  readonly genesisHash: Hash;
  /** Heights of the first and of the last block in the file. Both are at least 1. */
  readonly first: bigint;
  readonly last: bigint;
}

export type BlockFileHeadFault = "not-a-block-file" | "wrong-format" | "malformed";

export function encodeBlockFileHead({ genesisHash, first, last }: BlockFileHead): Uint8Array {
  const writer = new Writer(BLOCK_FILE_HEAD_BYTES).raw(MAGIC).u16(FORMAT).raw(genesisHash);
  const begun = writer.u64(first).u64(last).finish();
  return new Writer(BLOCK_FILE_HEAD_BYTES).raw(begun).u32(crc32c(begun)).finish();
}

/** @param bytes the first {@link BLOCK_FILE_HEAD_BYTES} of the file, or what there is */
export function decodeBlockFileHead(bytes: Uint8Array): Verdict<BlockFileHead, BlockFileHeadFault> {
  if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC) || bytes.length < MAGIC.length + 2) {
    return refuse(
      "not-a-block-file",
      'this is no file of blocks: it does not begin with "QUORBLKS" and a format',
    );
  }
  const reader = new Reader(bytes.subarray(MAGIC.length));
  const format = reader.u16();
  if (format !== FORMAT) {
    const detail = `the file has format ${format}, this program reads format ${FORMAT}: use the release that wrote it`;
    return refuse("wrong-format", detail);
  }
  if (bytes.length < BLOCK_FILE_HEAD_BYTES) return refuse("malformed", "the file ends within its head");
  const head = { genesisHash: asHash(reader.raw(32).slice()), first: reader.u64(), last: reader.u64() };
  if (reader.u32() !== crc32c(bytes.subarray(0, BLOCK_FILE_HEAD_BYTES - 4))) {
    return refuse("malformed", "the head of the file was changed: its sum is wrong");
  }
  if (head.first < 1n || head.last < head.first) {
    return refuse("malformed", `the file says that it holds the heights ${head.first} to ${head.last}`);
  }
  return accept(head);
}

/** A sealed block from its parts as they are stored: head, encoded body, seal. */
export function encodeSealedParts(head: BlockHead, body: Uint8Array, seal: Uint8Array): Uint8Array {
  const block = new Writer(512 + body.length);
  writeBlockHead(block, head);
  return new Writer(1024 + body.length).bytes32(block.raw(body).finish()).bytes32(seal).finish();
}

export function encodeBlockRecord(sealed: Uint8Array): Uint8Array {
  const writer = new Writer(BLOCK_RECORD_HEAD_BYTES + sealed.length);
  return writer.u32(sealed.length).u32(crc32c(sealed)).raw(sealed).finish();
}

/** @param bytes the {@link BLOCK_RECORD_HEAD_BYTES} before a record */
export function readBlockRecordHead(bytes: Uint8Array): { readonly length: number; readonly sum: number } {
  const reader = new Reader(bytes);
  return { length: reader.u32(), sum: reader.u32() };
}
