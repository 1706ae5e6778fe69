/**
 * Goal: a minority only delays a transaction, a majority that undoes blocks keeps it out, as the formulas say; under
 * PBFT with f censors it is final within the bound. Method: small tables, one PBFT cluster of four.
 */
import { describe, expect, it } from "vitest";
import { censorSteps, runCensor, undoChance } from "../../../src/tools/lab/censor.ts";
import { censorReport } from "../../../src/tools/lab/report/censor-report.ts";

const OPTIONS = { seed: 2, shares: [0.3, 0.7], trials: 15, giveUp: 10, blocks: 60, nodes: [4] };

describe("an account that is left out", async () => {
  let steps = 0;
  const result = await runCensor(OPTIONS, async () => {
    steps++;
  });
  const [left, , weak, strong] = result.rows;

  it("waits where a miner just leaves it out, however strong it is", () => {
    expect(result.rows.slice(0, 2).map(({ included }) => included)).toEqual([15, 15]);
    expect(left!.mostBlocks).toBeLessThan(12);
  });

  it("is kept out by a majority that undoes blocks, and not by a minority", () => {
    expect(weak!.included).toBe(15);
    expect(strong!.included).toBe(0);
    expect(strong!.undone).toBe(strong!.fights);
    expect(strong!.fights).toBeGreaterThan(20);
  });

  it("is served within the bound under PBFT, late but not later", () => {
    const [free, censored] = result.pbft;
    expect(censored).toMatchObject({ censors: 1, final: censored!.payments, isMatch: true });
    expect(censored!.worstMs).toBeGreaterThan(free!.worstMs);
  });

  it("agrees with the formulas, and is reported with two pictures", () => {
    expect(result.isMatch).toBe(true);
    expect(steps).toBe(censorSteps(OPTIONS));
    const page = censorReport(OPTIONS, result, "quorate lab censor");
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page).not.toMatch(/NaN|undefined|Infinity|<script/);
  });
});

describe("the chance to undo a block", () => {
  it("is the gambler's ruin from two blocks short", () => {
    expect(undoChance(0.3, 1_000)).toBeCloseTo((0.3 / 0.7) ** 2, 12);
    expect(undoChance(0.5, 20)).toBeCloseTo(0.9, 12);
    expect(undoChance(0.6, 2)).toBe(0);
    expect(undoChance(0.6, 1_000)).toBeCloseTo(1, 12);
  });
});
