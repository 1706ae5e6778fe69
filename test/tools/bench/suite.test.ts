/** Figures of a suite: ratios by round, their spread, and what is told apart from a saved suite. */
import { describe, expect, it } from "vitest";
import { integer } from "../../../src/cli/arguments.ts";
import { suitePage } from "../../../src/cli/bench/suite-page.ts";
import { announce, planSuite, readValidators, SUITE_VALIDATORS } from "../../../src/cli/bench/suite-plan.ts";
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
      failures: ["bench sync ended with 70: no <port>"],
      figures: [figureOf(200, 220, 210), { ...figureOf(3, 4, 5), name: "a <figure>" }],
    };
    const page = suitePage(suite, { ...suite, figures: [figureOf(300, 310, 320)] });
    expect(page).toContain("a &lt;figure&gt;");
    expect(page).toContain("0.68, better");
    expect(page).toContain("Failed: bench sync ended with 70: no &lt;port&gt;");
    expect(page).not.toMatch(/<script|src="http|href="http/);
    expect(page.match(/<svg/g)).toHaveLength(2);
    const placed = (x: number) => ({
      ...figureOf(x),
      name: `cost ${x}`,
      places: [{ title: "cost by size", label: "transactions", x, isWide: true }],
    });
    const short = suitePage({ ...suite, rounds: 1, figures: [placed(1), placed(100)] }, undefined);
    expect(short.match(/<svg/g)).toHaveLength(1);
    expect(short).toContain("by transactions: 1: 1; 100: 100. lower is better");
  });

  it("reads of each benchmark what it prints", () => {
    const usual = planSuite({ validators: SUITE_VALIDATORS });
    expect(usual.some(({ group }) => group === "pipeline")).toBe(false);
    const cases = [...usual, ...planSuite({ validators: SUITE_VALIDATORS, only: ["pipeline"] })];
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    const printed = {
      value: 4,
      unit: "u",
      limit: 2,
      cached: 9,
      transactionsPerBlock: 7,
      lengths: [{ blocks: 10, value: 5, ratio: 1 }],
      withChain: 8,
      memory: { bare: 1e6, idle: 2e6, idleWithChain: 3e6, afterLoad: 4e6 },
      runs: [{ latencyMs: { p50: 12 } }],
      batches: [{ size: 8, value: 3 }],
      sizes: [{ accounts: 10, value: 6, hashes: 3 }],
    };
    const figures = cases.map(({ read }) => read(printed));
    const names = figures.flat().map(({ name }) => name);
    expect(new Set(names).size, names.join("; ")).toBe(names.length);
    for (const samples of figures) {
      expect(samples.length).toBeGreaterThan(0);
      for (const { value } of samples) expect(value).toBeGreaterThan(0);
    }
  });

  it("runs what depends on the validators once for each of their numbers, and takes names and groups", () => {
    const names = (validators: number[], only?: string[]) =>
      planSuite({ validators, ...(only === undefined ? {} : { only }) }).map(({ name }) => name);
    expect(names([4, 13], ["cost"])).toEqual(["cost-4", "cost-13", "cost-single"]);
    expect(names([4, 7], ["verify", "throughput-7"])).toEqual(["throughput-7", "verify"]);
    const [sample] = planSuite({ validators: [7], only: ["cost-7"] })[0]!.read({
      value: 3,
      limit: 1,
      unit: "us",
    });
    expect(sample).toMatchObject({ name: "cost, 7 validators", places: [{ label: "validators", x: 7 }] });
    expect(() => names([4], ["cost-7"])).toThrow(
      /no benchmark "cost-7"; there are the groups cost, .*cost-4/,
    );
    expect(() => names([4], [])).toThrow(/no benchmark is named/);
  });

  it("reads a list of numbers of validators, and says what is wrong with another", () => {
    const read = (text: string) => readValidators(text, integer(1, 64));
    expect(read("4,7,10,13")).toEqual([4, 7, 10, 13]);
    expect(() => read("")).toThrow(/expected 1 to 8 numbers by commas/);
    expect(() => read("1,2,3,4,5,6,7,8,9")).toThrow(/expected 1 to 8 numbers/);
    expect(() => read("4,7,4")).toThrow(/4 stands there twice/);
    expect(() => read("4,seven")).toThrow(/an integer from 1 to 64/);
  });

  it("says before it begins how many there are and how long they take", () => {
    const [one] = planSuite({ validators: [4], only: ["cost-4"] });
    const long = { ...one!, seconds: 400 };
    expect(announce([{ ...one!, seconds: 12 }], 1)).toBe(
      "1 benchmark, 1 round of about 12 s on two quiet cores, 12 s in all",
    );
    expect(announce([long, long], 3)).toMatch(
      /^2 benchmarks, 3 rounds of about 13 minutes .*40 minutes in all$/,
    );
  });
});
