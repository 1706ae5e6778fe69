/** The block tree by itself: drawn trees of heads with a weight each, no bytes, no disk. */
import { describe, expect, it } from "vitest";
import { asHash, equalBytes, type Hash, ZERO_HASH } from "../../../src/base/bytes.ts";
import { BlockTree, type TreeNode } from "../../../src/chain/forks/block-tree.ts";
import type { BlockHead } from "../../../src/chain/types/block.ts";

/** "a1<0:3" is block a1 on block 0 with a work of 3. */
function draw(...lines: readonly string[]): { tree: BlockTree; at: (name: string) => TreeNode } {
  const root = { ...node(headOf("0", ZERO_HASH, 0n)), isComplete: true, hasBody: true };
  const tree = new BlockTree((hash) => (equalBytes(hash, root.head.hash) ? root : undefined));
  const hashes = new Map([["0", root.head.hash]]);
  tree.get(root.head.hash);
  for (const line of lines) {
    const [name, parentName, work] = line.split(/[<:]/) as [string, string, string];
    const parent = tree.get(hashes.get(parentName)!)!;
    const head = headOf(name, parent.head.hash, parent.head.summary.height + 1n);
    hashes.set(name, head.hash);
    tree.add(head, BigInt(work));
  }
  return { tree, at: (name) => tree.get(hashes.get(name)!)! };
}

function headOf(name: string, previousHash: Hash, height: bigint): BlockHead {
  const hash = asHash(Uint8Array.from({ length: 32 }, (_, i) => name.charCodeAt(i) || 0));
  return { hash, header: { previousHash }, summary: { height } } as unknown as BlockHead;
}

function node(head: BlockHead): TreeNode {
  return {
    head,
    work: 1n,
    hasBody: false,
    isComplete: false,
    sequence: 0,
    mark: undefined,
    hasInvalidAncestor: false,
  };
}

const nameOf = (one: TreeNode | undefined) =>
  one === undefined ? undefined : String.fromCharCode(...one.head.hash.filter((byte) => byte > 0));
const FORK = ["a1<0:2", "a2<a1:2", "b2<a1:1", "b3<b2:4", "c1<0:2"];

describe("the block tree", () => {
  it.each([
    ["a2", "b3", "a1", "a2", "b2 b3"],
    ["b3", "a2", "a1", "b3 b2", "a2"],
    ["a2", "a2", "a2", "", ""],
    ["0", "b3", "0", "", "a1 b2 b3"],
    ["b3", "a1", "a1", "b3 b2", ""],
    ["c1", "b3", "0", "c1", "a1 b2 b3"],
  ])("finds the way from %s to %s over %s", (from, to, ancestor, disconnect, connect) => {
    const { tree, at } = draw(...FORK);
    const path = tree.path(at(from), at(to));
    expect(nameOf(path.ancestor)).toBe(ancestor);
    expect(path.disconnect.map(nameOf).join(" ")).toBe(disconnect);
    expect(path.connect.map(nameOf).join(" ")).toBe(connect);
  });

  it("counts a block in when it and all its ancestors have bodies, in that order", () => {
    const { tree, at } = draw(...FORK);
    expect(tree.bodyArrived(at("b3"))).toEqual([]);
    expect(tree.bodyArrived(at("b2"))).toEqual([]);
    expect(tree.choose(at("0"))).toBeUndefined();
    expect(tree.bodyArrived(at("a1")).map(nameOf)).toEqual(["a1", "b2", "b3"]);
    expect([at("a1"), at("b2"), at("b3")].map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(nameOf(tree.choose(at("0")))).toBe("b3");
  });

  it("chooses by work, stays on a tie, and takes the first complete of equal ones", () => {
    const { tree, at } = draw("a1<0:2", "b1<0:2", "c1<0:2", "d1<0:3");
    for (const name of ["b1", "a1", "c1"]) tree.bodyArrived(at(name));
    expect(nameOf(tree.choose(at("0")))).toBe("b1");
    expect(tree.choose(at("a1"))).toBeUndefined();
    tree.bodyArrived(at("d1"));
    expect(nameOf(tree.choose(at("a1")))).toBe("d1");
    expect(nameOf(tree.choose(at("0"), (one) => nameOf(one) !== "d1"))).toBe("b1");
  });

  it("dooms what stands on a marked block, and leaves its parent to be chosen", () => {
    const { tree, at } = draw(...FORK);
    for (const name of ["a1", "b2", "b3"]) tree.bodyArrived(at(name));
    expect(tree.mark(at("b2"), "invalid").map(nameOf)).toEqual(["b2", "b3"]);
    expect(nameOf(tree.choose(at("0")))).toBe("a1");
    expect(nameOf(tree.choose(at("b3")))).toBe("a1");
    expect(nameOf(tree.bestHeader())).toBe("a2");
    tree.mark(at("a1"), "invalidated");
    tree.unmark(at("b3"));
    expect(
      [at("a1"), at("a2"), at("b2"), at("b3")].map(({ hasInvalidAncestor }) => hasInvalidAncestor),
    ).toEqual([false, false, true, true]);
  });

  it("knows its leaves, and drops the end of a branch", () => {
    const { tree, at } = draw(...FORK);
    expect(tree.leaves().map(nameOf)).toEqual(["a2", "b3", "c1"]);
    tree.remove(at("b3"));
    expect(tree.children(at("a1")).map(nameOf)).toEqual(["a2", "b2"]);
  });
});
