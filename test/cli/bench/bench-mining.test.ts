/** What `quorate bench mining` prints, and that the measuring itself works and ends. */
import { describe, expect, it } from "vitest";
import { describeMining, miningResult } from "../../../src/cli/bench/bench-mining.ts";
import { Output } from "../../../src/cli/output.ts";
import { measureMining } from "../../../src/tools/bench/mining.ts";

const out = new Output({ color: false });
const options = { threads: 2, seconds: 3 };
const run = {
  mining: 5_123_456,
  native: 16_000_000,
  plain: 650_000,
  toNative: 0.3202,
  toPlain: 7.882,
  processors: 1.99,
  threads: 2,
};

describe("quorate bench mining", () => {
  it("puts each ratio beside its floor and goal", () => {
    const lines = describeMining(out, options, run);
    expect(lines[0]).toContain("quorate bench mining · 2 threads · 3 s");
    expect(lines[1]).toContain("5.12 MH/s a thread");
    expect(lines[2]).toContain("16.00 MH/s by SHA-256 in bulk: ratio 0.32 (floor 0.3, goal 0.42) ✔");
    expect(lines[3]).toContain("ratio 7.88 (floor 8, goal 10) ✖");
    expect(lines).toHaveLength(4);
  });

  it("says when the threads did not get their processors", () => {
    expect(describeMining(out, options, { ...run, processors: 1.2 }).join("\n")).toContain(
      "got 1.20 of 2 processors",
    );
  });

  it("gives scripts the names of the other benchmarks", () => {
    expect(miningResult(options, run)).toMatchObject({
      name: "mining",
      value: 5_123_000,
      limit: 16_000_000,
      ratio: 0.3202,
      ratioToPlain: 7.882,
      options,
    });
  });

  it("measures mining, native and plain hashing in turns", async () => {
    const { mining, native, plain, toNative, toPlain } = await measureMining({
      threads: 1,
      rounds: 1,
      sliceMs: 150,
    });
    for (const figure of [mining, native, plain, toNative, toPlain]) expect(figure).toBeGreaterThan(0);
  });
});
