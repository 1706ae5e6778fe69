/**
 * A long run: fuzz targets (test/fuzz/targets.ts) in turn, a line each with what was answered, the slowest input and how much
 * the heap grew. An input that fails is written to a file, whole and reduced; exit code 1 then.
 *
 *   npm run fuzz -- [--target NAME] [--inputs 100000] [--seed 1] [--seconds S] [--out DIR] [--list]
 *
 * --target is a target or the part of its name before the dot; --seconds bounds each target's time. With
 * --input FILE the target is given that file alone.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type FuzzReport, fuzz, HEAP_GROWTH_MAX, INPUT_MS_MAX } from "../fuzz/run.ts";
import { FUZZ_TARGETS } from "../fuzz/targets.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({
  options: {
    target: text,
    inputs: text,
    seed: text,
    seconds: text,
    out: text,
    input: text,
    list: { type: "boolean" },
  },
});

setFlagsFromString("--expose-gc");
(globalThis as { gc?: unknown }).gc = runInNewContext("gc");

const name = values.target;
const chosen = FUZZ_TARGETS.filter((one) => name === undefined || `${one.name}.`.startsWith(`${name}.`));
const out = values.out ?? "fuzz-failures";
const [inputs, seed, seconds] = [
  Number(values.inputs ?? 100_000),
  values.seed ?? "1",
  Number(values.seconds ?? 0),
];
let failed = 0;

function codes(report: FuzzReport): string {
  const sorted = [...report.codes].sort((a, b) => b[1] - a[1]);
  const shown = sorted.slice(0, 8).map(([code, count]) => `${code} ${count}`);
  return shown.join(", ") + (sorted.length > 8 ? `, ${sorted.length - 8} more` : "");
}

function write(report: FuzzReport): void {
  mkdirSync(out, { recursive: true });
  for (const [i, failure] of report.failures.entries()) {
    const path = join(out, `${report.name}-${seed}-${i}`);
    writeFileSync(path, failure.input);
    writeFileSync(`${path}.reduced`, failure.reduced);
    writeFileSync(`${path}.txt`, `${failure.reason}\n`);
    console.log(
      `  FAILED: ${failure.reason.split("\n").slice(0, 4).join("\n    ")}\n  ${path}.reduced (${failure.reduced.length} bytes)`,
    );
  }
}

if (chosen.length === 0) throw new Error(`no target ${name}; --list shows them`);
for (const target of chosen) {
  if (values.list === true) {
    console.log(target.name);
    continue;
  }
  if (values.input !== undefined) {
    const opened = await target.open();
    console.log(`${target.name}: ${await opened.run(new Uint8Array(readFileSync(values.input)))}`);
    await opened.close?.();
    continue;
  }
  const startMs = performance.now();
  const untilMs = seconds > 0 ? startMs + 1_000 * seconds : Number.POSITIVE_INFINITY;
  const report = await fuzz(target, { inputs, seed, untilMs });
  const grown = report.heapGrowth ?? 0;
  const tookS = ((performance.now() - startMs) / 1_000).toFixed(0);
  const heap = `heap ${grown >= 0 ? "+" : ""}${(grown / 1024 / 1024).toFixed(1)} MiB`;
  console.log(
    `${target.name}: ${report.inputs} inputs, ${report.failures.length} failures, slowest ${report.slowestMs.toFixed(1)} ms, ${heap}, ${tookS} s: ${codes(report)}`,
  );
  if (report.failures.length > 0) write(report);
  if (grown > HEAP_GROWTH_MAX) console.log(`  FAILED: the heap grew by more than ${HEAP_GROWTH_MAX} bytes`);
  if (report.failures.length > 0 || grown > HEAP_GROWTH_MAX) failed++;
}
if (values.list !== true && values.input === undefined)
  console.log(
    `seed ${seed}, ${chosen.length} targets, ${failed} with failures; no input may take ${INPUT_MS_MAX} ms`,
  );
process.exitCode = failed === 0 ? 0 : 1;
