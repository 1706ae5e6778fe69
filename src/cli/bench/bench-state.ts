/**
 * `quorate bench state`: processor time that a changed account costs in the state tree, by the number of accounts. What the
 * figures are: docs/benchmarks.md.
 */
import { measureState, type StateCost } from "../../tools/bench/state-cost.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export interface BenchStateOptions {
  readonly accounts: readonly number[];
  readonly rounds: number;
}

export async function runState(out: Output, options: BenchStateOptions): Promise<void> {
  const bench = new BenchRun(out);
  const costs = await bench.complete(() => {
    bench.stage(`filling trees of ${options.accounts.join(", ")} accounts`);
    return measureState(options.accounts, options.rounds, bench.signal);
  });
  out.result(stateResult(options, costs), describeState(out, options, costs));
}

function stateResult(options: BenchStateOptions, costs: readonly StateCost[]) {
  return {
    name: "state",
    unit: "microseconds of processor time a changed account",
    sizes: costs.map(({ accounts, updateUs, writtenUs, hashes, ratio }) => ({
      accounts,
      value: short(updateUs),
      written: short(writtenUs),
      hashes: short(hashes),
      ratio: short(ratio),
    })),
    options,
  };
}

function describeState(
  out: Output,
  { rounds }: BenchStateOptions,
  costs: readonly StateCost[],
): readonly string[] {
  const rows = costs.map(({ accounts, updateUs, writtenUs, hashes, ratio }) => [
    accounts.toLocaleString("en"),
    `${updateUs.toFixed(1)} us`,
    `${writtenUs.toFixed(1)} us`,
    hashes.toFixed(1),
    ratio.toFixed(2),
  ]);
  return [
    out.style("bold", `quorate bench state · ${rounds} rounds · node ${process.version}`),
    ...table(["accounts", "update", "with writing", "in hashes", "to the first"], rows),
  ];
}
