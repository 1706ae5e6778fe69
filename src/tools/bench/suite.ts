/**
 * The figures of a suite of benchmarks: what each round gave, with its limit of the same run, as ratios with their spread, and
 * beside those of a saved suite. Arithmetic only; who runs the benchmarks and shows the figures is the caller's matter.
 *
 * This folder: loads, probes and the limits of the machine that figures are compared with. Not here: the commands
 * (cli/bench), and what the figures mean (docs/benchmarks.md).
 */
import { must } from "../../base/assert.ts";
import { median } from "./statistics.ts";

/** Where a figure stands among those that differ from it in one number alone: a chart shows them over that number. */
export interface SuitePlace {
  /** What the chart shows: "cost by validators". */
  readonly title: string;
  /** What the number is: "validators". */
  readonly label: string;
  readonly x: number;
  /** The numbers lie so far apart that the chart's axis is logarithmic. */
  readonly isWide?: boolean;
}

/** One figure of one run. */
export interface SuiteSample {
  /** The name of the figure, unique in the suite: "cost, 7 validators". */
  readonly name: string;
  readonly unit: string;
  readonly better: "higher" | "lower";
  readonly value: number;
  /** What bounds it, of the same run, or undefined where nothing is known to. */
  readonly limit: number | undefined;
  /** The charts in which it stands. */
  readonly places?: readonly SuitePlace[];
}

/** One figure over all rounds. */
export interface SuiteFigure {
  readonly name: string;
  readonly unit: string;
  readonly better: SuiteSample["better"];
  readonly values: readonly number[];
  /** Value over limit of each round, or none. */
  readonly ratios: readonly number[];
  /** The charts in which it stands. */
  readonly places?: readonly SuitePlace[];
}

export const SUITE_FORMAT = 1;

/** What is saved. */
export interface Suite {
  readonly format: typeof SUITE_FORMAT;
  readonly version: string;
  readonly commit: string | undefined;
  readonly node: string;
  readonly cores: number;
  readonly rounds: number;
  /** When the suite began, ms since the Unix epoch. */
  readonly startedAtMs: number;
  readonly seconds: number;
  /** Cores that all processes of the machine together used meanwhile. */
  readonly usedCores: number;
  readonly figures: readonly SuiteFigure[];
  /** Why benchmarks failed, each in a line: their figures are missing. */
  readonly failures: readonly string[];
}

/** @param rounds the samples of each round, in the same order of names or not */
export function suiteFigures(rounds: readonly (readonly SuiteSample[])[]): SuiteFigure[] {
  const names = new Set(rounds.flat().map(({ name }) => name));
  return [...names].map((name) => {
    const samples = rounds.flat().filter((sample) => sample.name === name);
    const { unit, better, places } = must(samples[0], "every name is that of a sample");
    const ratios = samples.flatMap(({ value, limit }) => (limit === undefined ? [] : [value / limit]));
    const values = samples.map(({ value }) => value);
    return { name, unit, better, values, ratios, ...(places === undefined ? {} : { places }) };
  });
}

/** What is followed: the ratios where there is a limit, since rates move with the machine, and else the values. */
export function followed({ values, ratios }: SuiteFigure): readonly number[] {
  return ratios.length > 0 ? ratios : values;
}

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

export type SuiteChange = "better" | "worse" | "within the spread" | "new";

/** A figure beside the saved one of its name: told apart only where no round of one lies among those of the other. */
export function compareFigure(
  now: SuiteFigure,
  saved: readonly SuiteFigure[],
): { readonly change: SuiteChange; readonly factor: number | undefined } {
  const before = saved.find(({ name }) => name === now.name);
  if (before === undefined) return { change: "new", factor: undefined };
  const [a, b] = [spreadOf(followed(now)), spreadOf(followed(before))];
  const factor = a.median / b.median;
  if (a.low <= b.high && b.low <= a.high) return { change: "within the spread", factor };
  return { change: factor > 1 === (now.better === "higher") ? "better" : "worse", factor };
}
