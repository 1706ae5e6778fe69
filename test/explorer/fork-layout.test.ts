/** Where the blocks of a tree are drawn, who mined how much, and how many confirmations are enough. */
import { expect, it } from "vitest";
import { reversalProbability } from "../../src/consensus/pow/reversal.ts";
import {
  confirmationsFor,
  minerColor,
  minerShares,
  placeBlocks,
} from "../../src/explorer/model/fork-layout.ts";

const block = (
  hash: string,
  height: number,
  parentHash: string,
  status = "active",
  miner: string | null = "a",
) => ({
  hash,
  height,
  parentHash,
  status,
  miner,
});

//  g - 1 - 2 - 3        the active chain
//    \ x - y            one branch, and another from it
//        \ z
const TREE = [
  block("3", 3, "2"),
  block("2", 2, "1", "active", "b"),
  block("y", 2, "x", "valid-fork"),
  block("z", 2, "x", "headers-only", null),
  block("1", 1, "g"),
  block("x", 1, "g", "valid-fork"),
  block("g", 0, "", "active", null),
];

it("the drawing of branches puts the active chain first and each branch beside it, parents joined", () => {
  const places = Object.fromEntries(
    placeBlocks(TREE).map(({ block: { hash }, column, row }) => [hash, [column, row]]),
  );
  expect(places).toEqual({ 3: [0, 0], 2: [0, 1], y: [1, 1], z: [2, 1], 1: [0, 2], x: [1, 2], g: [0, 3] });
  expect(placeBlocks(TREE).find(({ block: { hash } }) => hash === "z")?.parent).toEqual({
    column: 1,
    row: 2,
  });
  expect(placeBlocks(TREE).find(({ block: { hash } }) => hash === "g")?.parent).toBeUndefined();
  expect(placeBlocks([])).toEqual([]);
});

it("the drawing of branches counts who mined the active blocks", () => {
  expect(minerShares(TREE)).toEqual([
    { miner: "a", blocks: 2, share: 2 / 3 },
    { miner: "b", blocks: 1, share: 1 / 3 },
  ]);
  // A miner keeps its colour when another overtakes it.
  const overtaken = [...minerShares(TREE)].reverse();
  expect(["a", "b", null].map((miner) => minerColor(overtaken, miner))).toEqual([0, 1, -1]);
});

it("the explorer finds the confirmations for a risk, or that none are enough", () => {
  const chance = (share: number) => (z: number) => reversalProbability(share, z);
  expect(confirmationsFor(chance(0.1), 0.001)).toBe(6);
  expect(confirmationsFor(chance(0.5), 0.001)).toBeUndefined();
});
