/**
 * SHA-256, plain and tagged. Every hash of the protocol starts with a unique tag, so that bytes of one kind can
 * never stand for another (docs/protocol.md, "Hashes"). SHA-256 is the same everywhere: in Node the one-shot
 * `crypto.hash` is used (twice as fast as noble, measured), in browsers @noble/hashes.
 * Source: FIPS 180-4; double SHA-256 as in Bitcoin.
 */

import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { must } from "../base/assert.ts";
import { concatBytes, EMPTY, type Hash, utf8 } from "../base/bytes.ts";

type NodeCrypto = typeof import("node:crypto");

// Not an import statement: this file must also load in a browser, where there is no node:crypto.
const nodeCrypto: NodeCrypto | undefined = globalThis.process?.getBuiltinModule?.("node:crypto");

/** Writes SHA-256 of `bytes`, 32 bytes, into `target` at `at`. */
export const sha256Into: (bytes: Uint8Array, target: Uint8Array, at: number) => void =
  nodeCrypto?.hash === undefined
    ? (bytes, target, at) => target.set(nobleSha256(bytes), at)
    : (bytes, target, at) => nodeSha256Into(nodeCrypto, bytes, target, at);

// A digest as text, one character a byte, costs 0.6 of the one in a Buffer of its own (measured).
function nodeSha256Into(crypto: NodeCrypto, bytes: Uint8Array, target: Uint8Array, at: number): void {
  const digest = crypto.hash("sha256", bytes, "binary");
  for (let i = 0; i < 32; i++) target[at + i] = digest.charCodeAt(i);
}

/** SHA-256 of `bytes`: 32 bytes. */
export function sha256(bytes: Uint8Array): Hash {
  const digest = new Uint8Array(32) as Hash;
  sha256Into(bytes, digest, 0);
  return digest;
}

/** SHA-256 applied twice, the identity of an 80-byte block header. */
export function sha256d(bytes: Uint8Array): Hash {
  return sha256(sha256(bytes));
}

/** Longer ones are copied whole; keys, values, leaves and messages are shorter. */
const SCRATCH_BYTES = 512;

/**
 * SHA-256(prefix | bytes | more | last) for one prefix, 32 bytes written into `target` at `at`: what is short is put together in
 * memory that is used again. No list of parts: it would be made for each hash.
 */
export function prefixedHashInto(
  prefix: Uint8Array,
): (target: Uint8Array, at: number, bytes: Uint8Array, more?: Uint8Array, last?: Uint8Array) => void {
  const scratch = new Uint8Array(SCRATCH_BYTES);
  scratch.set(prefix);
  /** The beginnings of the scratch memory, by their length. */
  const views: Uint8Array[] = [];
  return (target, at, bytes, more = EMPTY, last = EMPTY) => {
    const end = prefix.length + bytes.length;
    const length = end + more.length + last.length;
    if (length > SCRATCH_BYTES) return sha256Into(concatBytes(prefix, bytes, more, last), target, at);
    scratch.set(bytes, prefix.length);
    scratch.set(more, end);
    scratch.set(last, end + more.length);
    views[length] ??= scratch.subarray(0, length);
    sha256Into(must(views[length], "the view of this length was just made"), target, at);
  };
}

/**
 * A hash function for one kind of bytes: SHA-256(tag | bytes).
 * @param tag a name of docs/protocol.md's table, such as "quorate/summary/v1".
 */
export function taggedHash(tag: string): (bytes: Uint8Array, more?: Uint8Array) => Hash {
  const hashInto = prefixedHashInto(utf8(tag));
  return (bytes, more) => {
    const digest = new Uint8Array(32) as Hash;
    hashInto(digest, 0, bytes, more);
    return digest;
  };
}
