/**
 * The bytes of a page of the state tree: a subtree of a few levels, written root first. A node *is* its bytes, so
 * a subtree that an update does not touch is copied, never taken apart. Each content has exactly one form: a
 * stub stands where a node with two or more leaves begins the next page, a fork everywhere else.
 *
 *   empty = 0
 *   leaf  = 1 | keyHash 32 | valueHash 32
 *   fork  = 2 | hash 32 | length of left u16 | left | right
 *   stub  = 3 | hash 32                            the root of the next page, in which it is a fork
 *
 * A fork keeps its hash: without it one change would mean hashing the whole page anew (docs/adr/0001).
 */
import { assert } from "../base/assert.ts";
import { type Hash, ZERO_HASH } from "../base/bytes.ts";
import { hashStateLeaf, hashStateNode } from "./stateproof.ts";

export type NodeKind = "empty" | "leaf" | "fork" | "stub";
/** A node's bytes; the first one tells its kind. */
export type TreeNode = Uint8Array;

const KINDS: readonly NodeKind[] = ["empty", "leaf", "fork", "stub"];
const LEFT_AT = 35;

export const EMPTY_NODE: TreeNode = Uint8Array.of(0);

export function kindOf(node: TreeNode): NodeKind {
  const kind = KINDS[node[0]!];
  assert(kind !== undefined, `a tree node of kind ${node[0]}: the database is damaged`);
  return kind;
}

/** The node's hash. It may share the node's memory. */
export function hashOf(node: TreeNode): Hash {
  const kind = kindOf(node);
  if (kind === "empty") return ZERO_HASH;
  if (kind === "leaf") return hashStateLeaf(leafKeyHash(node), leafValueHash(node));
  return node.subarray(1, 33) as Hash;
}

export function makeLeaf(keyHash: Hash, valueHash: Hash): TreeNode {
  const node = new Uint8Array(65);
  node[0] = 1;
  node.set(keyHash, 1);
  node.set(valueHash, 33);
  return node;
}

export function leafKeyHash(leaf: TreeNode): Hash {
  return leaf.subarray(1, 33) as Hash;
}

export function leafValueHash(leaf: TreeNode): Hash {
  return leaf.subarray(33, 65) as Hash;
}

export function makeStub(hash: Hash): TreeNode {
  const node = new Uint8Array(33);
  node[0] = 3;
  node.set(hash, 1);
  return node;
}

/** The node above two others: nothing, or the only leaf, or a fork. */
export function joinNodes(left: TreeNode, right: TreeNode): TreeNode {
  if (kindOf(left) === "empty" && isAtMostLeaf(right)) return right;
  if (kindOf(right) === "empty" && isAtMostLeaf(left)) return left;
  const node = new Uint8Array(LEFT_AT + left.length + right.length);
  node[0] = 2;
  node.set(hashStateNode(hashOf(left), hashOf(right)), 1);
  node[33] = left.length >>> 8;
  node[34] = left.length & 0xff;
  node.set(left, LEFT_AT);
  node.set(right, LEFT_AT + left.length);
  return node;
}

/** The child of a fork on the side `bit` (0 left, 1 right), sharing its memory. */
export function childOf(fork: TreeNode, bit: number): TreeNode {
  const rightAt = LEFT_AT + ((fork[33]! << 8) | fork[34]!);
  return bit === 0 ? fork.subarray(LEFT_AT, rightAt) : fork.subarray(rightAt);
}

function isAtMostLeaf(node: TreeNode): boolean {
  return node[0]! <= 1;
}
