/** `quorate bench allocation` runs a network in this process and prints what it allocated beside its limit. */
import { expect, it } from "vitest";
import { SUITE_CASES } from "../../../src/cli/bench/suite-cases.ts";
import { json } from "../running.ts";

it("bench allocation tells bytes a transfer, all validators and each", async () => {
  const words = ["--transfers", "1000", "--warm-up", "0", "--accounts", "100", "--quiet"];
  const { code, value } = await json("bench", "allocation", ...words);
  expect(code).toBe(0);
  expect(value).toMatchObject({
    name: "allocation",
    unit: "bytes of heap allocated a transfer, all validators",
  });
  // A validator does more than to decode and hash.
  expect(value.limit).toBeGreaterThan(500);
  expect(value.ratio).toBeGreaterThan(1);
  expect(4 * value.perValidator).toBeCloseTo(value.value, -2);
  expect(value.transfers).toBeGreaterThanOrEqual(900);
  expect(value.pausedShare).toBeLessThan(1);
  const [sample] = SUITE_CASES.find(({ name }) => name === "allocation")?.read(value) ?? [];
  expect(sample).toMatchObject({ better: "lower", value: value.value, limit: value.limit });
});
