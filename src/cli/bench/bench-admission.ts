/**
 * `quorate bench admission`: transfers a second that the pool admits, beside what is verified of their signatures alone. It
 * needs no network and no disk. What the figures are: docs/benchmarks.md.
 */
import { must } from "../../base/assert.ts";
import {
  type AdmissionOptions,
  type AdmissionSpeeds,
  measureAdmission,
} from "../../tools/bench/admission-speed.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { row, short } from "./bench-report.ts";
import { BenchRun } from "./bench-run.ts";

export type { AdmissionOptions };

/** The share of what is verified alone that admission should reach. */
const RATIO_GOAL = 0.8;

export async function runAdmission(out: Output, options: AdmissionOptions): Promise<void> {
  const bench = new BenchRun(out);
  const speeds = await bench.complete(() => {
    bench.stage(`admitting transfers to pools of ${options.held.join(", ")} in ${options.rounds} rounds`);
    return measureAdmission(options, bench.signal);
  });
  out.result(admissionResult(options, speeds), describeAdmission(out, options, speeds));
}

function admissionResult(options: AdmissionOptions, { library, single, batches }: AdmissionSpeeds) {
  return {
    name: "admission",
    unit: "transfers per second of one core",
    library,
    single: short(single),
    batches: batches.map(({ size, verified, pools }) => {
      const { perSecond, ratio } = must(pools.at(-1), "there is a largest pool");
      return {
        size,
        value: short(perSecond),
        limit: short(verified),
        ratio: short(ratio),
        pools: pools.map((pool) => ({
          held: pool.held,
          value: short(pool.perSecond),
          ratio: short(pool.ratio),
        })),
      };
    }),
    options,
  };
}

function describeAdmission(
  out: Output,
  { held, rounds }: AdmissionOptions,
  { library, single, batches }: AdmissionSpeeds,
): readonly string[] {
  const whole = (value: number) => Math.round(value).toLocaleString("en");
  const mark = (ratio: number) => (ratio >= RATIO_GOAL ? out.tick : out.cross);
  const rows = batches.map(({ size, verified, pools }) => [
    whole(size),
    whole(verified),
    ...pools.map(({ perSecond, ratio }) => `${whole(perSecond)} (${ratio.toFixed(2)}) ${mark(ratio)}`),
  ]);
  return [
    out.style("bold", `quorate bench admission · ${rounds} rounds · node ${process.version}`),
    row("one by one", `${whole(single)} signatures a second of processor time, by ${library}`),
    row("goal", `${RATIO_GOAL} of what is verified in the same batches`),
    ...table(["together", "verified", ...held.map((count) => `pool of ${whole(count)}`)], rows),
  ];
}
