/** `quorate bench admission` measures every batch and every pool, and prints each beside its limit. */
import { expect, it } from "vitest";
import { SUITE_CASES } from "../../../src/cli/bench/suite-cases.ts";
import { json, quorate } from "../running.ts";

const TINY = ["--batches", "1,8", "--held", "0,20", "--transfers", "24", "--rounds", "1", "--quiet"];

it("bench admission puts what pools of each size admit beside verification in the same batches", async () => {
  const { code, value } = await json("bench", "admission", ...TINY);
  expect(code).toBe(0);
  expect(value).toMatchObject({ name: "admission", unit: "transfers per second of one core" });
  expect(value.single).toBeGreaterThan(0);
  expect(value.batches.map(({ size }: { size: number }) => size)).toEqual([1, 8]);
  for (const { limit, pools } of value.batches) {
    expect(limit).toBeGreaterThan(0);
    expect(pools.map(({ held }: { held: number }) => held)).toEqual([0, 20]);
    for (const pool of pools) expect(pool.ratio).toBeGreaterThan(0);
  }
  const [sample] = SUITE_CASES.find(({ name }) => name === "admission")?.read(value) ?? [];
  expect(sample).toMatchObject({ name: "admission, batches of 1", better: "higher" });
  expect(sample?.value).toBe(value.batches[0].pools[1].value);
  expect(sample?.limit).toBe(value.batches[0].limit);
});

it("bench admission prints a table with a column for each pool", async () => {
  const { code, stdout } = await quorate("bench", "admission", ...TINY);
  expect(code).toBe(0);
  expect(stdout).toContain("signatures a second of processor time");
  expect(stdout).toMatch(/together +verified +pool of 0 +pool of 20/);
});
