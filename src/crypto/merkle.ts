/**
 * The Merkle tree over a block's transactions and receipts: domain-separated (0x00 leaf, 0x01 node), an odd node
 * moves up unpaired (no duplication, so no CVE-2012-2459), and the root commits to the count, from which a
 * verifier derives the shape of a path. Source: RFC 6962's domains; docs/protocol.md, "Merkle tree".
 *
 *   root = SHA-256(0x02 | count u32 | top),  top = 32 zero bytes when count is 0
 */
import { must } from "../base/assert.ts";
import { asHash, equalBytes, type Hash, ZERO_HASH } from "../base/bytes.ts";
import { Writer } from "../codec/writer.ts";
import { prefixedHashInto, sha256 } from "./hash.ts";
import { hashPairInto } from "./pair-hash.ts";

const NODE_DOMAIN = 0x01;

const hashLeafInto = prefixedHashInto(Uint8Array.of(0x00));

/** The siblings from the leaf to the top. Levels where the node had no partner are left out. */
export interface MerklePath {
  readonly index: number;
  readonly count: number;
  readonly siblings: readonly Hash[];
}

/** All levels in the same memory, each written over the one below: an array a node would cost more than its hash. */
export function merkleRoot(leaves: readonly Uint8Array[]): Hash {
  if (leaves.length === 0) return closeRoot(0, ZERO_HASH);
  const nodes = new Uint8Array(32 * leaves.length);
  for (let i = 0; i < leaves.length; i++)
    hashLeafInto(nodes, 32 * i, must(leaves[i], "the index is below the count of leaves"));
  for (let width = leaves.length; width > 1; width = (width + 1) >>> 1) {
    for (let left = 0; left + 1 < width; left += 2) {
      hashPairInto(NODE_DOMAIN, nodes, 32 * left, nodes, 32 * (left + 1), nodes, 16 * left);
    }
    if (width % 2 === 1) nodes.copyWithin(16 * (width - 1), 32 * (width - 1), 32 * width);
  }
  return closeRoot(leaves.length, asHash(nodes.slice(0, 32)));
}

/** @throws RangeError when `index` is not a leaf. */
export function merklePath(leaves: readonly Uint8Array[], index: number): MerklePath {
  if (!(index >= 0 && index < leaves.length)) throw new RangeError(`leaf ${index} of ${leaves.length}`);
  const siblings: Hash[] = [];
  let position = index;
  for (const level of levelsOf(leaves)) {
    const sibling = level[position ^ 1];
    if (sibling !== undefined && level.length > 1) siblings.push(sibling);
    position >>>= 1;
  }
  return { index, count: leaves.length, siblings };
}

/** Whether `leaf` stands at `path.index` among `path.count` leaves under `root`. Any surplus sibling refuses. */
export function checkMerklePath(root: Hash, leaf: Uint8Array, path: MerklePath): boolean {
  if (!Number.isInteger(path.index) || path.index < 0 || path.index >= path.count) return false;
  let node = hashLeaf(leaf);
  let used = 0;
  let position = path.index;
  for (let width = path.count; width > 1; width = Math.ceil(width / 2)) {
    if ((position ^ 1) < width) {
      const sibling = path.siblings[used++];
      if (sibling === undefined) return false;
      node = position % 2 === 0 ? hashNode(node, sibling) : hashNode(sibling, node);
    }
    position = Math.floor(position / 2);
  }
  return used === path.siblings.length && equalBytes(closeRoot(path.count, node), root);
}

function levelsOf(leaves: readonly Uint8Array[]): Hash[][] {
  const levels = [leaves.map(hashLeaf)];
  for (let level = must(levels[0], "there is a level of leaves"); level.length > 1; level = lastOf(levels)) {
    const above: Hash[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const right = level[i + 1];
      above.push(
        right === undefined
          ? must(level[i], "the index is within the level")
          : hashNode(must(level[i], "the index is within the level"), right),
      );
    }
    levels.push(above);
  }
  return levels;
}

function lastOf<T>(items: readonly T[]): T {
  return must(items[items.length - 1], "a tree has a level");
}

function hashLeaf(leaf: Uint8Array): Hash {
  const hash = new Uint8Array(32) as Hash;
  hashLeafInto(hash, 0, leaf);
  return hash;
}

function hashNode(left: Hash, right: Hash): Hash {
  const hash = new Uint8Array(32) as Hash;
  hashPairInto(NODE_DOMAIN, left, 0, right, 0, hash, 0);
  return hash;
}

function closeRoot(count: number, top: Hash): Hash {
  return sha256(new Writer(37).u8(0x02).u32(count).raw(top).finish());
}
