/**
 * Where the parts of a snapshot file lie, so that it is served piece by piece without being read whole. The file is
 * one that this node wrote or checked; whoever asks for parts of it checks them again.
 */
import { type FileHandle, open } from "node:fs/promises";
import { must } from "../../base/assert.ts";
import type { Hash } from "../../base/bytes.ts";
import {
  decodeSnapshotBlock,
  decodeSnapshotChain,
  decodeSnapshotEnd,
  readSnapshotHead,
  SECTION,
  SECTION_HEAD_BYTES,
  SNAPSHOT_HEAD_BYTES,
  type SnapshotEnd,
} from "../../chain/snapshot/snapshot-format.ts";
import { PATH_HEAD_BYTES_MAX, pathOfChunk } from "../../chain/snapshot/state-chunk.ts";
import type { BodyLimits } from "../../chain/types/block.ts";

export interface ChunkPlace {
  /** Where its subtree begins among the paths. */
  readonly from: bigint;
  /** Where the payload begins in the file. */
  readonly offset: number;
  readonly length: number;
}

export interface SnapshotIndex extends SnapshotEnd {
  readonly height: bigint;
  readonly headHash: Hash;
  readonly stateRoot: Hash;
  /** What stands before the first chunk. */
  readonly headBytes: number;
  readonly bytes: number;
  /** The places of all chunks, ascending. */
  readonly places: readonly ChunkPlace[];
}

/** The places of the parts, or undefined for a file that is no whole snapshot. @throws Error when the disk fails. */
export async function indexSnapshot(path: string, limits: BodyLimits): Promise<SnapshotIndex | undefined> {
  const file = await open(path, "r");
  try {
    return await readIndex(file, limits);
  } finally {
    await file.close();
  }
}

async function readIndex(file: FileHandle, limits: BodyLimits): Promise<SnapshotIndex | undefined> {
  if (!readSnapshotHead(await readAt(file, 0, SNAPSHOT_HEAD_BYTES)).ok) return undefined;
  const places: ChunkPlace[] = [];
  let chain: Pick<SnapshotIndex, "height" | "headHash"> | undefined;
  let block: { readonly offset: number; readonly length: number } | undefined;
  let headBytes: number | undefined;
  for (let at = SNAPSHOT_HEAD_BYTES; ; ) {
    const head = await readAt(file, at, SECTION_HEAD_BYTES);
    if (head.length < SECTION_HEAD_BYTES) return undefined;
    const length = new DataView(head.buffer, head.byteOffset).getUint32(1);
    const [kind, offset] = [head[0], at + SECTION_HEAD_BYTES];
    at = offset + length;
    if (kind === SECTION.chain) {
      const decoded = decodeSnapshotChain(await readAt(file, offset, length));
      chain = decoded.ok ? decoded.value : undefined;
    } else if (kind === SECTION.block) block = { offset, length };
    else if (kind === SECTION.state) {
      headBytes ??= offset - SECTION_HEAD_BYTES;
      const from = pathOfChunk(await readAt(file, offset, Math.min(length, PATH_HEAD_BYTES_MAX)));
      if (from === undefined) return undefined;
      places.push({ from, offset, length });
    } else if (kind === SECTION.end) {
      const end = decodeSnapshotEnd(await readAt(file, offset, length));
      const last = block && decodeSnapshotBlock(await readAt(file, block.offset, block.length), limits);
      if (!end.ok || last?.ok !== true || chain === undefined || headBytes === undefined) return undefined;
      const { height, headHash } = chain;
      const { stateRoot } = last.value.block.summary;
      return { height, headHash, stateRoot, headBytes, bytes: at, places, ...end.value };
    }
  }
}

/** The chunk that a position among the paths lies in: the last one that begins at or before it. */
export function placeOf({ places }: SnapshotIndex, position: bigint): ChunkPlace {
  let [low, high] = [0, places.length];
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (must(places[middle], "an index between two").from <= position) low = middle;
    else high = middle;
  }
  return must(places[low], "a state has a chunk, and the first begins at 0");
}

export async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}
