/** `quorate lab spam`: cheap headers for a node with its bound off and on (src/tools/lab/pow/spam.ts). */
import type { Command } from "commander";
import { must } from "../../base/assert.ts";
import { chainLeast, runSpam, type Spam, spamSteps } from "../../tools/lab/pow/spam.ts";
import { predictedMark, predictedWords } from "../../tools/lab/report/page.ts";
import { spamReport, spamRows } from "../../tools/lab/report/spam-report.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { badInput, EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { table } from "../table.ts";
import { addSeedAndOut, integers, type LabOptions, listOption } from "./lab-arguments.ts";
import { writeLabFiles } from "./lab-files.ts";
import { runSteps } from "./lab-steps.ts";

type Options = LabOptions & Spam;

/** The most headers, which is as many as a node takes ahead of its head. */
const LENGTH_MAX = 20_000;

export function addSpam(lab: Command): void {
  leaf<Options>(
    lab,
    "spam",
    "offer a node long branches of cheap headers, with its bound off and on",
    (command) =>
      addSeedAndOut(command)
        .addOption(
          listOption(
            "--lengths <list>",
            "headers of the branches from block 0",
            integers(LENGTH_MAX, 1),
            [500, 2_000, 5_000],
          ),
        )
        .option("--chain <n>", "blocks of the honest chain", integer(100, 10_000), 400)
        .option("--rises <n>", "times that its difficulty has risen by 4", integer(1, 6), 4),
    ({ out, options }) => spam(out, options),
  );
}

async function spam(out: Output, { lengths, chain, rises, seed, out: dir }: Options): Promise<void> {
  if (chain < chainLeast(rises)) {
    throw badInput(`--chain ${chain}: with --rises ${rises} at least ${chainLeast(rises)} blocks`);
  }
  const options: Spam = { chain, rises, lengths, seed };
  const { result, tookMs } = await runSteps(out, [spamSteps(options), "mining"], (step) =>
    runSpam(options, step),
  );
  const found = { experiment: "spam", options, ...result };
  const timing = { seconds: Number((tookMs / 1_000).toFixed(3)) };
  const command = `quorate lab spam --lengths ${lengths.join(",")} --chain ${chain} --rises ${rises} --seed ${seed}`;
  const report = writeLabFiles(dir, {
    results: found,
    rows: result.cases.map((one) => ({ ...one, hashesPerStored: one.hashesPerStored })),
    report: spamReport(options, result, command),
    timing,
  });
  const head = [
    "scene",
    "bound",
    "offered",
    "stored",
    "bytes",
    "hashes",
    "hashes each",
    "work",
    "needed",
    "",
  ];
  const cells = spamRows(result).map((row, i) => [
    ...row,
    predictedMark(must(result.cases[i], "every row is of a case").isMatch),
  ]);
  const lines = [
    ...table(head, cells),
    `${predictedWords(result.isMatch)}: with the bound a branch is stored if and only if it is heavy enough; without it always`,
    `  ${result.cases.length} cases in ${showDuration(tookMs)}`,
    `  ${report}`,
  ];
  out.result({ ...found, timing, report }, lines);
  if (!result.isMatch) throw new Finished(EXIT.failedCheck);
}
