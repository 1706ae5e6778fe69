/**
 * Proofs that a key has a value in the state, or is not in it, against a state root. For whoever holds only a
 * header: a browser, an offline verifier. Nothing of the node is needed here beyond bytes, codec and SHA-256.
 * Source: decision 5; docs/protocol.md, "State tree". The tree is a binary sparse Merkle tree over key hashes:
 *
 *   keyHash = SHA-256("quorate/state-key/v1" | key)    valueHash = SHA-256("quorate/state-value/v1" | value)
 *   empty = 32 zero bytes    leaf = SHA-256(0x00 | keyHash | valueHash)    node = SHA-256(0x01 | left | right)
 *
 * A subtree with exactly one leaf is that leaf, so the shape follows from the contents alone. At depth d the
 * path turns left when bit d of keyHash (the most significant bit of byte 0 is bit 0) is 0.
 */
import { asHash, byteAt, equalBytes, type Hash, ZERO_HASH } from "../../base/bytes.ts";
import type { Verdict } from "../../base/fault.ts";
import { decode } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { taggedHash } from "../../crypto/hash.ts";
import { hashPairInto } from "../../crypto/pair-hash.ts";

/** The first byte of what is hashed. */
export const LEAF_DOMAIN = 0x00;
export const NODE_DOMAIN = 0x01;

/** Turns of a path: bits of a key hash. No proof has more siblings. */
const STATE_PATH_BITS = 256;

export const hashStateKey: (key: Uint8Array) => Hash = taggedHash("quorate/state-key/v1");
export const hashStateValue: (value: Uint8Array) => Hash = taggedHash("quorate/state-value/v1");

/** What stands where the key's path ends. */
export type StateProofEnd =
  | { readonly kind: "present" }
  | { readonly kind: "empty" }
  /** The path ends at the leaf of another key that begins with the same bits. */
  | { readonly kind: "other"; readonly keyHash: Hash; readonly valueHash: Hash };

export interface StateProof {
  readonly end: StateProofEnd;
  /** The roots of the subtrees beside the path, from the root down: one a turn, at most STATE_PATH_BITS. */
  readonly siblings: readonly Hash[];
}

export function hashStateLeaf(keyHash: Uint8Array, valueHash: Uint8Array): Hash {
  return hashPair(LEAF_DOMAIN, keyHash, valueHash);
}

export function hashStateNode(left: Uint8Array, right: Uint8Array): Hash {
  return hashPair(NODE_DOMAIN, left, right);
}

/** Bit `depth` of a key hash: 0 is left, 1 is right. */
export function pathBit(keyHash: Uint8Array, depth: number): number {
  return (byteAt(keyHash, depth >>> 3) >>> (7 - (depth & 7))) & 1;
}

/**
 * Whether the state with this root holds `value` at `key`, or with `value` undefined, holds nothing there.
 * @param value any bytes; empty bytes are a value, not an absence.
 */
export function checkStateProof(
  root: Hash,
  key: Uint8Array,
  value: Uint8Array | undefined,
  proof: StateProof,
): boolean {
  if (proof.siblings.length > STATE_PATH_BITS) return false;
  const keyHash = hashStateKey(key);
  const end = hashEnd(keyHash, value, proof);
  if (end === undefined) return false;
  let node = end;
  for (let depth = proof.siblings.length - 1; depth >= 0; depth--) {
    const sibling = proof.siblings[depth];
    if (sibling?.length !== 32) return false;
    node = pathBit(keyHash, depth) === 0 ? hashStateNode(node, sibling) : hashStateNode(sibling, node);
  }
  return equalBytes(node, root);
}

/** kind u8 (0 present, 1 empty, 2 other) | for other: keyHash 32, valueHash 32 | count u16 | siblings 32 each. */
export function encodeStateProof(proof: StateProof): Uint8Array {
  const { end, siblings } = proof;
  const writer = new Writer(67 + 32 * siblings.length);
  if (end.kind === "other") writer.u8(2).raw(end.keyHash).raw(end.valueHash);
  else writer.u8(end.kind === "present" ? 0 : 1);
  writer.u16(siblings.length);
  for (const sibling of siblings) writer.raw(sibling);
  return writer.finish();
}

export function decodeStateProof(bytes: Uint8Array): Verdict<StateProof, "malformed"> {
  return decode(bytes, "state proof", (reader): StateProof => {
    const hash = () => asHash(reader.raw(32).slice());
    const end = ((): StateProofEnd => {
      const kind = reader.u8();
      if (kind === 0) return { kind: "present" };
      if (kind === 1) return { kind: "empty" };
      if (kind === 2) return { kind: "other", keyHash: hash(), valueHash: hash() };
      return reader.fail(`unknown end ${kind} of a path`);
    })();
    const count = reader.u16();
    if (count > STATE_PATH_BITS)
      reader.fail(`${count} siblings where at most ${STATE_PATH_BITS} are allowed`);
    return { end, siblings: Array.from({ length: count }, hash) };
  });
}

/** The hash at the end of the path, or undefined when that end does not say what is to be proved. */
function hashEnd(keyHash: Hash, value: Uint8Array | undefined, proof: StateProof): Hash | undefined {
  const { end, siblings } = proof;
  switch (end.kind) {
    case "present":
      return value === undefined ? undefined : hashStateLeaf(keyHash, hashStateValue(value));
    case "empty":
      return value === undefined ? ZERO_HASH : undefined;
    case "other": {
      const speaks = value === undefined && end.keyHash.length === 32 && end.valueHash.length === 32;
      // A leaf elsewhere in the tree says nothing about this path, and the key's own leaf is no absence.
      if (!speaks || equalBytes(end.keyHash, keyHash)) return undefined;
      for (let depth = 0; depth < siblings.length; depth++) {
        if (pathBit(end.keyHash, depth) !== pathBit(keyHash, depth)) return undefined;
      }
      return hashStateLeaf(end.keyHash, end.valueHash);
    }
  }
}

function hashPair(domain: number, first: Uint8Array, second: Uint8Array): Hash {
  const hash = new Uint8Array(32) as Hash;
  hashPairInto(domain, first, 0, second, 0, hash, 0);
  return hash;
}
