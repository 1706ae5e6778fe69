/** `quorate lab silent`: 0 to f + 1 validators that say nothing (src/tools/lab/pbft/silent.ts). */
import type { Command } from "commander";
import { must } from "../../base/assert.ts";
import { runSilent, silentSteps } from "../../tools/lab/pbft/silent.ts";
import { predictedWords } from "../../tools/lab/report/page.ts";
import { SILENT_HEAD, silentCells, silentReport, silentVerdict } from "../../tools/lab/report/pbft-report.ts";
import { withDefault } from "../arguments.ts";
import { leaf } from "../command.ts";
import { EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { writeLabFiles } from "./lab-files.ts";
import { addNodes, type PbftLabOptions, virtualTime } from "./lab-pbft.ts";
import { runSteps } from "./lab-steps.ts";

interface Options extends PbftLabOptions {
  readonly time: number;
}

export function addSilent(lab: Command): void {
  leaf<Options>(
    lab,
    "silent",
    "silence validators one after the other, until the chain halts",
    (command) =>
      addNodes(command).addOption(
        withDefault("--time <duration>", "virtual time in which users pay, in each run", virtualTime, [
          10_000,
          "10s",
        ]),
      ),
    ({ out, options }) => silence(out, options),
  );
}

async function silence(out: Output, { nodes, seed, time, out: dir }: Options): Promise<void> {
  const options = { nodes, seed, payMs: time };
  const steps = silentSteps(options);
  const { result: runs, tookMs } = await runSteps(out, [steps, "waiting"], (step) =>
    runSilent(options, step),
  );
  const isMatch = runs.every(({ result }) => result.isMatch);
  const results = runs.map(({ result }) => result);
  const found = { experiment: "silent", options, isMatch, runs: results };
  const command = `quorate lab silent --nodes ${nodes} --time ${time}ms --seed ${seed}`;
  const report = writeLabFiles(dir, {
    results: found,
    rows: results.map((result) => ({ ...result })),
    report: silentReport(runs, options, command),
    timing: { seconds: Number((tookMs / 1_000).toFixed(3)) },
  });
  const lines = [
    ...table(SILENT_HEAD, runs.map(silentCells)),
    `with ${results.length - 1} silent, explain says: ${must(results.at(-1), "some number of silent validators was played").explanation.split("; ").slice(0, 3).join("; ")}`,
    `${predictedWords(isMatch)}: ${silentVerdict(runs, options)}`,
    `  ${report}`,
  ];
  out.result({ ...found, report }, lines);
  if (!isMatch) throw new Finished(EXIT.failedCheck);
}
