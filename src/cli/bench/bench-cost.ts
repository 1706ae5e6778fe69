/**
 * `quorate bench cost`: processor time that a transfer costs all validators of a network, beside what one check of a
 * signature at each of them costs by the native library. What the figures are: docs/benchmarks.md.
 */
import { measureCheckUs } from "../../tools/bench/batch-speed.ts";
import { type CostOptions, type CostRun, measureCost } from "../../tools/bench/cost.ts";
import { badInput } from "../exit.ts";
import type { Output } from "../output.ts";
import { row, short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";
import { accountsFor } from "./bench-throughput.ts";

/** The run as it is asked for: accounts that are not said follow from the rest. */
export type CostRequest = Omit<CostOptions, "accounts"> & { readonly accounts?: number };

interface Measured extends CostRun {
  /** Microseconds of processor time of one check by the native library. */
  readonly checkUs: number;
}

const ROUNDS = 10;

/** @throws CliError when the numbers do not go together */
export function settleCost(request: CostRequest): CostOptions {
  const { batch, outstanding } = request;
  if (outstanding < batch)
    throw badInput(`--outstanding ${outstanding} is less than one request of --batch ${batch}`);
  return { ...request, accounts: accountsFor(request) };
}

/** @throws CliError when the numbers do not go together */
export async function runCost(out: Output, request: CostRequest): Promise<void> {
  const options = settleCost(request);
  const bench = new BenchRun(out);
  const run = await bench.complete(async () => {
    bench.stage(`${options.warmUp + options.transfers} transfers among ${options.validators} validators`);
    const before = await measureCheckUs(ROUNDS, bench.signal);
    const measured = await measureCost(options);
    const after = await measureCheckUs(ROUNDS, bench.signal);
    return { ...measured, checkUs: (before + after) / 2 };
  });
  out.result(costResult(options, run), describeCost(out, options, run));
}

const totalUs = ({ userUs, systemUs }: Measured) => userUs + systemUs;
const limitUs = ({ validators }: CostOptions, { checkUs }: Measured) => validators * checkUs;

function costResult(options: CostOptions, run: Measured) {
  const [value, limit] = [totalUs(run), limitUs(options, run)];
  return {
    name: "cost",
    value: short(value),
    unit: "microseconds of processor time a transfer, all validators",
    limit: short(limit),
    ratio: short(value / limit),
    user: short(run.userUs),
    system: short(run.systemUs),
    transfers: run.transfers,
    blocks: run.blocks,
    transactionsPerBlock: short(run.transfers / run.blocks),
    perSecond: short(run.transfers / run.seconds),
    memory: run.memory,
    checks: { single: short(run.checks.single), together: short(run.checks.together) },
    options,
  };
}

function describeCost(out: Output, options: CostOptions, run: Measured): readonly string[] {
  const strong = (text: string) => out.style("bold", text);
  const [value, limit] = [totalUs(run), limitUs(options, run)];
  const { validators, batch } = options;
  return [
    strong(`quorate bench cost · ${validators} validators in one process · node ${process.version}`),
    row(
      "cost",
      `${strong(`${value.toFixed(0)} us`)} of processor time a transfer, all validators (${run.userUs.toFixed(0)} user, ${run.systemUs.toFixed(0)} system)`,
    ),
    row(
      "limit",
      `${limit.toFixed(0)} us, one check by the native library for each: ratio ${strong((value / limit).toFixed(2))}`,
    ),
    row(
      "signatures",
      `${run.checks.together.toFixed(2)} checks a transfer in batches, ${run.checks.single.toFixed(2)} one by one, votes among them`,
    ),
    row(
      "load",
      `${run.transfers} transfers in ${run.blocks} blocks, ${batch} a request, ${Math.round(run.transfers / run.seconds)} a second, ${Math.round(run.memory / 1e6)} MB`,
    ),
  ];
}
