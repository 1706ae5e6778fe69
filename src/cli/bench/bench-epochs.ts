/**
 * `quorate bench epochs`: what following the validators through so many epochs takes, from the genesis alone. docs/benchmarks.md.
 */
import { type EpochChainOptions, measureEpochChains } from "../../tools/bench/epoch-chain-cost.ts";
import { type Output, showCount } from "../output.ts";
import { table } from "../table.ts";
import { short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export async function runEpochs(out: Output, options: EpochChainOptions): Promise<void> {
  const bench = new BenchRun(out);
  const costs = await bench.complete(async () => measureEpochChains(options, bench.signal));
  const chains = costs.map(({ epochs, bytes, proveMs, skipping }) => ({
    ...{ epochs, bytes, proveMs: short(proveMs) },
    skipping: { ...skipping, proveMs: short(skipping.proveMs) },
  }));
  const rows = costs.map(({ epochs, bytes, proveMs, skipping }) => [
    epochs.toLocaleString("en"),
    `${showCount(bytes)} bytes`,
    `${(bytes / epochs).toFixed(0)} bytes`,
    `${proveMs.toFixed(1)} ms`,
    `${skipping.links}`,
    `${showCount(skipping.bytes)} bytes`,
    `${skipping.proveMs.toFixed(1)} ms`,
  ]);
  const { replaceEvery } = options;
  const often = replaceEvery === 1 ? "in each epoch" : `every ${replaceEvery} epochs`;
  const how = replaceEvery === 0 ? "no key replaced" : `a key replaced ${often}`;
  out.result(
    { name: "epochs", unit: "bytes and processor milliseconds of a chain of epochs", chains, options },
    [
      out.style("bold", `quorate bench epochs · ${options.validators} validators, ${how}`),
      ...table(["epochs", "links", "each", "proved in", "with skips", "bytes", "proved in"], rows),
    ],
  );
}
