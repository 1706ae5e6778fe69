/** The benchmarks that play a chain into a real database, at sizes that say nothing but that they work. */
import { expect, it } from "vitest";
import { measureGrowth } from "../../../src/tools/bench/growth.ts";
import { measureLengths } from "../../../src/tools/bench/length-cost.ts";

const never = new AbortController().signal;
const silent = () => undefined;

it.each([
  { mined: false, of: "headers and certificates" },
  { mined: true, of: "headers" },
])("an archive grows by every transaction, a pruned database by its $of", async ({ mined }) => {
  const options = { blocks: 40, transfers: 20, accounts: 10, keepBlocks: 5, mined };
  const [archive, pruned] = await measureGrowth(options, never, silent);
  expect([archive?.mode, pruned?.mode]).toEqual(["archive", "pruned"]);
  expect(archive!.bytes).toBeGreaterThan(archive!.halfBytes);
  // A transfer alone has more than 150 bytes.
  expect(archive!.bytesPerTransaction).toBeGreaterThan(150);
  expect(pruned!.bytesPerTransaction).toBeLessThan(archive!.bytesPerTransaction / 2);
});

it("blocks are measured behind each length, ascending", async () => {
  const options = { lengths: [2, 6], measured: 3, transfers: 2, accounts: 4 };
  const costs = await measureLengths(options, never, silent);
  expect(costs.map(({ blocks }) => blocks)).toEqual([2, 6]);
  expect(costs[0]?.ratio).toBe(1);
});
