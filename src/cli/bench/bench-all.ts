/**
 * `quorate bench all`: every benchmark in turn, round after round, each in a process of its own with its limit measured in
 * the same run; the figures with their spread, as JSON, as a page with charts, and beside a saved suite. What the figures are:
 * docs/benchmarks.md.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { must } from "../../base/assert.ts";
import { busySeconds } from "../../tools/bench/machine-load.ts";
import {
  compareFigure,
  followed,
  SUITE_FORMAT,
  type Suite,
  type SuiteSample,
  spreadOf,
  suiteFigures,
} from "../../tools/bench/suite.ts";
import { madeBy } from "../../tools/lab/report/page.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { row } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";
import type { SuiteCase } from "./suite-cases.ts";
import { suitePage } from "./suite-page.ts";
import { announce, planSuite, type SuiteChoice } from "./suite-plan.ts";

export interface SuiteOptions extends SuiteChoice {
  readonly rounds: number;
  readonly save?: string;
  readonly compare?: string;
  readonly report?: string;
}

const CASE_MS_MAX = 15 * 60_000;
const ERROR_CHARACTERS = 400;

export async function runSuite(out: Output, options: SuiteOptions): Promise<void> {
  const cases = planSuite(options);
  const saved = options.compare === undefined ? undefined : readSuite(options.compare);
  for (const path of [options.save, options.report]) if (path !== undefined) checkWritable(path);
  out.note(announce(cases, options.rounds));
  const bench = new BenchRun(out);
  const suite = await bench.complete(() => measureSuite(bench, cases, options.rounds));
  if (options.save !== undefined) writeFileSync(options.save, `${JSON.stringify(suite, null, 2)}\n`);
  if (options.report !== undefined) writeFileSync(options.report, suitePage(suite, saved));
  out.result(suite, describeSuite(out, suite, saved, options));
  if (suite.failures.length > 0) throw new Finished(EXIT.failedCheck);
}

/** Checks this before the work whose figures it is for. @throws CliError */
function checkWritable(path: string): void {
  try {
    writeFileSync(path, "", { flag: "a" });
  } catch (error) {
    throw badInput(`${path} cannot be written: ${(error as Error).message}`);
  }
}

/** @throws CliError when it is none */
function readSuite(path: string): Suite {
  try {
    const suite = JSON.parse(readFileSync(path, "utf8")) as Suite;
    if (suite.format === SUITE_FORMAT && Array.isArray(suite.figures)) return suite;
  } catch (error) {
    throw badInput(`${path} cannot be read as a saved suite: ${(error as Error).message}`);
  }
  throw badInput(`${path} is no saved suite of format ${SUITE_FORMAT}: make one with --save`);
}

async function measureSuite(
  bench: BenchRun,
  cases: readonly SuiteCase[],
  roundCount: number,
): Promise<Suite> {
  const startedAtMs = Date.now();
  const [started, busy] = [performance.now(), busySeconds()];
  const rounds: SuiteSample[][] = [];
  const failures: string[] = [];
  for (let round = 1; round <= roundCount; round++) {
    const samples: SuiteSample[] = [];
    for (const each of cases) {
      bench.stage(`round ${round} of ${roundCount}: ${each.name}`);
      const printed = await runCase(bench, each);
      if (typeof printed === "string") failures.push(printed);
      else samples.push(...each.read(printed));
    }
    const [full, empty] = [samples.filter(isMeasured), samples.filter((sample) => !isMeasured(sample))];
    failures.push(
      ...empty.map(({ name }) => `${name}: nothing to measure, such as no transfer that became final`),
    );
    rounds.push(full);
  }
  const seconds = (performance.now() - started) / 1_000;
  return {
    format: SUITE_FORMAT,
    ...madeBy(),
    node: process.version,
    cores: availableParallelism(),
    rounds: roundCount,
    startedAtMs,
    seconds: Math.round(seconds),
    usedCores: Number(((busySeconds() - busy) / seconds).toFixed(2)),
    figures: suiteFigures(rounds),
    failures,
  };
}

/** A network that commits nothing has no latency. */
function isMeasured({ value, limit }: SuiteSample): boolean {
  return Number.isFinite(value) && (limit === undefined || Number.isFinite(limit));
}

/** What it printed, or why it failed: the others go on, since a round is long. */
async function runCase(bench: BenchRun, { name, words }: SuiteCase): Promise<object | string> {
  const program = [...process.execArgv, must(process.argv[1], "Node runs a file")];
  const child = spawn(process.execPath, [...program, "bench", ...words, "--json", "--quiet"], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: CASE_MS_MAX,
  });
  const gone = new Promise<number | null>((resolve) => child.once("close", resolve));
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await gone;
  };
  bench.add({ close: () => end("SIGTERM"), kill: () => end("SIGKILL") });
  const [text, errors] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  const code = await gone;
  if (code === 0) return JSON.parse(text) as object;
  bench.signal.throwIfAborted();
  return `bench ${name} ended with ${code ?? child.signalCode}: ${errors.slice(-ERROR_CHARACTERS)}`;
}

async function textOf(stream: ChildProcess["stdout"]): Promise<string> {
  let text = "";
  stream?.setEncoding("utf8");
  for await (const piece of stream ?? []) text += piece;
  return text;
}

function describeSuite(
  out: Output,
  suite: Suite,
  saved: Suite | undefined,
  { save, report }: SuiteOptions,
): readonly string[] {
  const show = (value: number) =>
    Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 6 });
  const rows = suite.figures.map((figure) => {
    const [value, spread] = [spreadOf(figure.values), spreadOf(followed(figure))];
    const { change, factor } = compareFigure(figure, saved?.figures ?? []);
    const compared =
      saved === undefined ? [] : [factor === undefined ? "new" : `${factor.toFixed(2)}, ${change}`];
    return [
      figure.name,
      show(value.median),
      figure.ratios.length === 0 ? "" : spread.median.toFixed(2),
      `${show(spread.low)} to ${show(spread.high)}`,
      `${figure.better} is better`,
      ...compared,
    ];
  });
  const head = ["figure", "median", "to its limit", "spread", ""];
  const rounds = suite.rounds === 1 ? "1 round" : `${suite.rounds} rounds`;
  const title = `quorate bench all · ${rounds} · ${suite.cores} cores · node ${suite.node}`;
  return [
    out.style("bold", title),
    ...table(saved === undefined ? head : [...head, "to the saved one"], rows),
    ...suite.failures.map((failure) => row("failed", `${out.cross} ${failure}`)),
    ...(save === undefined ? [] : [row("saved", save)]),
    ...(report === undefined ? [] : [row("report", report)]),
  ];
}
