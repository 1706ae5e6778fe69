/** `quorate lab eclipse`: a node's address book under attack, with its defence off and on (src/tools/lab/pow/eclipse.ts). */
import type { Command } from "commander";
import { type Eclipse, eclipseSteps, GROUPS_MAX, runEclipse } from "../../tools/lab/pow/eclipse.ts";
import { ECLIPSE_HEAD, eclipseReport, eclipseRows } from "../../tools/lab/report/eclipse-report.ts";
import { predictedWords } from "../../tools/lab/report/page.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { RenamedOption } from "../renamed.ts";
import { table } from "../table.ts";
import { addSeedAndOut, integers, type LabOptions, listOption } from "./lab-arguments.ts";
import { writeLabFiles } from "./lab-files.ts";
import { runSteps } from "./lab-steps.ts";

type Options = LabOptions & Eclipse;

export function addEclipse(lab: Command): void {
  leaf<Options>(
    lab,
    "eclipse",
    "fill a node's address book until it dials nobody else, with its defence off and on",
    (command) =>
      addSeedAndOut(command)
        .addOption(
          listOption(
            "--groups <list>",
            "the attacker's groups (IPv4 /16)",
            integers(GROUPS_MAX, 1),
            [4, 16, 64, 256],
          ),
        )
        .option("--per-group <n>", "the attacker's addresses in each", integer(1, 1_024), 32)
        .option("--honest <n>", "honest nodes, each in a group of its own", integer(1, 4_096), 200)
        .option("--days <n>", "length of the attack", integer(1, 30), 2)
        .option("--restart-hours <n>", "between two restarts of the victim", integer(1, 720), 12)
        .addOption(new RenamedOption("-n <n>", "--trials"))
        .option("--trials <n>", "trials for each row", integer(1, 10_000), 5),
    ({ out, options }) => eclipse(out, options),
  );
}

async function eclipse(out: Output, words: Options): Promise<void> {
  const { seed, trials, groups, perGroup, honest, days, restartHours, out: dir } = words;
  const options: Eclipse = { seed, trials, groups, perGroup, honest, days, restartHours };
  const { result, tookMs } = await runSteps(out, [eclipseSteps(options), "dialling"], (step) =>
    runEclipse(options, step),
  );
  const { rows, isMatch } = result;
  const found = { experiment: "eclipse", options, isMatch, rows };
  const timing = { seconds: Number((tookMs / 1_000).toFixed(3)) };
  const command = `quorate lab eclipse --groups ${groups.join(",")} --per-group ${perGroup} --honest ${honest} --days ${days} --restart-hours ${restartHours} --trials ${trials} --seed ${seed}`;
  const report = writeLabFiles(dir, {
    results: found,
    rows: rows.map((row) => ({ ...row })),
    report: eclipseReport(options, result, command),
    timing,
  });
  const lines = [
    ...table(ECLIPSE_HEAD, eclipseRows(rows, trials)),
    `${predictedWords(isMatch)}: defended, the attacker never holds more connections than groups, and cuts the node off no longer than without`,
    `  ${eclipseSteps(options)} trials in ${showDuration(tookMs)}`,
    `  ${report}`,
  ];
  out.result({ ...found, timing, report }, lines);
  if (!isMatch) throw new Finished(EXIT.failedCheck);
}
