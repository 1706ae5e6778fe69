/** The domain-separated Merkle tree, against a naive recursion and against forged paths. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hex } from "../../src/base/bytes.ts";
import { checkMerklePath, merklePath, merkleRoot } from "../../src/crypto/merkle.ts";

const sha = (...parts: readonly Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();

/** Written apart from the code: pairs from the left, an odd node moves up alone. */
function naiveTop(nodes: readonly Buffer[]): Buffer {
  if (nodes.length === 1) return nodes[0]!;
  const above: Buffer[] = [];
  for (let i = 0; i < nodes.length; i += 2) {
    above.push(i + 1 < nodes.length ? sha(Buffer.of(1), nodes[i]!, nodes[i + 1]!) : nodes[i]!);
  }
  return naiveTop(above);
}

function naiveRoot(leaves: readonly Uint8Array[]): string {
  const top =
    leaves.length === 0 ? Buffer.alloc(32) : naiveTop(leaves.map((leaf) => sha(Buffer.of(0), leaf)));
  const count = Buffer.alloc(4);
  count.writeUInt32BE(leaves.length);
  return sha(Buffer.of(2), count, top).toString("hex");
}

const leaves = fc.uniqueArray(fc.uint8Array({ maxLength: 40 }), { maxLength: 40, selector: hex });

describe("the Merkle tree", () => {
  it("has the root that a naive recursion gives", () => {
    fc.assert(
      fc.property(leaves, (items) => {
        expect(hex(merkleRoot(items))).toBe(naiveRoot(items));
      }),
    );
  });

  it("proves every leaf at its index and at no other", () => {
    fc.assert(
      fc.property(leaves, fc.nat(), fc.nat(), (items, a, b) => {
        if (items.length === 0) return;
        const [index, other] = [a % items.length, b % items.length];
        const root = merkleRoot(items);
        const path = merklePath(items, index);
        expect(checkMerklePath(root, items[index]!, path)).toBe(true);
        if (other !== index)
          expect(checkMerklePath(root, items[index]!, { ...path, index: other })).toBe(false);
        expect(checkMerklePath(root, items[index]!, { ...path, count: path.count + 1 })).toBe(false);
        expect(checkMerklePath(root, Uint8Array.of(9, 9), path)).toBe(false);
        const surplus = [...path.siblings, root];
        expect(checkMerklePath(root, items[index]!, { ...path, siblings: surplus })).toBe(false);
      }),
    );
  });

  it("gives different roots to [a, b, c] and [a, b, c, c]", () => {
    const [a, b, c] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];
    expect(hex(merkleRoot([a, b, c]))).not.toBe(hex(merkleRoot([a, b, c, c])));
  });
});
