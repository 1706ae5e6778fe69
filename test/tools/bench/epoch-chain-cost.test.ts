/** Chains of epochs that are made without nodes are proved from the genesis, and grow with their epochs. */
import { expect, it } from "vitest";
import { RECEIPT_FILE_BYTES_MAX } from "../../../src/base/limits.ts";
import { measureEpochChains } from "../../../src/tools/bench/epoch-chain-cost.ts";

it("each chain of epochs is proved from its genesis, and takes as much for every epoch", () => {
  const options = { validators: 4, epochs: [1, 10], replaceEvery: 1 };
  const [one, ten] = measureEpochChains(options, new AbortController().signal);
  expect([one?.epochs, ten?.epochs]).toEqual([1, 10]);
  expect(ten!.bytes / one!.bytes).toBeGreaterThan(9.5);
  expect(ten!.bytes / one!.bytes).toBeLessThan(10.5);
  // A receipt has them all.
  expect(1_000 * one!.bytes).toBeLessThan(RECEIPT_FILE_BYTES_MAX);
});

it("a chain whose members stay is proved by one link where the verifier takes skips", () => {
  const options = { validators: 4, epochs: [20], replaceEvery: 0 };
  const [twenty] = measureEpochChains(options, new AbortController().signal);
  expect(twenty!.skipping.links).toBe(1);
  expect(twenty!.skipping.bytes).toBeLessThan(twenty!.bytes / 10);
});
