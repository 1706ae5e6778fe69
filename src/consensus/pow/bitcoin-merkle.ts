/**
 * Bitcoin's Merkle list of transaction ids: pairs hashed twice with SHA-256, the last of an odd level paired with
 * itself. That last rule lets a list be altered without altering its root (CVE-2012-2459), and a transaction of 64
 * bytes can pass for an inner node; both are found here. For lists of real Bitcoin blocks: our own blocks have a tree
 * that cannot be altered so (crypto/merkle.ts). Source: pow.md 2.6.
 */
import { must } from "../../base/assert.ts";
import { byteText, concatBytes, equalBytes, type Hash, showHash } from "../../base/bytes.ts";
import { type Fault, fault } from "../../base/fault.ts";
import { sha256d } from "../../crypto/hash.ts";

export type MerkleListCode =
  | "empty-list"
  | "root-mismatch"
  /** Two equal nodes form a pair: the honest list may be shorter and has the same root. */
  | "mutated-list"
  | "duplicate-txid"
  | "wrong-txid"
  /** A transaction has 64 bytes, as two ids have that stand side by side. */
  | "node-sized-transaction";

/** Bytes of an inner node before it is hashed. */
const NODE_BYTES = 64;

/**
 * @param txids in internal order (not reversed as shown), at least one
 * @returns the root in internal order, and whether two equal nodes were paired
 */
export function bitcoinMerkleRoot(txids: readonly Hash[]): { root: Hash; mutated: boolean } {
  let mutated = false;
  let level = txids;
  while (level.length > 1) {
    const above: Hash[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = must(level[i], "i lies within the level");
      const right = level[i + 1];
      if (right !== undefined && equalBytes(left, right)) mutated = true;
      above.push(sha256d(concatBytes(left, right ?? left)));
    }
    level = above;
  }
  const [root] = level;
  if (root === undefined) throw new RangeError("an empty list has no root");
  return { root, mutated };
}

/**
 * Whether a list is the one that a header commits to. A fault speaks of the list alone: another list may still be the
 * right one, so the header's hash must not be remembered as invalid for it.
 * @param root of the header, internal order
 * @param txids in internal order
 * @param transactions the bytes that the ids are the hashes of (without witness), when they are at hand
 */
export function checkMerkleList(
  root: Hash,
  txids: readonly Hash[],
  transactions?: readonly Uint8Array[],
): Fault<MerkleListCode> | undefined {
  if (txids.length === 0) return fault("empty-list", "no transaction: a block has at least its coinbase");
  return (
    (transactions === undefined ? undefined : checkTransactions(txids, transactions)) ??
    checkRoot(root, txids) ??
    checkDuplicates(txids)
  );
}

function checkTransactions(
  txids: readonly Hash[],
  transactions: readonly Uint8Array[],
): Fault<"wrong-txid" | "node-sized-transaction"> | undefined {
  if (txids.length !== transactions.length) {
    return fault("wrong-txid", `${transactions.length} transactions for ${txids.length} ids`);
  }
  for (const [i, bytes] of transactions.entries()) {
    if (bytes.length === NODE_BYTES) {
      return fault(
        "node-sized-transaction",
        `transaction ${i} has ${NODE_BYTES} bytes, as an inner node has`,
      );
    }
    const txid = sha256d(bytes);
    const listed = must(txids[i], "an id for each transaction");
    if (equalBytes(txid, listed)) continue;
    return fault("wrong-txid", `transaction ${i} is ${showHash(txid)}, the list says ${showHash(listed)}`);
  }
  return undefined;
}

function checkRoot(
  expected: Hash,
  txids: readonly Hash[],
): Fault<"root-mismatch" | "mutated-list"> | undefined {
  const { root, mutated } = bitcoinMerkleRoot(txids);
  if (!equalBytes(root, expected)) {
    return fault("root-mismatch", `root ${showHash(root)}, the header says ${showHash(expected)}`);
  }
  return mutated ? fault("mutated-list", `two equal nodes are paired among ${txids.length} ids`) : undefined;
}

function checkDuplicates(txids: readonly Hash[]): Fault<"duplicate-txid"> | undefined {
  const seen = new Map<string, number>();
  for (const [i, txid] of txids.entries()) {
    const key = byteText(txid);
    const earlier = seen.get(key);
    if (earlier !== undefined) {
      return fault("duplicate-txid", `transactions ${earlier} and ${i} have one id: ${showHash(txid)}`);
    }
    seen.set(key, i);
  }
  return undefined;
}
