/**
 * `quorate bench allocation`: bytes that a committed transfer makes all validators allocate on V8's heap, beside what decoding
 * and hashing it once at each of them allocates. What the figures are: docs/benchmarks.md.
 */
import { type AllocationRun, measureAllocation } from "../../tools/bench/allocation.ts";
import type { CostOptions } from "../../tools/bench/cost.ts";
import type { Output } from "../output.ts";
import { type CostRequest, settleCost } from "./bench-cost.ts";
import { row, short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

/** @throws CliError when the numbers do not go together */
export async function runAllocation(out: Output, request: CostRequest): Promise<void> {
  const options = settleCost(request);
  const bench = new BenchRun(out);
  const run = await bench.complete(() => {
    bench.stage(`${options.warmUp + options.transfers} transfers among ${options.validators} validators`);
    return measureAllocation(options);
  });
  const figures = figuresOf(options, run);
  out.result(allocationResult(options, run, figures), describeAllocation(out, options, run, figures));
}

/** All of them a transfer, but the share. */
interface Figures {
  readonly bytes: number;
  readonly limit: number;
  readonly external: number;
  readonly young: number;
  readonly full: number;
  /** The share of the time by the clock for which collections held up the main thread. */
  readonly pausedShare: number;
}

function figuresOf({ validators }: CostOptions, { cost, allocated, decodeBytes }: AllocationRun): Figures {
  const { transfers, seconds } = cost;
  return {
    bytes: allocated.heap / transfers,
    limit: validators * decodeBytes,
    external: allocated.external / transfers,
    young: allocated.young / transfers,
    full: allocated.full / transfers,
    pausedShare: allocated.pausedMs / (1_000 * seconds),
  };
}

function allocationResult(options: CostOptions, { cost, allocated }: AllocationRun, figures: Figures) {
  const { bytes, limit, external, young, full, pausedShare } = figures;
  return {
    name: "allocation",
    value: short(bytes),
    unit: "bytes of heap allocated a transfer, all validators",
    limit: short(limit),
    ratio: short(bytes / limit),
    perValidator: short(bytes / options.validators),
    external: short(external),
    collections: { young: short(young), full: short(full) },
    pausedShare: short(pausedShare),
    pausedMs: short(allocated.pausedMs),
    transfers: cost.transfers,
    blocks: cost.blocks,
    memory: cost.memory,
    options,
  };
}

function describeAllocation(
  out: Output,
  { validators, batch }: CostOptions,
  { cost, allocated }: AllocationRun,
  { bytes, limit, external, pausedShare }: Figures,
): readonly string[] {
  const strong = (text: string) => out.style("bold", text);
  const whole = (value: number) => Math.round(value).toLocaleString("en");
  const perMany = (count: number) => ((10_000 * count) / cost.transfers).toFixed(1);
  return [
    strong(`quorate bench allocation · ${validators} validators in one process · node ${process.version}`),
    row(
      "allocated",
      `${strong(`${whole(bytes)} bytes`)} of heap a transfer, all validators; ${whole(bytes / validators)} each`,
    ),
    row(
      "limit",
      `${whole(limit)} bytes, decoded and hashed once at each: ratio ${strong((bytes / limit).toFixed(2))}`,
    ),
    row("buffers", `at least ${whole(external)} bytes a transfer beside the heap`),
    row(
      "collections",
      `${perMany(allocated.young)} of the young generation and ${perMany(allocated.full)} of everything in 10,000 transfers: ` +
        `${(100 * pausedShare).toFixed(1)} % of the time`,
    ),
    row(
      "load",
      `${cost.transfers} transfers in ${cost.blocks} blocks, ${batch} a request, ${Math.round(cost.memory / 1e6)} MB`,
    ),
  ];
}
