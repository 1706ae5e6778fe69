/**
 * Goal: without the guard a majority drives the difficulty down under the real rules, with it it does not, and either
 * way a branch weighs what was hashed for it. Method: small periods, both runs, against the recurrence.
 */
import { describe, expect, it } from "vitest";
import { runTimewarp } from "../../../../src/tools/lab/pow/timewarp.ts";
import { timewarpReport } from "../../../../src/tools/lab/report/timewarp-report.ts";

const OPTIONS = { seed: 1, share: 0.6, interval: 144, periods: 8 };

describe("a majority that bends time", async () => {
  const result = await runTimewarp(OPTIONS);
  const { off, on } = result;

  it("drives the difficulty down where the guard is off", () => {
    expect(off.finalDifficulty).toBeLessThan(0.005);
    expect(off.periods.at(-1)!.blocksPerDay).toBeGreaterThan(10_000);
    const falls = off.periods.slice(1).map(({ difficulty }, i) => difficulty < off.periods[i]!.difficulty);
    expect(falls).not.toContain(false);
  });

  it("only gets the difficulty of its own hash power where the guard is on", () => {
    expect(on.finalDifficulty).toBeGreaterThan(0.4);
    expect(on.finalDifficulty).toBeLessThan(0.9);
    expect(result.isMatch).toBe(true);
  });

  it("gains no work by it", () => {
    for (const { workPerHash } of [off, on]) expect(Math.abs(workPerHash - 1)).toBeLessThan(0.2);
  });

  it("follows from the seed, and is reported with two pictures", async () => {
    expect(await runTimewarp(OPTIONS)).toEqual(result);
    const page = timewarpReport(OPTIONS, result, "quorate lab timewarp");
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page).not.toMatch(/NaN|undefined|Infinity|<script/);
  });

  it("agrees with the recurrence for other seeds and lengths", async () => {
    for (const [seed, interval] of [
      [2, 20],
      [3, 50],
      [4, 288],
    ] as const) {
      const { isMatch } = await runTimewarp({ seed, share: 0.8, interval, periods: 6 });
      expect(isMatch).toBe(true);
    }
  });
});
