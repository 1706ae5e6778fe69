/**
 * `quorate bench mining`: hashes per second of a mining thread, beside the machine's own SHA-256 and beside a plain
 * loop. It needs no network and no disk. What the figures are: docs/benchmarks.md.
 */
import { type MiningRun, measureMining } from "../../tools/bench/mining.ts";
import type { Output } from "../output.ts";
import { row, short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export interface MiningOptions {
  readonly threads: number;
  readonly seconds: number;
}

const SLICE_MS = 100;
/** A slice each of mining, of native hashing, and of hashing in plain JavaScript. */
const SLICES_PER_ROUND = 3;
/** What the project must not fall under, and what it is after. */
const TO_NATIVE = { floor: 0.3, goal: 0.42 };
const TO_PLAIN = { floor: 8, goal: 10 };
/** A run was disturbed that got less than this share of the processors that its threads could use. */
const DISTURBED_SHARE = 0.9;

export async function runMining(out: Output, options: MiningOptions): Promise<void> {
  const bench = new BenchRun(out);
  const rounds = Math.ceil((options.seconds * 1_000) / (SLICES_PER_ROUND * SLICE_MS));
  const run = await bench.complete(() => {
    bench.stage(`mining ${options.threads} thread(s) for ${options.seconds} s`);
    return measureMining({ threads: options.threads, rounds, sliceMs: SLICE_MS }, bench.signal);
  });
  out.result(miningResult(options, run), describeMining(out, options, run));
}

export function miningResult(options: MiningOptions, run: MiningRun) {
  return {
    name: "mining",
    value: short(run.mining),
    unit: "hashes of a header per second and thread",
    limit: short(run.native),
    ratio: short(run.toNative),
    plain: short(run.plain),
    ratioToPlain: short(run.toPlain),
    processors: short(run.processors),
    options,
  };
}

export function describeMining(
  out: Output,
  { threads, seconds }: MiningOptions,
  run: MiningRun,
): readonly string[] {
  const strong = (text: string) => out.style("bold", text);
  const many = `${threads} thread${threads === 1 ? "" : "s"}`;
  return [
    strong(`quorate bench mining · ${many} · ${seconds} s · node ${process.version}`),
    row("mining", `${strong(millions(run.mining))} a thread, per second of processor time`),
    row("native", `${millions(run.native)} by SHA-256 in bulk: ${judged(out, run.toNative, TO_NATIVE)}`),
    row(
      "plain",
      `${millions(run.plain)} by crypto.hash, header for header: ${judged(out, run.toPlain, TO_PLAIN)}`,
    ),
    ...disturbance(out, run),
  ];
}

function judged(out: Output, ratio: number, { floor, goal }: { floor: number; goal: number }): string {
  const mark = ratio < floor ? out.cross : out.tick;
  return `ratio ${out.style("bold", ratio.toFixed(2))} (floor ${floor}, goal ${goal}) ${mark}`;
}

function disturbance(out: Output, { processors, threads }: MiningRun): string[] {
  if (processors >= DISTURBED_SHARE * threads) return [];
  const text = `the threads got ${processors.toFixed(2)} of ${threads} processors: a node mines so much slower now`;
  return [row("disturbed", out.style("yellow", text))];
}

function millions(hashes: number): string {
  return `${(hashes / 1e6).toFixed(2)} MH/s`;
}
