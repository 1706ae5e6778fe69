/** `quorate lab censor`: an account is left out, under proof of work and under PBFT (src/tools/lab/censor.ts). */
import type { Command } from "commander";
import { type Censor, censorSteps, runCensor } from "../../tools/lab/censor.ts";
import {
  CENSOR_HEAD,
  CENSOR_PBFT_HEAD,
  censorReport,
  censorRows,
  pbftRows,
} from "../../tools/lab/report/censor-report.ts";
import { predictedWords } from "../../tools/lab/report/page.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { EXIT, Finished } from "../exit.ts";
import { type Output, showDuration } from "../output.ts";
import { RenamedOption } from "../renamed.ts";
import { table } from "../table.ts";
import { addSeedAndOut, integers, type LabOptions, listOption, shares } from "./lab-arguments.ts";
import { writeLabFiles } from "./lab-files.ts";
import { runSteps } from "./lab-steps.ts";

interface Options extends LabOptions, Omit<Censor, "shares"> {
  readonly hashrate: readonly number[];
}

/** The smallest PBFT cluster that survives a fault, and the largest that is simulated in seconds. */
const [NODES_MIN, NODES_MAX] = [4, 13];

export function addCensor(lab: Command): void {
  leaf<Options>(
    lab,
    "censor",
    "leave an account out, under proof of work and under PBFT",
    (command) =>
      addSeedAndOut(command)
        .addOption(
          listOption(
            "--hashrate <shares>",
            "the censor's parts of the hash power",
            shares,
            [0.1, 0.3, 0.45, 0.51, 0.6],
          ),
        )
        .addOption(new RenamedOption("-n <n>", "--trials"))
        .option("--trials <n>", "transactions for each row", integer(1, 100_000), 100)
        .option(
          "--give-up <n>",
          "deficit at which the censor lets a block stand, in blocks",
          integer(3, 200),
          20,
        )
        .option("--blocks <n>", "blocks after which a trial ends", integer(50, 10_000), 300)
        .addOption(
          listOption("--nodes <list>", "validators of the PBFT runs", integers(NODES_MAX, NODES_MIN), [4, 7]),
        ),
    ({ out, options }) => censor(out, options),
  );
}

async function censor(out: Output, words: Options): Promise<void> {
  const { seed, hashrate, trials, giveUp, blocks, nodes, out: dir } = words;
  const options: Censor = { seed, shares: hashrate, trials, giveUp, blocks, nodes };
  const { result, tookMs } = await runSteps(out, [censorSteps(options), "mining"], (step) =>
    runCensor(options, step),
  );
  const found = { experiment: "censor", options, ...result };
  const timing = { seconds: Number((tookMs / 1_000).toFixed(3)) };
  const command = `quorate lab censor --hashrate ${hashrate.join(",")} --trials ${trials} --give-up ${giveUp} --blocks ${blocks} --nodes ${nodes.join(",")} --seed ${seed}`;
  const report = writeLabFiles(dir, {
    results: found,
    rows: result.rows.map((row) => ({ ...row })),
    report: censorReport(options, result, command),
    timing,
  });
  const lines = [
    ...table(CENSOR_HEAD, censorRows(result.rows)),
    "",
    ...table(CENSOR_PBFT_HEAD, pbftRows(result.pbft)),
    `${predictedWords(result.isMatch)}: proof of work against the formulas, PBFT against its bound`,
    `  ${showDuration(tookMs)}`,
    `  ${report}`,
  ];
  out.result({ ...found, timing, report }, lines);
  if (!result.isMatch) throw new Finished(EXIT.failedCheck);
}
