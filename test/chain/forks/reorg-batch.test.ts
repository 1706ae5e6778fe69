/** What a move of the head asserts of itself: a path without a gap, and undo data that give back the parent's state. */
import { expect, it } from "vitest";
import { InvariantError } from "../../../src/base/assert.ts";
import { asHash, type Hash, ZERO_HASH } from "../../../src/base/bytes.ts";
import type { TreeNode } from "../../../src/chain/forks/block-tree.ts";
import { assertPath, heightsLost, ReorgBatch } from "../../../src/chain/forks/reorg-batch.ts";
import { BLANK_SUMMARY } from "../../../src/chain/types/block.ts";

const hashOf = (name: number): Hash => asHash(new Uint8Array(32).fill(name));

function node(name: number, parent: number, height: bigint): TreeNode {
  const header = {
    version: 1,
    previousHash: hashOf(parent),
    bodyRoot: ZERO_HASH,
    time: 0,
    bits: 0,
    nonce: 0,
  };
  const head = { hash: hashOf(name), header, summary: { ...BLANK_SUMMARY, height } };
  const known = { hasBody: true, isComplete: true, hasInvalidAncestor: false };
  return { head, work: height, ...known, sequence: 0, mark: undefined };
}

const [fork, a1, a2, b1] = [node(1, 0, 1n), node(2, 1, 2n), node(3, 2, 3n), node(4, 1, 2n)];
const ran = ({ head }: TreeNode) => ({
  executed: { block: { ...head, transactions: [] }, diff: new Map(), pages: new Map(), receipts: [] },
  undo: new Map(),
});
const empty = { get: () => undefined, page: () => undefined };

it("a path of the head that goes down and up block by block is taken", () => {
  const path = { ancestor: fork, disconnect: [a2, a1], connect: [b1] };
  expect(() => assertPath(a2, path, { entered: [ran(b1)] })).not.toThrow();
  expect(heightsLost(path)).toEqual([3n]);
});

it.each([
  ["leaves out a block on its way down", { ancestor: fork, disconnect: [a2], connect: [b1] }],
  ["does not begin at the head", { ancestor: fork, disconnect: [a1], connect: [b1] }],
  ["leaves out a block on its way up", { ancestor: node(9, 8, 1n), disconnect: [], connect: [b1] }],
])("a path of the head that %s stops the node", (_, path) => {
  expect(() => assertPath(a2, path, { entered: [ran(b1)] })).toThrow(InvariantError);
});

it("a path of the head whose last block was not executed stops the node", () => {
  const path = { ancestor: fork, disconnect: [a2, a1], connect: [b1] };
  expect(() => assertPath(a2, path, { entered: [] })).toThrow("each block of the way up was executed");
});

it("undo data that do not give back the state of the parent stop the node", () => {
  const batch = new ReorgBatch(empty);
  expect(() => batch.undo(new Map(), hashOf(5))).toThrow("gives back the state of its parent");
  expect(() => batch.undo(undefined, ZERO_HASH)).toThrow("has undo data");
  expect(() => batch.undo(new Map(), ZERO_HASH)).not.toThrow();
});

it("a block that does not follow the last one is not connected", () => {
  const batch = new ReorgBatch(empty);
  batch.apply(ran(a1).executed);
  expect(() => batch.apply(ran(b1).executed)).toThrow("connected one on the other");
});
