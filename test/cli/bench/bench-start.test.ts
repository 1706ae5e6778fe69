/** Goal: starts and memory stand beside those of a bare process. Method: the arithmetic on made-up starts, no process. */
import { expect, test } from "vitest";
import { describeStart, startResult } from "../../../src/cli/bench/bench-start.ts";
import { Output } from "../../../src/cli/output.ts";

const run = {
  bare: [10, 20, 30].map((ms) => ({ ms, memory: 40e6 })),
  fresh: [100, 900, 300].map((ms) => ({ ms, memory: 90e6 })),
  chain: [400, 400, 400].map((ms) => ({ ms, memory: 100e6 })),
  loadedMemory: 200e6,
  perSecond: 2_000,
};
const options = { blocks: 5_000, starts: 3 };

test("a start is told by its median, and beside a bare process", () => {
  expect(startResult(options, run)).toMatchObject({
    value: 300,
    limit: 20,
    ratio: 15,
    withChain: 400,
    memory: { bare: 40e6, idle: 90e6, idleWithChain: 100e6, afterLoad: 200e6 },
  });
  const page = describeStart(new Output({ color: false }), options, run).join("\n");
  expect(page).toMatch(/a fresh home +300 ms +15.00 +90 MB +2.25/);
  expect(page).toMatch(/a home with 5,000 empty blocks +400 ms +20.00 +100 MB +2.50/);
  expect(page).toMatch(/2000 transfers a second +200 MB +5.00/);
});
