/**
 * A chunk of a snapshot: all entries of the state whose key hashes begin with the same bits, and the siblings on the
 * way from the root of the state tree down to their subtree. So each chunk is checked alone against a state root,
 * in whatever order chunks come. Source: docs/protocol.md, "Snapshot"; the tree's hashes are state-proof.ts's.
 *
 *   depth u16 | path ceil(depth / 8) | sibling 32 x depth | list of (key bytes16 | value bytes32)
 */
import { assert, must } from "../../base/assert.ts";
import { asHash, compareBytes, equalBytes, type Hash, hex, ZERO_HASH } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { decode, type Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { hashStateKey, hashStateLeaf, hashStateNode, hashStateValue, pathBit } from "../state/state-proof.ts";

/** Bytes that the entries of one chunk may take. A larger subtree is split, unless it is a single entry. */
export const STATE_CHUNK_BYTES: number = 128 * 1024;
/** Bits of a key hash: no subtree lies deeper. */
const PATH_BITS = 256;
/** The position behind the last path. */
export const PATHS_END: bigint = 1n << BigInt(PATH_BITS);
/** Bytes of a key and of a value that no entry exceeds. */
const KEY_BYTES_MAX = 0xffff;

export interface StateEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface StateChunk {
  /** Bits that all key hashes of the chunk share: 0 to 256. */
  readonly depth: number;
  /** 32 bytes: these bits, then zero bits. */
  readonly path: Hash;
  /** The roots of the subtrees beside the path, from the root down: one a bit. */
  readonly siblings: readonly Hash[];
  /** The entries, ascending by the hash of their key. */
  readonly entries: readonly StateEntry[];
}

/** What an entry takes in a chunk. */
export function entryBytes({ key, value }: StateEntry): number {
  return 6 + key.length + value.length;
}

/** What a subtree must not exceed to be one chunk, unless it has a single entry. */
export function fitsChunk(entriesBytes: number, count: number): boolean {
  return count <= 1 || entriesBytes <= STATE_CHUNK_BYTES;
}

/** The path among the 2^256 at which a subtree begins, and the one at which the next begins. */
export function spanOf({ depth, path }: Pick<StateChunk, "depth" | "path">): {
  readonly from: bigint;
  readonly to: bigint;
} {
  const from = BigInt(`0x${hex(path)}`);
  return { from, to: from + (1n << BigInt(PATH_BITS - depth)) };
}

export function encodeStateChunk({ depth, path, siblings, entries }: StateChunk): Uint8Array {
  assert(siblings.length === depth, "one sibling a bit");
  const writer = new Writer(STATE_CHUNK_BYTES).u16(depth).raw(path.subarray(0, pathBytes(depth)));
  for (const sibling of siblings) writer.raw(sibling);
  writer.list(entries, (w, { key, value }) => w.bytes16(key).bytes32(value));
  return writer.finish();
}

/** Decodes a chunk of the state. It checks the form alone. */
export function decodeStateChunk(bytes: Uint8Array): Verdict<StateChunk, "malformed"> {
  return decode(bytes, "state chunk", (reader) => {
    const depth = reader.u16();
    if (depth > PATH_BITS) reader.fail(`depth ${depth}, at most ${PATH_BITS}`);
    const path = readPath(reader, depth);
    const siblings = Array.from({ length: depth }, () => asHash(reader.raw(32).slice()));
    const entries = reader.list(bytes.length, (r) => ({
      key: r.bytes16(KEY_BYTES_MAX).slice(),
      value: r.bytes32(bytes.length).slice(),
    }));
    return { depth, path, siblings, entries };
  });
}

/** Bytes with which a chunk begins, at most, that say where it lies. */
export const PATH_HEAD_BYTES_MAX: number = 2 + PATH_BITS / 8;

/** Where the subtree of a chunk begins, from its first bytes, or undefined when they are none of a chunk. */
export function pathOfChunk(bytes: Uint8Array): bigint | undefined {
  if (bytes.length < 2) return undefined;
  const depth = new DataView(bytes.buffer, bytes.byteOffset).getUint16(0);
  if (depth > PATH_BITS || bytes.length < 2 + pathBytes(depth)) return undefined;
  const path = new Uint8Array(32) as Hash;
  path.set(bytes.subarray(2, 2 + pathBytes(depth)));
  return spanOf({ depth, path }).from;
}

function readPath(reader: Reader, depth: number): Hash {
  const path = new Uint8Array(32) as Hash;
  path.set(reader.raw(pathBytes(depth)));
  for (let bit = depth; bit < 8 * pathBytes(depth); bit++) {
    if (pathBit(path, bit) !== 0) reader.fail(`bits of the path beyond its ${depth}`);
  }
  return path;
}

function pathBytes(depth: number): number {
  return Math.ceil(depth / 8);
}

/**
 * Whether these are all entries that the state with this root has below the chunk's path.
 * @returns what is wrong, undefined when nothing is.
 */
export function checkStateChunk(
  root: Hash,
  { depth, path, siblings, entries }: StateChunk,
): string | undefined {
  const leaves: Leaf[] = entries.map(({ key, value }) => ({
    keyHash: hashStateKey(key),
    hash: hashStateValue(value),
  }));
  let before: Hash | undefined;
  for (const [i, { keyHash }] of leaves.entries()) {
    if (before !== undefined && compareBytes(before, keyHash) >= 0) {
      return `entry ${i + 1} of ${leaves.length} is not in the order of key hashes`;
    }
    if (!sharesPath(keyHash, path, depth)) return `entry ${i + 1} of ${leaves.length} lies on another path`;
    before = keyHash;
  }
  let node = rootOf(leaves, depth, 0, leaves.length);
  for (let at = depth - 1; at >= 0; at--) {
    const sibling = must(siblings[at], "one sibling a bit");
    node = pathBit(path, at) === 0 ? hashStateNode(node, sibling) : hashStateNode(sibling, node);
  }
  if (equalBytes(node, root)) return undefined;
  return `its ${leaves.length} entries lead to the state root ${hex(node)}, certified is ${hex(root)}`;
}

interface Leaf {
  readonly keyHash: Hash;
  /** The hash of the value. */
  readonly hash: Hash;
}

function sharesPath(keyHash: Hash, path: Hash, depth: number): boolean {
  const whole = depth >>> 3;
  for (let i = 0; i < whole; i++) if (keyHash[i] !== path[i]) return false;
  for (let bit = 8 * whole; bit < depth; bit++)
    if (pathBit(keyHash, bit) !== pathBit(path, bit)) return false;
  return true;
}

/** The root of the subtree at `depth` with the leaves from `first` up to `last`, which are sorted. */
function rootOf(leaves: readonly Leaf[], depth: number, first: number, last: number): Hash {
  if (first === last) return ZERO_HASH;
  const leafAt = (index: number): Leaf => must(leaves[index], "an index from first up to last");
  if (last - first === 1) return hashStateLeaf(leafAt(first).keyHash, leafAt(first).hash);
  let middle = first;
  while (middle < last && pathBit(leafAt(middle).keyHash, depth) === 0) middle++;
  return hashStateNode(rootOf(leaves, depth + 1, first, middle), rootOf(leaves, depth + 1, middle, last));
}

/** Enough of it to compare by eye. */
export function showPath(position: bigint): string {
  if (position === PATHS_END) return "the end";
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, position >> 192n);
  return `0x${hex(bytes)}…`;
}
