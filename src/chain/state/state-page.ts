/**
 * The bytes of a page of the state tree: a subtree of a few levels, written root first. Pages are read where they
 * lie and written in one pass; nothing is taken apart. Each content has exactly one form: a stub stands where a
 * node with two or more leaves begins the next page, a fork everywhere else.
 *
 *   empty = 0
 *   leaf  = 1 | keyHash 32 | valueHash 32
 *   fork  = 2 | hash 32 | length of left u16 | left | right
 *   stub  = 3 | hash 32                            the root of the next page, in which it is a fork
 *
 * A fork keeps its hash: without it one change would mean hashing the whole page anew (docs/adr/0001).
 */
import { assert } from "../../base/assert.ts";
import { byteAt, type Hash, ZERO_HASH } from "../../base/bytes.ts";
import { hashPairInto } from "../../crypto/pair-hash.ts";
import { LEAF_DOMAIN, NODE_DOMAIN } from "./state-proof.ts";

export const EMPTY_NODE = 0;
export const LEAF_NODE = 1;
export const FORK_NODE = 2;
export const STUB_NODE = 3;
export type NodeKind = typeof EMPTY_NODE | typeof LEAF_NODE | typeof FORK_NODE | typeof STUB_NODE;

/** The offsets of a node's parts. The hash of a fork or of a stub, and the keyHash of a leaf, come first. */
export const HASH_AT = 1;
export const VALUE_AT = 33;
const LENGTH_AT = 33;
const LEFT_AT = 35;
const LEAF_BYTES = 65;

/** The page of an empty tree. */
export const EMPTY_PAGE: Uint8Array = Uint8Array.of(EMPTY_NODE);

export function kindAt(page: Uint8Array, at: number): NodeKind {
  const kind = byteAt(page, at);
  assert(kind <= STUB_NODE, "a tree node of unknown kind: the database is damaged, sync anew");
  return kind as NodeKind;
}

/** The offset at which the left child of the fork at `at` begins. */
export function leftOf(at: number): number {
  return at + LEFT_AT;
}

/** The offset at which the right child of the fork at `at` begins, and the left one ends. */
export function rightOf(page: Uint8Array, at: number): number {
  return at + LEFT_AT + ((byteAt(page, at + LENGTH_AT) << 8) | byteAt(page, at + LENGTH_AT + 1));
}

/** The hash of the node at `at`: a copy. */
export function hashAt(page: Uint8Array, at: number): Hash {
  const hash = new Uint8Array(32) as Hash;
  const kind = kindAt(page, at);
  if (kind === LEAF_NODE) hashPairInto(LEAF_DOMAIN, page, at + HASH_AT, page, at + VALUE_AT, hash, 0);
  else if (kind !== EMPTY_NODE) hash.set(page.subarray(at + HASH_AT, at + HASH_AT + 32));
  return hash;
}

/** Whether 32 bytes of `a` at `aAt` equal those of `b` at `bAt`. */
export function sameHash(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  for (let i = 0; i < 32; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

/** Writes one page after the other into the same memory. Children are written before `closeFork` hashes them. */
export class PageWriter {
  /** What was written lies before `length`. */
  readonly bytes: Uint8Array;
  length = 0;
  readonly #leftHash = new Uint8Array(32);
  readonly #rightHash = new Uint8Array(32);

  /** @param levels levels of a page: the fullest has a fork everywhere, and leaves beneath. */
  constructor(levels: number) {
    this.bytes = new Uint8Array(2 ** levels * (LEFT_AT + LEAF_BYTES));
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  empty(): void {
    this.bytes[this.length++] = EMPTY_NODE;
  }

  leaf(keyHash: Uint8Array, valueHash: Uint8Array): void {
    const { bytes, length } = this;
    bytes[length] = LEAF_NODE;
    bytes.set(keyHash, length + HASH_AT);
    bytes.set(valueHash, length + VALUE_AT);
    this.length = length + LEAF_BYTES;
  }

  /** The stub of the fork at the beginning of `page`. */
  stub(page: Uint8Array): void {
    const { bytes, length } = this;
    bytes[length] = STUB_NODE;
    for (let i = HASH_AT; i <= 32; i++) bytes[length + i] = byteAt(page, i);
    this.length = length + 33;
  }

  copy(page: Uint8Array, from: number, to: number): void {
    this.bytes.set(page.subarray(from, to), this.length);
    this.length += to - from;
  }

  /** Leaves room for a fork's own fields: its left child comes next. @returns what `closeFork` wants. */
  openFork(): number {
    const at = this.length;
    this.length += LEFT_AT;
    return at;
  }

  /** The node above two others, which lie from `at` on: nothing, or the only leaf, or a fork. */
  closeFork(at: number, rightAt: number): void {
    const { bytes } = this;
    const leftAt = at + LEFT_AT;
    const left = byteAt(bytes, leftAt);
    const right = byteAt(bytes, rightAt);
    if (left === EMPTY_NODE && right <= LEAF_NODE) this.#collapse(at, rightAt, this.length);
    else if (right === EMPTY_NODE && left <= LEAF_NODE) this.#collapse(at, leftAt, rightAt);
    else {
      bytes[at] = FORK_NODE;
      bytes[at + LENGTH_AT] = (rightAt - leftAt) >>> 8;
      bytes[at + LENGTH_AT + 1] = rightAt - leftAt;
      this.#hashFork(at, leftAt, rightAt);
    }
  }

  #collapse(at: number, from: number, to: number): void {
    this.bytes.copyWithin(at, from, to);
    this.length = at + to - from;
  }

  #hashFork(at: number, leftAt: number, rightAt: number): void {
    const { bytes } = this;
    const left = this.#locateHash(leftAt, this.#leftHash);
    const right = this.#locateHash(rightAt, this.#rightHash);
    const leftFrom = left === bytes ? leftAt + HASH_AT : 0;
    const rightFrom = right === bytes ? rightAt + HASH_AT : 0;
    hashPairInto(NODE_DOMAIN, left, leftFrom, right, rightFrom, bytes, at + HASH_AT);
  }

  /** Finds the hash of the node at `at`: it is in the page itself at HASH_AT, or at the beginning of other memory. */
  #locateHash(at: number, scratch: Uint8Array): Uint8Array {
    const { bytes } = this;
    const kind = byteAt(bytes, at);
    if (kind === EMPTY_NODE) return ZERO_HASH;
    if (kind !== LEAF_NODE) return bytes;
    hashPairInto(LEAF_DOMAIN, bytes, at + HASH_AT, bytes, at + VALUE_AT, scratch, 0);
    return scratch;
  }
}
