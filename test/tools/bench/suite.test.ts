/** Figures of a suite: ratios by round, their spread, and what is told apart from a saved suite. */
import { describe, expect, it } from "vitest";
import { SUITE_CASES } from "../../../src/cli/bench/suite-cases.ts";
import { suitePage } from "../../../src/cli/bench/suite-page.ts";
import {
  compareFigure,
  followed,
  SUITE_FORMAT,
  type Suite,
  type SuiteSample,
  spreadOf,
  suiteFigures,
} from "../../../src/tools/bench/suite.ts";

const sample = (value: number, limit?: number, better: SuiteSample["better"] = "lower"): SuiteSample => ({
  name: "cost",
  unit: "us",
  better,
  value,
  limit,
});
const figureOf = (...values: number[]) => suiteFigures(values.map((value) => [sample(value, 100)]))[0]!;

describe("a suite of benchmarks", () => {
  it("relates each value to the limit of its own run, and gives the median and the spread of what is followed", () => {
    const [figure, other] = suiteFigures([
      [sample(200, 100), { ...sample(5), name: "known" }],
      [sample(600, 200), { ...sample(7), name: "known" }],
      [sample(250, 100), { ...sample(6), name: "known" }],
    ]);
    expect(figure).toMatchObject({ name: "cost", values: [200, 600, 250], ratios: [2, 3, 2.5] });
    expect(spreadOf(followed(figure!))).toEqual({ median: 2.5, low: 2, high: 3 });
    expect(followed(other!)).toEqual([5, 7, 6]);
  });

  it("calls a figure better or worse only where no round of one lies among those of the other", () => {
    const saved = [figureOf(200, 220, 210)];
    expect(compareFigure(figureOf(150, 160, 155), saved)).toMatchObject({ change: "better" });
    expect(compareFigure(figureOf(250, 260, 255), saved)).toMatchObject({ change: "worse" });
    expect(compareFigure(figureOf(190, 205, 199), saved).change).toBe("within the spread");
    expect(compareFigure(figureOf(190), [])).toEqual({ change: "new", factor: undefined });
    const rate = (value: number) => suiteFigures([[sample(value, undefined, "higher")]])[0]!;
    expect(compareFigure(rate(150), [rate(100)])).toEqual({ change: "better", factor: 1.5 });
  });

  it("makes a page that names every figure and needs no other file", () => {
    const suite: Suite = {
      format: SUITE_FORMAT,
      version: "0.1.0",
      commit: undefined,
      node: process.version,
      cores: 2,
      rounds: 3,
      startedAtMs: 0,
      seconds: 9,
      usedCores: 1.5,
      figures: [figureOf(200, 220, 210), { ...figureOf(3, 4, 5), name: "a <figure>" }],
    };
    const page = suitePage(suite, { ...suite, figures: [figureOf(300, 310, 320)] });
    expect(page).toContain("a &lt;figure&gt;");
    expect(page).toContain("0.68, better");
    expect(page).not.toMatch(/<script|src="http|href="http/);
    expect(page.match(/<svg/g)).toHaveLength(2);
  });

  it("reads of each benchmark what it prints", () => {
    expect(new Set(SUITE_CASES.map(({ name }) => name)).size).toBe(SUITE_CASES.length);
    const printed = {
      value: 4,
      unit: "u",
      limit: 2,
      cached: 9,
      batches: [{ size: 8, value: 3 }],
      sizes: [{ accounts: 10, value: 6, hashes: 3 }],
    };
    for (const { read } of SUITE_CASES) {
      const samples = read(printed);
      expect(samples.length).toBeGreaterThan(0);
      for (const { value } of samples) expect(value).toBeGreaterThan(0);
    }
  });
});
