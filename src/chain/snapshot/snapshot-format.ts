/**
 * The bytes of a snapshot: a head, then sections, each with its kind and length, so that a reader holds one at a
 * time. What the sections must say is snapshot-check.ts's matter. Source: docs/protocol.md, "Snapshot".
 *
 *   file    = "QUORSNAP" | format u16 | section*
 *   section = kind u8 | length u32 | payload
 *
 * This folder: the bytes of a snapshot and what they must say to be believed. Not here: files, homes and peers
 * (node/snapshot), and the questions by which peers ask for parts (p2p/sync/snapshot-wire.ts).
 */
import { asHash, type Hash, utf8 } from "../../base/bytes.ts";
import { accept, refuse, type Verdict } from "../../base/fault.ts";
import { SEAL_BYTES_MAX } from "../../base/limits.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import {
  type BodyLimits,
  encodeBlock,
  readBlock,
  type SealedBlock,
  sealedBlockBytesMax,
} from "../types/block.ts";

/** Bytes of one section (a block with its receipts is the largest); a larger one is refused unread. */
export const SNAPSHOT_SECTION_BYTES_MAX: number = 64 * 1024 * 1024;

/**
 * What proves a snapshot: the validators of genesis (1), the sets of epochs that follow from them (2), these and breaks of
 * trust that the reader accepts by name (4), or work (3).
 * Programs that do not know a format refuse it.
 */
export type SnapshotFormat = 1 | 2 | 3 | 4;

const SNAPSHOT_FORMATS: readonly SnapshotFormat[] = [1, 2, 3, 4];

const MAGIC = utf8("QUORSNAP");
export const SNAPSHOT_HEAD_BYTES: number = MAGIC.length + 2;
export const SECTION_HEAD_BYTES = 5;

/** The kinds of sections. */
export const SECTION = {
  /** One: which chain and block. */
  chain: 1,
  /** One for each epoch that has ended, ascending: format 1 has none, format 2 one at least. */
  epoch: 2,
  /** None or one: the certificate of a stable checkpoint. */
  checkpoint: 3,
  /** One or more: the newest blocks, ascending, the last one is the head. */
  block: 4,
  /** One or more: the state, ascending by path. */
  state: 5,
  /** One: counts. */
  end: 6,
  /** One or more, after the chain: the headers of a mined chain from block 1 up to its tip. Format 3 alone has them. */
  headers: 7,
  /**
   * An epoch that a transition opened. It stands among those of kind 2, ascending. Format 4 has one at least,
   * every other format none.
   */
  transition: 8,
} as const;

export interface SnapshotChain {
  readonly genesisHash: Hash;
  readonly height: bigint;
  readonly headHash: Hash;
}

export interface SnapshotBlock extends SealedBlock {
  /** The encoded receipts of the block, in the order of its transactions. */
  readonly receipts: readonly Uint8Array[];
}

export interface SnapshotEnd {
  readonly chunks: number;
  /** How many entries the state has. */
  readonly entries: bigint;
  /** How many of the entries are accounts. */
  readonly accounts: bigint;
}

export function encodeSnapshotHead(format: SnapshotFormat): Uint8Array {
  return new Writer(SNAPSHOT_HEAD_BYTES).raw(MAGIC).u16(format).finish();
}

export function readSnapshotHead(
  bytes: Uint8Array,
): Verdict<SnapshotFormat, "not-a-snapshot" | "wrong-format"> {
  if (bytes.length < SNAPSHOT_HEAD_BYTES || !MAGIC.every((byte, i) => byte === bytes[i])) {
    return refuse("not-a-snapshot", 'this is no snapshot: it does not begin with "QUORSNAP" and a format');
  }
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint16(MAGIC.length);
  const format = SNAPSHOT_FORMATS.find((known) => known === number);
  if (format !== undefined) return accept(format);
  const known = `the snapshot has format ${number}, this program reads formats 1 to ${SNAPSHOT_FORMATS.length}`;
  return refuse("wrong-format", `${known}: use the release that wrote it`);
}

/** @throws Error when the payload is larger than any reader takes. */
export function encodeSection(kind: number, payload: Uint8Array): Uint8Array {
  if (payload.length > SNAPSHOT_SECTION_BYTES_MAX) {
    throw new Error(`a section of ${payload.length} bytes, at most ${SNAPSHOT_SECTION_BYTES_MAX} are read`);
  }
  return new Writer(SECTION_HEAD_BYTES + payload.length).u8(kind).bytes32(payload).finish();
}

/** genesis hash 32 | height u64 | head hash 32 */
export function encodeSnapshotChain({ genesisHash, height, headHash }: SnapshotChain): Uint8Array {
  return new Writer(72).raw(genesisHash).u64(height).raw(headHash).finish();
}

export function decodeSnapshotChain(bytes: Uint8Array): Verdict<SnapshotChain, "malformed"> {
  return decode(bytes, "chain section", (reader) => ({
    genesisHash: asHash(reader.raw(32).slice()),
    height: reader.u64(),
    headHash: asHash(reader.raw(32).slice()),
  }));
}

/** block bytes32 | seal bytes32 | list of (receipt bytes32) */
export function encodeSnapshotBlock({ block, seal, receipts }: SnapshotBlock): Uint8Array {
  const writer = new Writer(4096).bytes32(encodeBlock(block)).bytes32(seal);
  return writer.list(receipts, (w, receipt) => w.bytes32(receipt)).finish();
}

/** Form, and that the body is the one that the summary commits to. */
export function decodeSnapshotBlock(
  bytes: Uint8Array,
  limits: BodyLimits,
): Verdict<SnapshotBlock, "malformed"> {
  return decode(bytes, "block section", (reader) => {
    const block = decode(reader.bytes32(sealedBlockBytesMax(limits)), "block", (r) => readBlock(r, limits));
    if (!block.ok) return reader.fail(block.fault.detail);
    const seal = reader.bytes32(SEAL_BYTES_MAX);
    const receipts = reader.list(limits.maxBlockTransactions, (r) => r.bytes32(bytes.length));
    return { block: block.value, seal, receipts };
  });
}

/** chunks u32 | entries u64 | accounts u64 */
export function encodeSnapshotEnd({ chunks, entries, accounts }: SnapshotEnd): Uint8Array {
  return new Writer(20).u32(chunks).u64(entries).u64(accounts).finish();
}

export function decodeSnapshotEnd(bytes: Uint8Array): Verdict<SnapshotEnd, "malformed"> {
  return decode(bytes, "end section", (reader) => ({
    chunks: reader.u32(),
    entries: reader.u64(),
    accounts: reader.u64(),
  }));
}

/**
 * The lowest block of a snapshot: all that an engine wants to be told at its start, and no more.
 * @param checkpoint height of the certificate that the snapshot has
 * @param recent how many of the newest blocks the engine wants at most, at least 1
 */
export function firstSnapshotBlock(height: bigint, checkpoint: bigint | undefined, recent: number): bigint {
  const oldest = height > BigInt(recent) ? height - BigInt(recent) + 1n : 1n;
  if (checkpoint === undefined) return oldest;
  const above = checkpoint < height ? checkpoint + 1n : height;
  return above > oldest ? above : oldest;
}
