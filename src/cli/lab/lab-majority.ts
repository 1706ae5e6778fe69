/** `quorate lab majority`: the attacker of attack51 against PBFT (src/tools/lab/majority.ts). */
import type { Command } from "commander";
import { majoritySteps, runMajority } from "../../tools/lab/majority.ts";
import { faultsSurvived } from "../../tools/lab/pbft/pbft-cluster.ts";
import {
  MAJORITY_HEAD,
  majorityCells,
  majorityReport,
  majorityVerdict,
} from "../../tools/lab/report/majority-report.ts";
import { predictedWords } from "../../tools/lab/report/page.ts";
import { integer } from "../arguments.ts";
import { leaf } from "../command.ts";
import { EXIT, Finished } from "../exit.ts";
import type { Output } from "../output.ts";
import { table } from "../table.ts";
import { listOption, shares } from "./lab-arguments.ts";
import { writeLabFiles } from "./lab-files.ts";
import { addNodes, checkByzantine, type PbftLabOptions } from "./lab-pbft.ts";
import { runSteps } from "./lab-steps.ts";

interface Options extends PbftLabOptions {
  readonly keys?: number;
  readonly hashrate: readonly number[];
  readonly confirmations: number;
  readonly races: number;
  readonly trials: number;
}

export function addMajority(lab: Command): void {
  leaf<Options>(
    lab,
    "majority",
    "the same majority of hash power against proof of work and against PBFT",
    (command) =>
      addNodes(command)
        .option("--keys <n>", "validator keys that the attacker holds (default: f)", integer(0, 16))
        .addOption(
          listOption(
            "--hashrate <shares>",
            "the attacker's parts of the hash power",
            shares,
            [0.1, 0.3, 0.45, 0.55, 0.7],
          ),
        )
        .option(
          "-z, --confirmations <n>",
          "confirmations that the merchant waits for under proof of work",
          integer(1, 200),
          6,
        )
        .option("--races <n>", "under proof of work, for each share", integer(1, 1_000_000), 1_000)
        .option("--trials <n>", "under PBFT, for each share", integer(1, 100_000), 40),
    ({ out, options }) => compare(out, options),
  );
}

async function compare(out: Output, options: Options): Promise<void> {
  const { nodes, seed, races, trials, confirmations } = options;
  const keys = checkByzantine("--keys", options.keys ?? faultsSurvived(nodes), nodes);
  const asked = [...options.hashrate].sort((a, b) => a - b);
  const majority = { nodes, keys, shares: asked, confirmations, races, trials, seed };
  const { result, tookMs } = await runSteps(out, [majoritySteps(majority), "spending twice"], (step) =>
    runMajority(majority, step),
  );
  const found = { experiment: "majority", options: majority, ...result };
  const command = `quorate lab majority --nodes ${nodes} --keys ${keys} --hashrate ${asked.join(",")} --confirmations ${confirmations} --races ${races} --trials ${trials} --seed ${seed}`;
  const report = writeLabFiles(options.out, {
    results: found,
    rows: result.rows.map(({ share, pow, pbft }) => ({
      share,
      powWins: pow.wins,
      powRaces: pow.trials,
      powExpected: pow.expected,
      pbftWins: pbft.wins,
      pbftTrials: pbft.trials,
      pbftDelivered: pbft.delivered,
    })),
    report: majorityReport(result, majority, command),
    timing: { seconds: Number((tookMs / 1_000).toFixed(3)) },
  });
  const lines = [
    ...table(MAJORITY_HEAD, majorityCells(result)),
    `${predictedWords(result.isMatch)}: ${majorityVerdict(result, majority)}`,
    `  ${report}`,
  ];
  out.result({ ...found, report }, lines);
  if (!result.isMatch) throw new Finished(EXIT.failedCheck);
}
