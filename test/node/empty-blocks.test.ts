/** Goal: a chain whose validators may change never stands idle before the height of the change. Method: tables. */
import { expect, it } from "vitest";
import { emptyBlocksOf } from "../../src/node/assembly/empty-blocks.ts";
import { DEVNET, planNetwork, secretsFromSeed } from "../../src/node/home/network-plan.ts";

const { genesis } = planNetwork({ ...DEVNET, validators: 4 }, secretsFromSeed("empty-blocks"));
const withEpochs = { consensus: { ...genesis.consensus, epochLength: 32 } };

it("a chain makes empty blocks by itself where votes may change the validators, and nowhere else", () => {
  expect(emptyBlocksOf("auto", genesis)).toBeUndefined();
  expect(emptyBlocksOf("auto", withEpochs)).toBe(5_000);
});

it("empty blocks are what the operator says, whatever genesis says", () => {
  expect([0, 300].map((ms) => emptyBlocksOf(ms, withEpochs))).toEqual([undefined, 300]);
  expect([0, 300].map((ms) => emptyBlocksOf(ms, genesis))).toEqual([undefined, 300]);
});
