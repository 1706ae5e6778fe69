/**
 * `quorate bench connect`: transactions a second when whole blocks are checked, executed and committed, beside what
 * one core verifies. It needs no network and no disk. What the figures are: docs/benchmarks.md.
 */
import { type ConnectRun, measureConnect } from "../../tools/bench/connect.ts";
import { measureVerifications } from "../../tools/bench/verify-speed.ts";
import type { Output } from "../output.ts";
import { row, short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export interface ConnectOptions {
  readonly blocks: number;
  readonly transfers: number;
}

interface Measured extends ConnectRun {
  /** Signatures that one core verifies a second, in this run. */
  readonly limit: number;
}

const SLICES = 10;
const TO_LIMIT = { floor: 0.6, goal: 0.75 };
const CACHED = { floor: 25_000, goal: 50_000 };

export async function runConnect(out: Output, options: ConnectOptions): Promise<void> {
  const bench = new BenchRun(out);
  const run = await bench.complete(async () => {
    bench.stage(`connecting ${options.blocks} blocks of ${options.transfers} transfers`);
    const before = await measureVerifications(SLICES, bench.signal);
    const measured = await measureConnect(options.blocks, options.transfers);
    const after = await measureVerifications(SLICES, bench.signal);
    return { ...measured, limit: (before + after) / 2 };
  });
  out.result(connectResult(options, run), describeConnect(out, options, run));
}

function connectResult(options: ConnectOptions, run: Measured) {
  const value = run.transactions / run.uncachedSeconds;
  return {
    name: "connect",
    value: short(value),
    unit: "transactions per second with signatures never seen",
    limit: short(run.limit),
    ratio: short(value / run.limit),
    cached: short(run.transactions / run.cachedSeconds),
    options,
  };
}

function describeConnect(
  out: Output,
  { blocks, transfers }: ConnectOptions,
  run: Measured,
): readonly string[] {
  const strong = (text: string) => out.style("bold", text);
  const [uncached, cached] = [run.transactions / run.uncachedSeconds, run.transactions / run.cachedSeconds];
  const ratio = uncached / run.limit;
  const mark = (isGood: boolean) => (isGood ? out.tick : out.cross);
  return [
    strong(`quorate bench connect · ${blocks} blocks of ${transfers} transfers · node ${process.version}`),
    row("unseen", `${strong(`${Math.round(uncached)} tx/s`)} with signatures never seen`),
    row(
      "limit",
      `${Math.round(run.limit)} verifications/s of one core: ratio ${strong(ratio.toFixed(2))} ` +
        `(floor ${TO_LIMIT.floor}, goal ${TO_LIMIT.goal}) ${mark(ratio >= TO_LIMIT.floor)}`,
    ),
    row(
      "cached",
      `${Math.round(cached)} tx/s with signatures accepted before (floor ${CACHED.floor}, goal ${CACHED.goal}) ` +
        mark(cached >= CACHED.floor),
    ),
  ];
}
