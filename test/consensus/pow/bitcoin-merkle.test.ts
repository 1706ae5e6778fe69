/**
 * Goal: the Merkle list of a real block passes; altered lists with the same root are found. Method: block 300025, the
 * lists that CVE-2012-2459 confuses, and the confusion of two ids with one transaction of 64 bytes.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asHash, concatBytes, type Hash, parseHex, parseShownHash, utf8 } from "../../../src/base/bytes.ts";
import { hashHeader } from "../../../src/chain/types/block.ts";
import { bitcoinMerkleRoot, checkMerkleList } from "../../../src/consensus/pow/bitcoin-merkle.ts";
import { decodeHeader } from "../../../src/consensus/pow/header-chain.ts";
import { sha256d } from "../../../src/crypto/hash.ts";

interface Vector {
  readonly blockHash: string;
  readonly header: string;
  readonly merkleRoot: string;
  readonly txids: readonly string[];
}

const file = new URL("../../vectors/bitcoin/block-300025.json", import.meta.url);
const block: Vector = JSON.parse(readFileSync(file, "utf8"));
const txids = block.txids.map((shown) => parseShownHash(shown)!);
const ids = (...names: readonly number[]): Hash[] => names.map((name) => sha256d(Uint8Array.of(name)));

describe("block 300025", () => {
  const header = decodeHeader(parseHex(block.header)!);
  if (!header.ok) throw new Error(header.fault.detail);
  const root = header.value.bodyRoot;

  test("has its known hash, and a list of 461 ids under its root", () => {
    expect(hashHeader(header.value)).toEqual(parseShownHash(block.blockHash));
    expect(root).toEqual(parseShownHash(block.merkleRoot));
    expect(txids).toHaveLength(461);
    expect(checkMerkleList(root, txids)).toBeUndefined();
  });

  test("has no other list: altered, shorter, longer or in another order", () => {
    const altered = txids.map((txid, i) => (i === 400 ? sha256d(txid) : txid));
    const swapped = [txids[1]!, txids[0]!, ...txids.slice(2)];
    for (const list of [altered, swapped, txids.slice(0, -1), [...txids, txids[0]!]]) {
      expect(checkMerkleList(root, list)?.code).toBe("root-mismatch");
    }
    expect(checkMerkleList(root, [...txids, txids.at(-1)!])?.code).toBe("mutated-list");
    expect(checkMerkleList(root, [])?.code).toBe("empty-list");
  });
});

test("one id is its own root", () => {
  expect(bitcoinMerkleRoot(ids(1))).toEqual({ root: ids(1)[0], mutated: false });
});

test("lists with repeated ends have one root, and the longer one counts as mutated", () => {
  for (const [honest, mutated] of [
    [ids(1, 2, 3), ids(1, 2, 3, 3)],
    [ids(1, 2, 3, 4, 5, 6), ids(1, 2, 3, 4, 5, 6, 5, 6)],
    [ids(1, 2, 3, 4, 5), ids(1, 2, 3, 4, 5, 5)],
    [ids(1, 2, 3, 4, 5), ids(1, 2, 3, 4, 5, 5, 5, 5)],
  ] as const) {
    const { root } = bitcoinMerkleRoot(honest);
    expect(bitcoinMerkleRoot(mutated).root).toEqual(root);
    expect(checkMerkleList(root, honest)).toBeUndefined();
    expect(checkMerkleList(root, mutated)?.code).toBe("mutated-list");
  }
});

test("any list of different ids passes, any repetition is found", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), fc.nat(), (count, from, to) => {
      const list = ids(...Array.from({ length: count }, (_, i) => i));
      expect(checkMerkleList(bitcoinMerkleRoot(list).root, list)).toBeUndefined();
      const repeated = list.toSpliced(to % (count + 1), 0, list[from % count]!);
      const fault = checkMerkleList(bitcoinMerkleRoot(repeated).root, repeated);
      expect(["mutated-list", "duplicate-txid"]).toContain(fault?.code);
    }),
  );
});

describe("a Bitcoin block with its transactions at hand", () => {
  const transactions = ["a transaction", "another", "a third"].map(utf8);
  const list = transactions.map(sha256d);
  const { root } = bitcoinMerkleRoot(list);

  test("each of these must be the one of its id", () => {
    expect(checkMerkleList(root, list, transactions)).toBeUndefined();
    expect(checkMerkleList(root, list, transactions.slice(1))?.code).toBe("wrong-txid");
    expect(checkMerkleList(root, list, [...transactions].reverse())?.code).toBe("wrong-txid");
  });

  test("a transaction of 64 bytes is refused: it could be two ids side by side", () => {
    const four = ids(1, 2, 3, 4);
    const nodes = [concatBytes(four[0]!, four[1]!), concatBytes(four[2]!, four[3]!)];
    const shorter = nodes.map((node) => asHash(sha256d(node)));
    const above = bitcoinMerkleRoot(four).root;
    expect(checkMerkleList(above, shorter)).toBeUndefined();
    expect(checkMerkleList(above, shorter, nodes)?.code).toBe("node-sized-transaction");
  });
});
