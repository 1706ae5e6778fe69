/**
 * `quorate bench verify`: signatures a second judged together, beside what the native library verifies one by one. It
 * needs no network and no disk. What the figures are: docs/benchmarks.md.
 */
import { type BatchSpeeds, measureBatches } from "../../tools/bench/batch-speed.ts";
import type { Output } from "../output.ts";
import { row, short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export interface BenchVerifyOptions {
  readonly rounds: number;
}

export async function runVerify(out: Output, options: BenchVerifyOptions): Promise<void> {
  const bench = new BenchRun(out);
  const speeds = await bench.complete(() => {
    bench.stage(`judging signatures in ${options.rounds} rounds`);
    return measureBatches(options.rounds, bench.signal);
  });
  out.result(verifyResult(options, speeds), describeVerify(out, options, speeds));
}

function verifyResult(options: BenchVerifyOptions, { library, single, batches }: BatchSpeeds) {
  return {
    name: "verify",
    unit: "signatures per second of one core",
    library,
    limit: short(single),
    batches: batches?.map(({ size, perSecond, ratio }) => ({
      size,
      value: short(perSecond),
      ratio: short(ratio),
    })),
    options,
  };
}

function describeVerify(
  out: Output,
  { rounds }: BenchVerifyOptions,
  { library, single, batches }: BatchSpeeds,
): readonly string[] {
  const whole = (value: number) => Math.round(value).toLocaleString("en");
  const title = out.style("bold", `quorate bench verify · ${rounds} rounds · node ${process.version}`);
  const lines = [title, row("one by one", `${whole(single)} a second of processor time, by ${library}`)];
  if (batches === undefined) return [...lines, row("batches", "no WebAssembly here: `npm run build`")];
  for (const { size, perSecond, ratio } of batches) {
    lines.push(
      row(`batch of ${size}`, `${whole(perSecond)} a second: ratio ${out.style("bold", ratio.toFixed(2))}`),
    );
  }
  return lines;
}
