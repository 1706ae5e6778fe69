/** `quorate bench modules`: a module's call beside a built-in transfer that does the same (docs/benchmarks.md). */
import { ownModules } from "../../testing/own-modules.ts";
import { measureModuleCost } from "../../tools/bench/module-cost.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export interface BenchModulesOptions {
  readonly rounds: number;
  readonly perBlock: number;
}

export async function runModules(out: Output, options: BenchModulesOptions): Promise<void> {
  const bench = new BenchRun(out);
  const { transferUs, callUs, ratio } = await bench.complete(() => {
    bench.stage(`checking blocks of ${options.perBlock} transactions in turns`);
    return measureModuleCost({ ...options, modulesFrom: ownModules }, bench.signal);
  });
  const unit = "microseconds of processor time a transaction, its signature included";
  const value = {
    name: "modules",
    unit,
    transfer: short(transferUs),
    call: short(callUs),
    ratio: short(ratio),
  };
  out.result({ ...value, options }, [
    out.style(
      "bold",
      `quorate bench modules · ${options.rounds} rounds of ${options.perBlock} · node ${process.version}`,
    ),
    ...table(
      ["", "a transaction", "to the transfer"],
      [
        ["transfer of the bank", `${transferUs.toFixed(1)} us`, "1.00"],
        ["call of a declared module", `${callUs.toFixed(1)} us`, ratio.toFixed(2)],
      ],
    ),
  ]);
}
